/**
 * What the Temporal UI's pages may do in a browser. They share the portal's origin, so that a script that found its way into
 * one of them could act as whoever looks: only the scripts that the UI server ships run, and what they load comes from here.
 */
import { createHash } from 'node:crypto';

/** `page` is the UI's one page: its inline script is let in by its hash, since the UI server writes its public path into it. */
export function pagePolicy(page: string): string {
  const scripts = [...page.matchAll(/<script>(.*?)<\/script>/gs)].map(([, script = '']) => script);
  const hashes = scripts.map((script) => `'sha256-${createHash('sha256').update(script).digest('base64')}'`);
  return [
    "default-src 'none'",
    `script-src ${["'self'", ...hashes].join(' ')}`,
    // It makes style elements as it goes, for menus and charts. They can load nothing from elsewhere.
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "frame-src 'self'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; ');
}

/** A workflow's Markdown: anyone who may start or signal one wrote it, and it may hold any HTML. It is text with links, and no more. */
export const framePolicy = [
  "default-src 'none'",
  "style-src 'unsafe-inline'",
  "form-action 'none'",
  "frame-ancestors 'self'",
  "base-uri 'none'",
  // The page around it measures its height; without scripts inside, the same origin is nothing that could be used.
  'sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox',
].join('; ');

/** Everything else is data, and shows nothing. */
export const dataPolicy = "default-src 'none'; frame-ancestors 'none'";

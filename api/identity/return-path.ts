/** Where someone goes after signing in: always a page of this portal. */

/** The path of `to` if it is one of ours; `/` for everything else. */
export function safeReturnPath(to: unknown, portalUrl: string): string {
  if (typeof to !== 'string' || to.length > 500) return '/';
  // `//host` and `/\host` are other hosts to a browser; control characters are dropped by it before it looks.
  if (!/^\/(?![/\\])[\x21-\x7e]*$/.test(to) || to.includes('\\')) return '/';
  const portal = new URL(portalUrl);
  if (!URL.canParse(to, portalUrl)) return '/';
  const url = new URL(to, portalUrl);
  if (url.origin !== portal.origin || url.pathname.startsWith('//')) return '/';
  // Back to signing in or out would be a circle.
  if (/^\/sign-(in|out)/.test(url.pathname)) return '/';
  return url.pathname + url.search + url.hash;
}

/** Keeps other sites from acting with a visitor's cookie: by what the browser says of the sender, and by a token in every form. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { RequestHandler } from 'express';
import { Problem } from '../problem.js';

const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS']);

export interface Csrf {
  /** For the hidden field `csrf` of every form; the same for the whole session. */
  token(sessionId: string): string;
  holds(sessionId: string, token: unknown): boolean;
}

export function createCsrf(sessionKey: Uint8Array): Csrf {
  // Derived, so that a token says nothing about the key that seals cookies.
  const key = createHmac('sha256', sessionKey).update('daypass form token').digest();
  const token = (sessionId: string) => createHmac('sha256', key).update(sessionId).digest('base64url');
  return {
    token,
    holds: (sessionId, given) => {
      if (typeof given !== 'string') return false;
      const expected = Buffer.from(token(sessionId));
      const actual = Buffer.from(given);
      return expected.length === actual.length && timingSafeEqual(expected, actual);
    },
  };
}

/** Where a request came from, as the browser states it; scripts of other sites cannot set these headers. */
export interface Sender {
  method: string;
  secFetchSite: string | undefined;
  origin: string | undefined;
}

/** True when this request cannot be another site's doing. A missing header counts as not allowed. */
export function isOwnSite(sender: Sender, origin: string): boolean {
  if (safeMethods.has(sender.method)) return true;
  // The origin is the stricter statement: it also tells this portal from other ports of the same host.
  if (sender.origin !== undefined) return sender.origin === origin;
  return sender.secFetchSite === 'same-origin';
}

export interface CrossSiteOptions {
  origin: string;
  sendsCookie: (cookieHeader: string | undefined) => boolean;
}

/** Refuses unsafe requests that carry a session cookie and come from elsewhere. Bearer tokens are never sent by browsers alone. */
export function refuseCrossSite({ origin, sendsCookie }: CrossSiteOptions): RequestHandler {
  return (request, _response, next) => {
    if (request.headers.authorization !== undefined || !sendsCookie(request.headers.cookie)) return next();
    const site = request.headers['sec-fetch-site'];
    const sender = {
      method: request.method,
      secFetchSite: typeof site === 'string' ? site : undefined,
      origin: request.headers.origin,
    };
    if (isOwnSite(sender, origin)) return next();
    next(new Problem('cross-site', `Refused: this came from another site. Do it from ${origin}.`));
  };
}

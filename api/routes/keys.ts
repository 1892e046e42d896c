/** The public keys of this installation, so that anyone can check what it signed. Compare them once with what you were given. */
import type { JwkSet, PinnedKey } from '../../activities/platform/keys.js';
import type { ReceiptKey } from '../../workflows/domain/receipt.js';
import { openRoute, type Route } from '../route.js';
import { PublishedKeys } from '../schemas/keys.js';
import { isoInstant } from '../schemas/time.js';

/** As their files say now. */
export interface KeyRouteOptions {
  published: {
    signing(): JwkSet;
    seals(): JwkSet;
    receipts(): readonly ReceiptKey[];
  };
}

export function keyRoutes({ published }: KeyRouteOptions): Route[] {
  return [
    openRoute(
      {
        method: 'get',
        path: '/v1/keys',
        may: 'anyone',
        summary: 'The public keys that statements, receipts and seals are checked with',
        answer: { 200: PublishedKeys },
      },
      () =>
        Promise.resolve({
          status: 200,
          body: {
            signing: { keys: published.signing().keys.map(publicPart) },
            seals: { keys: published.seals().keys.map(publicPart) },
            receipts: { keys: published.receipts().map(({ targets, ...key }) => ({ ...publicPart(key), targets })) },
          },
        }),
    ),
  ];
}

/** Field by field: what else a key file may hold stays in it. */
function publicPart({ kid = '', x = '', until }: Pick<PinnedKey, 'kid' | 'x' | 'until'>) {
  return { kty: 'OKP', crv: 'Ed25519', x, kid, ...(until === undefined ? {} : { until: isoInstant(until) }) };
}

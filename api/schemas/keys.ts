/** The published keys on the wire: JWK Sets with an id for each key, and nothing else of them. */
import { z } from 'zod';
import { wireInstant } from './time.js';

const key = z.strictObject({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  x: z.string(),
  kid: z.string().meta({ description: 'Stands in the header of everything that this key signed' }),
});

const retirable = key.extend({
  until: wireInstant.optional().meta({ description: 'A retired key: what it signed later does not count' }),
});

const ofTargets = key.extend({
  targets: z.array(z.string()).meta({ description: 'What its connector may speak for' }),
});

export const PublishedKeys = z
  .strictObject({
    signing: z.strictObject({ keys: z.array(retirable) }).meta({ description: 'Of the API: requests and decisions' }),
    seals: z.strictObject({ keys: z.array(retirable) }).meta({ description: 'Of the audit seals' }),
    receipts: z.strictObject({ keys: z.array(ofTargets) }).meta({ description: 'Of the connectors’ receipts' }),
  })
  .meta({ id: 'PublishedKeys' });

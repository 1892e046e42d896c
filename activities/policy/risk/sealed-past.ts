/** A past as Redis keeps it: readable, and worth nothing without our HMAC over it and the key it stands under. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { Past } from './past.js';

const shape = z.object({
  sequence: z.int().positive(),
  lostAt: z.number().optional(),
  grants: z.array(
    z.object({
      id: z.string(),
      entitlement: z.string(),
      at: z.number(),
      ms: z.number(),
      result: z.enum(['asked', 'used', 'denied']),
    }),
  ),
});

export function sealPast(key: Uint8Array, name: string, past: Past): string {
  const text = JSON.stringify(past);
  return `${mac(key, name, text).toString('base64url')}.${text}`;
}

/** Undefined for anything that was not sealed with this key for this name. */
export function openPast(key: Uint8Array, name: string, stored: string): Past | undefined {
  const at = stored.indexOf('.');
  const claimed = Buffer.from(stored.slice(0, Math.max(at, 0)), 'base64url');
  const text = stored.slice(at + 1);
  const real = mac(key, name, text);
  if (claimed.length !== real.length || !timingSafeEqual(claimed, real)) return undefined;
  const found = shape.safeParse(JSON.parse(text));
  if (!found.success) return undefined;
  const { lostAt, ...past } = found.data;
  return lostAt === undefined ? past : { ...past, lostAt };
}

/** The name is part of it, so that nobody's past can be put in somebody else's place. */
function mac(key: Uint8Array, name: string, text: string): Buffer {
  return createHmac('sha256', key).update(`${name}\n${text}`).digest();
}

/** The API signs with a key that everyone can look up, or not at all. */
import type { JwkSet, PrivateJwk } from '../activities/platform/keys.js';
import type { Instant } from '../workflows/domain/time.js';

/** Why nothing that `key` signs would count; undefined where it would. */
export function whyNotPublished(key: PrivateJwk, { keys }: JwkSet, now: Instant = Date.now()): string | undefined {
  const found = keys.find(({ kid, x }) => kid === key.kid && x === key.x);
  const way = 'pin its public file (npm run keys -- pin), or name another key';
  if (!found) {
    return `The signing key ${key.kid ?? ''} (DAYPASS_SIGNING_KEY_FILE) is not in the published set (DAYPASS_API_KEYS_FILE), so nobody would believe what it signs: ${way}.`;
  }
  if (found.until === undefined || now <= found.until) return undefined;
  const at = new Date(found.until).toISOString();
  return `The signing key ${key.kid ?? ''} (DAYPASS_SIGNING_KEY_FILE) was retired at ${at}, so nobody would believe what it signs: name another key (npm run keys -- new signing).`;
}

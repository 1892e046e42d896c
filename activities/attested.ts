/**
 * Does the assertion in a statement speak of exactly that statement? Whether a passkey signed it is for those who hold public
 * keys of passkeys: the API, and the connector.
 */
import { challengeOf } from '../workflows/domain/challenge.js';
import type { Attestable } from '../workflows/domain/evidence.js';
import { refuse, type Refusal } from '../workflows/domain/failure.js';

/** Why it does not stand for this statement; undefined where it does, or where there is none and none is demanded. */
export function whyNotAttested(statement: Attestable, isDemanded: boolean): Refusal | undefined {
  const { assertion } = statement;
  if (assertion === undefined) {
    return isDemanded
      ? refuse('passkey-required', 'This needs the passkey of whoever decides; it has none.')
      : undefined;
  }
  const expected = Buffer.from(challengeOf(statement, assertion.nonce), 'utf8').toString('base64url');
  const said = clientDataOf(assertion.clientDataJSON);
  if (said?.type === 'webauthn.get' && said.challenge === expected) return undefined;
  return refuse('passkey-refused', 'The passkey signed something else than this.');
}

function clientDataOf(encoded: string): { type?: unknown; challenge?: unknown } | undefined {
  try {
    const read: unknown = JSON.parse(Buffer.from(encoded, 'base64url').toString('utf8'));
    return typeof read === 'object' && read !== null ? read : undefined;
  } catch {
    // Browsers write JSON; whatever else this is, no passkey was asked for it here.
    return undefined;
  }
}

/** What the API would sign, for tests: one request of an engineer and the decisions about it, each field open to change. */
import { generateKeyPairSync } from 'node:crypto';
import type {
  ApprovalStatement,
  Attestable,
  ExtensionStatement,
  RenewalStatement,
  RequestStatement,
} from '../../workflows/domain/evidence.js';
import { signStatement } from '../../activities/platform/jws.js';
import type { JwkSet, PrivateJwk } from '../../activities/platform/keys.js';

export const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;

export const grantId = '0123456789abcdefghjkmnpqrs';

export interface Signer {
  key: PrivateJwk;
  keys: JwkSet;
  request(change?: Partial<RequestStatement>, passkey?: Attests): Promise<string>;
  approval(change?: Partial<ApprovalStatement>, passkey?: Attests): Promise<string>;
  extension(change?: Partial<ExtensionStatement>): Promise<string>;
  renewal(change?: Partial<RenewalStatement>): Promise<string>;
}

/** Puts the assertion of a passkey into the statement. */
type Attests = <Statement extends Attestable>(statement: Statement) => Statement;
const unattested: Attests = (statement) => statement;

/** Signs as of `now`. */
export async function createSigner(now: number): Promise<Signer> {
  return signerOf(now);
}

/** The same at once, for modules that others load: none of them may wait at its top. */
export function signerOf(now: number): Signer {
  const key = keyOf('Ed25519');
  const signed = {
    installation: 'test',
    grantId,
    requestDigest: 'a'.repeat(64),
    actor: 'person:engineer',
    signIn: { time: now - hourMs, methods: ['pwd'], groups: ['engineers'] },
    issuedAt: now,
  };
  return {
    key,
    keys: { keys: [{ kty: key.kty, crv: key.crv, x: key.x, kid: key.kid }] },
    request: (change, attest = unattested) =>
      signStatement(
        attest<RequestStatement>({
          ...signed,
          type: 'request',
          entitlement: 'orders-db/read',
          target: 'orders-db',
          subject: 'person:engineer',
          notBefore: now - minuteMs,
          activateBy: now + hourMs,
          endBy: now + 12 * hourMs,
          longestMs: 2 * hourMs,
          ...change,
        }),
        key,
      ),
    approval: (change, attest = unattested) =>
      signStatement(
        attest<ApprovalStatement>({
          ...signed,
          type: 'approve',
          actor: 'person:manager',
          signIn: { ...signed.signIn, groups: ['managers'] },
          decisionId: 'decision-1',
          about: 'request',
          step: 0,
          ...change,
        }),
        key,
      ),
    extension: (change) =>
      signStatement(
        {
          ...signed,
          type: 'extend',
          decisionId: 'extension-1',
          totalMs: 4 * hourMs,
          endBy: now + 12 * hourMs,
          ...change,
        },
        key,
      ),
    renewal: (change) => signStatement({ ...signed, type: 'renew', decisionId: 'renewal-1', ...change }, key),
  };
}

export async function privateKey(crv: 'Ed25519' | 'X25519'): Promise<PrivateJwk> {
  return keyOf(crv);
}

export function keyOf(crv: 'Ed25519' | 'X25519'): PrivateJwk {
  const { privateKey: made } = crv === 'Ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('x25519');
  const { kty = '', x = '', d = '' } = made.export({ format: 'jwk' });
  return { kty, crv, x, d, kid: `test-${crv}` };
}

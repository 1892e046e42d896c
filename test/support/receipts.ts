/** A connector's receipts for tests: what an answer says, signed with a key of the test's own. */
import { createHash, generateKeyPairSync, randomUUID, sign, type KeyObject } from 'node:crypto';
import { receiptType, type ReceiptKey, type ReceiptKind } from '../../workflows/domain/receipt.js';
import type { Provisioned, Removal } from '../../workflows/domain/target.js';

export interface ReceiptSigner {
  key: ReceiptKey;
  /** The answer with a receipt that says what it says; `but` makes it say something else. */
  made(grantId: string, answer: Omit<Provisioned, 'receipt'>, kind?: ReceiptKind, but?: object): Provisioned;
  removed(answer: Omit<Removal, 'receipt'>, but?: object): Removal;
}

export function receiptSigner(installation: string, target: string): ReceiptSigner {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const key = { kid: `receipts-${randomUUID()}`, x: publicKey.export({ format: 'jwk' }).x ?? '', targets: [target] };
  let number = 0;
  const receipt = (says: object, at: number): string => {
    number += 1;
    const place = { installation, target, book: 'a book', number, previous: '0'.repeat(64), at };
    return jws(receiptType, key.kid, { ...place, ...says }, privateKey);
  };
  return {
    key,
    made: (grantId, answer, kind = 'made', but = {}) => {
      const { account, endsAt, evidenceDigest, targetIdentity, sealedCredential } = answer;
      const credentialDigest =
        sealedCredential === undefined ? undefined : createHash('sha256').update(sealedCredential).digest('hex');
      const says = { kind, grantId, account, endsAt, evidenceDigest, targetIdentity, credentialDigest, ...but };
      return { ...answer, receipt: receipt(says, Date.now()) };
    },
    removed: (answer, but = {}) => {
      const { remarks: _, ...says } = answer;
      return { ...answer, receipt: receipt({ kind: 'removed', ...says, ...but }, answer.verifiedAt) };
    },
  };
}

/** Compact JWS over Ed25519. */
export function jws(typ: string, kid: string, payload: object, key: KeyObject): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const said = `${part({ alg: 'EdDSA', typ, kid })}.${part(payload)}`;
  return `${said}.${sign(null, Buffer.from(said), key).toString('base64url')}`;
}

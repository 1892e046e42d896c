/** What a grant believes of a connector: what is signed by a key pinned for its target, and says exactly what the answer says. */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { receiptType } from '../../../workflows/domain/receipt.js';
import type { Provisioned, Removal } from '../../../workflows/domain/target.js';
import { removalClaim, standingClaim, unknownKey, whyUnproved } from '../../../workflows/receipts.js';
import { gone, hour, inState, start } from '../../support/histories.js';
import { jws, receiptSigner } from '../../support/receipts.js';

const activating = inState.ACTIVATING();
const revoking = inState.REVOKING();
const { grantId, target } = activating.request;
const signer = receiptSigner('test', target);
const stranger = receiptSigner('test', target);
const pinned = [signer.key];

const account = {
  account: 'daypass_0123',
  endsAt: start + hour,
  evidenceDigest: 'e',
  targetIdentity: 'system-1',
  sealedCredential: 'sealed',
};
const { removal } = gone();

type Kind = Parameters<typeof standingClaim>[0];
const made = (answer: Provisioned, kind: Kind = 'made') => whyUnproved(standingClaim(kind, answer, activating), pinned);
const removed = (answer: Removal) => whyUnproved(removalClaim(answer, revoking), pinned);

describe('a receipt', () => {
  it('proves what it says, each kind for its own call', () => {
    for (const kind of ['made', 'end-moved', 'renewed'] as const) {
      const answer = signer.made(grantId, account, kind);
      assert.equal(made(answer, kind), undefined);
      for (const other of ['made', 'end-moved', 'renewed'] as const) {
        if (other !== kind) assert.match(made(answer, other) ?? '', /: kind\.$/);
      }
    }
    assert.equal(removed(signer.removed(removal)), undefined);
  });

  it('proves an answer without a credential, and no credential of another', () => {
    const { sealedCredential: _, ...without } = account;
    assert.equal(made(signer.made(grantId, without)), undefined);
    const { receipt } = signer.made(grantId, without);
    assert.match(made({ ...account, receipt }) ?? '', /: credentialDigest\.$/);
    assert.match(made({ ...signer.made(grantId, account), sealedCredential: 'mine' }) ?? '', /: credentialDigest\.$/);
    assert.match(made({ ...without, receipt: signer.made(grantId, account).receipt }) ?? '', /: credentialDigest\.$/);
  });

  const others: [keyof Provisioned, string | number][] = [
    ['account', 'daypass_other'],
    ['endsAt', start + 9 * hour],
    ['evidenceDigest', 'f'],
    ['targetIdentity', 'a copy'],
  ];
  for (const [field, value] of others) {
    it(`does not prove that access stands with another ${field}`, () => {
      assert.match(made({ ...signer.made(grantId, account), [field]: value }) ?? '', new RegExp(`: ${field}\\.$`));
    });
  }

  const elsewhere: [string, object][] = [
    ['grant', { grantId: 'another' }],
    ['target', { target: 'another-db' }],
    ['installation', { installation: 'another' }],
    ['kind', { kind: 'swept' }],
  ];
  for (const [what, but] of elsewhere) {
    it(`of another ${what} proves nothing here`, () => {
      assert.match(made(signer.made(grantId, account, 'made', but)) ?? '', /says something else/);
      assert.match(removed(signer.removed(removal, but)) ?? '', /says something else/);
    });
  }

  const lies: [keyof Removal, string | number | boolean][] = [
    ['account', 'daypass_other'],
    ['removedAt', start],
    ['verifiedAt', start],
    ['wasPresent', false],
    ['sessionsEnded', 7],
    ['targetIdentity', 'a restored copy'],
  ];
  for (const [field, value] of lies) {
    it(`does not prove a removal with another ${field}`, () => {
      assert.match(removed({ ...signer.removed(removal), [field]: value }) ?? '', new RegExp(field));
    });
  }

  it('of what was made does not prove a removal, nor the other way round', () => {
    assert.match(removed({ ...removal, receipt: signer.made(grantId, account).receipt }) ?? '', /: kind\.$/);
    assert.match(made({ ...account, receipt: signer.removed(removal).receipt }) ?? '', /: kind\.$/);
  });

  it('by a key that is not pinned, or pinned for another target, is by an unknown key', () => {
    assert.equal(made(stranger.made(grantId, account)), unknownKey);
    const answer = signer.made(grantId, account);
    for (const keys of [[], [stranger.key], [{ ...signer.key, targets: ['another-db'] }]]) {
      assert.equal(whyUnproved(standingClaim('made', answer, activating), keys), unknownKey);
    }
  });

  it('under the name of a pinned key, by another, is refused for good', () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    const says = standingClaim('made', { ...account, receipt: '' }, activating).says;
    const receipt = jws(receiptType, signer.key.kid, says, privateKey);
    assert.match(made({ ...account, receipt }) ?? '', /not signed by its key/);
  });

  it('of another purpose, cut, padded or no receipt at all proves nothing and throws nothing', () => {
    const { receipt } = signer.made(grantId, account);
    const [header = '', payload = '', signature = ''] = receipt.split('.');
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const own = { kid: 'own', x: publicKey.export({ format: 'jwk' }).x ?? '', targets: [target] };
    const says = standingClaim('made', { ...account, receipt: '' }, activating).says;
    const statement = jws('daypass+jws', own.kid, says, privateKey);
    const wrong = ['', '.', '..', 'x', header, `${header}.${payload}`, `${header}.${payload}.`, `${receipt}.x`];
    for (const one of [...wrong, `${header}..${signature}`, `.${payload}.${signature}`, statement, 'x'.repeat(5_000)]) {
      const claim = standingClaim('made', { ...account, receipt: one }, activating);
      assert.ok(whyUnproved(claim, [signer.key, own]), one.slice(0, 40));
    }
  });
});

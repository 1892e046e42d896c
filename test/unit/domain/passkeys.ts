/** What can be done to a person's passkeys, and what never happens, in whatever order it is tried. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  answeredForMs,
  enrolled,
  fingerprintOf,
  handedOn,
  headOfPerson,
  isBehind,
  noPasskeys,
  passkeysMax,
  removed,
  renamed,
  unpublished,
  used,
  type Enrolment,
  type PersonState,
  type Step,
} from '../../../workflows/domain/passkeys.js';
import { firstBroken } from '../../../workflows/domain/record.js';
import { seeded } from '../../support/seed.js';

const by = 'person:manager';
const now = Date.UTC(2026, 0, 5, 9);

function enrolment(credentialId: string, more: Partial<Enrolment> = {}): Enrolment {
  const key = { publicKey: `key-of-${credentialId}`, evidence: 'jws', transports: ['internal'], backedUp: false };
  return { credentialId, name: 'Laptop', counter: 0, by, ...key, ...more };
}

function done({ state, refusal }: Step): PersonState {
  assert.equal(refusal, undefined);
  return state;
}

const one = (counter = 0) => done(enrolled(noPasskeys('manager'), enrolment('a', { counter }), now));
const proof = { credentialId: 'a', challenge: 'c1', counter: 0, for: 'approve', by } as const;

describe('passkeys of a person', () => {
  it('are enrolled once, with the fingerprint that people compare', () => {
    const state = one();
    assert.deepEqual(
      state.passkeys.map(({ credentialId, name, fingerprint }) => ({ credentialId, name, fingerprint })),
      [{ credentialId: 'a', name: 'Laptop', fingerprint: fingerprintOf({ credentialId: 'a', publicKey: 'key-of-a' }) }],
    );
    assert.match(state.passkeys[0]?.fingerprint ?? '', /^([0-9a-f]{4} ){9}[0-9a-f]{4}$/);
    const again = enrolled(state, enrolment('a', { publicKey: 'another' }), now);
    assert.equal(again.refusal?.refused, 'passkey-exists');
    assert.equal(again.state, state);
  });

  it('are at most ten, and so many as can be handed on', () => {
    let state = noPasskeys('manager');
    for (let n = 0; n < passkeysMax; n += 1) state = done(enrolled(state, enrolment(`k${n}`), now));
    assert.equal(enrolled(state, enrolment('more'), now).refusal?.refused, 'too-many-passkeys');
    const large = enrolment('large', { evidence: 'x'.repeat(15_000) });
    const two = enrolled(done(enrolled(one(), large, now)), { ...large, credentialId: 'large-2' }, now);
    assert.equal(two.refusal?.refused, 'too-many-passkeys');
  });

  it('that were removed do not come back, whoever still has their statement', () => {
    const state = done(removed(one(), { credentialId: 'a', by }, now));
    assert.deepEqual(state.passkeys, []);
    assert.equal(enrolled(state, enrolment('a'), now).refusal?.refused, 'passkey-exists');
    assert.equal(used(state, proof, now).refusal?.refused, 'passkey-unknown');
  });

  it('are removed without a refusal, also when they are gone already', () => {
    const state = one();
    assert.equal(done(removed(state, { credentialId: 'other', by }, now)), state);
  });

  it('are renamed, and only their own', () => {
    const state = done(renamed(one(), { credentialId: 'a', name: 'Key on my ring', by }, now));
    assert.equal(state.passkeys[0]?.name, 'Key on my ring');
    assert.equal(renamed(state, { credentialId: 'b', name: 'x', by }, now).refusal?.refused, 'passkey-unknown');
  });

  describe('a proof', () => {
    it('counts once, and is refused by name and recorded the second time', () => {
      const state = done(used(one(), proof, now));
      assert.equal(state.passkeys[0]?.lastUsedAt, now);
      const again = used(state, proof, now + answeredForMs - 1);
      assert.equal(again.refusal?.refused, 'passkey-replayed');
      assert.equal(again.state.records.at(-1)?.type, 'passkey-refused');
    });

    it('is refused when another passkey answers the same challenge', () => {
      const state = done(enrolled(done(used(one(), proof, now)), enrolment('b'), now));
      assert.equal(used(state, { ...proof, credentialId: 'b' }, now).refusal?.refused, 'passkey-replayed');
    });

    it('with a counter that does not grow is refused where the passkey counts, and its challenge is spent', () => {
      const state = one(7);
      for (const counter of [0, 6, 7]) {
        const step = used(state, { ...proof, counter }, now);
        assert.equal(step.refusal?.refused, 'passkey-counter');
        assert.equal(step.state.passkeys[0]?.counter, 7);
        assert.equal(used(step.state, { ...proof, counter: 8 }, now).refusal?.refused, 'passkey-replayed');
      }
      assert.equal(done(used(state, { ...proof, counter: 8 }, now)).passkeys[0]?.counter, 8);
    });

    it('with a counter of zero counts where the passkey never counted', () => {
      const state = done(used(one(0), proof, now));
      assert.equal(used(state, { ...proof, challenge: 'c2' }, now).refusal, undefined);
    });

    it('is refused when so many came that one would have to be forgotten', () => {
      let state = one();
      for (let n = 0; n < 120; n += 1) state = done(used(state, { ...proof, challenge: `many-${n}` }, now));
      assert.equal(used(state, proof, now).refusal?.refused, 'rate-limited');
      assert.equal(used(state, proof, now + answeredForMs).refusal, undefined);
    });
  });

  it('hold together in whatever order things come: chain, one use, bounds, nothing unpublished let go', () => {
    const id = fc.constantFrom('a', 'b', 'c', 'd');
    const happening = fc.oneof(
      id.map((credentialId) => (state: PersonState) => enrolled(state, enrolment(credentialId, { counter: 1 }), now)),
      id.map((credentialId) => (state: PersonState) => removed(state, { credentialId, by }, now)),
      fc.tuple(id, fc.string({ maxLength: 20 })).map(
        ([credentialId, name]) =>
          (state: PersonState) =>
            renamed(state, { credentialId, name, by }, now),
      ),
      fc.tuple(id, fc.nat(30), fc.nat(5)).map(
        ([credentialId, challenge, counter]) =>
          (state: PersonState) =>
            used(state, { ...proof, credentialId, challenge: `c${challenge}`, counter }, now),
      ),
      fc.constant((state: PersonState) => ({ state: { ...state, published: headOfPerson(state).sequence } })),
      fc.constant((state: PersonState) => ({ state: handedOn(state) })),
    );
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 60 }), (happenings) => {
        let state = noPasskeys('manager');
        const proven = new Set<string>();
        const gone = new Set<string>();
        for (const happens of happenings) {
          const before = state;
          ({ state } = happens(before));
          const last = state.records.at(-1);
          if (state !== before && last && last.sequence > headOfPerson(before).sequence) {
            if (last.type === 'passkey-removed') gone.add(String(last.detail['credentialId']));
            const isUse = last.type === 'passkey-used';
            const challenge = isUse ? state.answered.at(-1)?.challenge : undefined;
            assert.ok(challenge === undefined || !proven.has(challenge), 'a challenge counted twice');
            if (challenge !== undefined) proven.add(challenge);
          }
          assert.ok(!state.passkeys.some(({ credentialId }) => gone.has(credentialId)), 'a removed one came back');
          assert.equal(firstBroken(state.records, state.before), undefined);
          assert.ok(headOfPerson(state).sequence >= headOfPerson(before).sequence);
          assert.deepEqual(unpublished(handedOn(state)), unpublished(state));
          assert.ok(isBehind(state) || JSON.stringify(handedOn(state)).length < 60_000);
        }
      }),
      seeded({ numRuns: 500 }),
    );
  });
});

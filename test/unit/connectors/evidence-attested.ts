/**
 * The attacker owns an approver's password, or the API with its signing key: it can have anything signed in anybody's name. What it
 * lacks are passkeys. It knows every assertion that was ever made. Where the ceiling says `attested`, that is not enough.
 */
import assert from 'node:assert/strict';
import type { Order } from '../../../activities/contract.js';
import { digest } from '../../../workflows/domain/digest.js';
import type { ApprovalStatement, Assertion, RequestStatement } from '../../../workflows/domain/evidence.js';
import { createPasskey, type Ceremony, type Passkey } from '../../support/authenticator.js';
import { api, believed, check, extending, now, passkeys, refuses, type Attack } from '../../support/evidence-world.js';
import { hourMs } from '../../support/signer.js';

type ApprovalChange = Partial<ApprovalStatement>;
const entitlement = 'orders-db/administer';
const signedIn = (group: string) => ({ time: now, methods: ['pwd'], groups: [group] });
const asOwner: ApprovalChange = {
  actor: 'person:owner',
  signIn: signedIn('db-owners'),
  decisionId: 'decision-2',
  step: 1,
};

/** Signs with the passkey, as the browser would. */
const by =
  (passkey: Passkey, ceremony: Partial<Ceremony> = {}) =>
  <Statement extends RequestStatement | ApprovalStatement>(statement: Statement): Statement =>
    passkey.attest(statement, ceremony);

const managers = (change: ApprovalChange = {}, ceremony: Partial<Ceremony> = {}) =>
  api.approval(change, by(passkeys.manager, ceremony));
const owners = (change: ApprovalChange = {}, ceremony: Partial<Ceremony> = {}) =>
  api.approval({ ...asOwner, ...change }, by(passkeys.owner, ceremony));

/** Orders what wants two passkeys, with these approvals. */
async function ordered(approvals: string[], order: Partial<Order> = {}): Promise<Attack> {
  return { order: { entitlement, request: await api.request({ entitlement }), approvals, ...order } };
}

/** The manager's true approval beside one of the owner that the attacker had signed around an old assertion. */
async function around(assertion: Assertion, change: ApprovalChange = {}): Promise<Attack> {
  return ordered([await managers(), await api.approval({ ...asOwner, ...change, assertion })]);
}

/** What the owner's passkey once signed for an approval that differed so. */
async function asserted(change: ApprovalChange, ceremony: Partial<Ceremony> = {}): Promise<Assertion> {
  return assertionIn(await owners(change, ceremony));
}

function assertionIn(jws: string): Assertion {
  const { assertion }: { assertion?: Assertion } = JSON.parse(
    Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString(),
  );
  assert.ok(assertion);
  return assertion;
}

const rewritten = (assertion: Assertion, change: object): Assertion => {
  const data: object = JSON.parse(Buffer.from(assertion.clientDataJSON, 'base64url').toString());
  const text = JSON.stringify({ ...data, ...change });
  return { ...assertion, clientDataJSON: Buffer.from(text).toString('base64url') };
};

describe('evidence, against who owns the API or an approver’s password', () => {
  it('counts two approvals by two listed passkeys', async () => {
    const checked = await check(await ordered([await managers(), await owners()]));
    assert.equal(checked.privilege, 'admin');
  });

  it('leaves the counter to the API', async () => {
    await check(await ordered([await managers({}, { counter: 0 }), await owners({}, { counter: 1 })]));
    await check(await ordered([await managers({}, { counter: 9 }), await owners({}, { counter: 0 })]));
  });

  it('counts two of three where the third has no passkey', async () => {
    const third = await api.approval({ actor: 'person:director', decisionId: 'decision-3' });
    await check(await ordered([third, await managers(), await owners()]));
  });

  it('takes an emergency with the passkey of whoever asks', async () => {
    const request = await api.request(urgent, by(passkeys.engineer));
    const checked = await check(await ordered([], { request }));
    assert.deepEqual([checked.privilege, checked.automaticPerHour], ['admin', undefined]);
  });

  refuses([
    // without a passkey
    [
      'a signed-in approver without the passkey',
      'passkey-required',
      async () => ordered([await managers(), await api.approval(asOwner)]),
    ],
    [
      'everybody’s approval, signed by the API alone',
      'passkey-required',
      async () => ordered([await api.approval(), await api.approval(asOwner)]),
    ],
    [
      'the approver who holds a passkey, twice',
      'ceiling-refused',
      async () => ordered([await managers(), await managers({ decisionId: 'decision-2', step: 1 })]),
    ],
    [
      'a passkey that the attacker enrolled for the approver at the API',
      'passkey-unknown',
      async () => ordered([await managers(), await api.approval(asOwner, by(createPasskey()))]),
    ],
    [
      'the attacker’s own listed passkey for somebody else’s approval',
      'passkey-unknown',
      async () => ordered([await managers(), await api.approval(asOwner, by(passkeys.manager))]),
    ],
    [
      'a passkey for an approver whose groups do not count',
      'ceiling-refused',
      async () => ordered([await managers(), await owners({ signIn: signedIn('engineers') })]),
    ],
    [
      'one passkey that is listed for two people',
      'ceiling-refused',
      async () => {
        const { credentialId, publicKey } = passkeys.manager;
        const listed = ['person:manager', 'person:owner'].map((person) => ({ person, credentialId, publicKey }));
        const approvals = [await managers(), await api.approval(asOwner, by(passkeys.manager))];
        return { ...(await ordered(approvals)), believed: { passkeys: listed } };
      },
    ],
    [
      'what was right, after the zone’s owner took the passkey out',
      'passkey-unknown',
      async () => ({
        ...(await ordered([await managers(), await owners()])),
        believed: { passkeys: believed.passkeys.filter(({ person }) => person !== 'person:owner') },
      }),
    ],

    // an old assertion in a new approval
    [
      'the assertion for another grant',
      'passkey-refused',
      async () => around(await asserted({ grantId: '1'.repeat(26) })),
    ],
    [
      'the assertion for another request',
      'passkey-refused',
      async () => around(await asserted({ requestDigest: 'b'.repeat(64) })),
    ],
    ['the assertion for another step', 'passkey-refused', async () => around(await asserted({ step: 2 }))],
    [
      'the assertion for another decision',
      'passkey-refused',
      async () => around(await asserted({ decisionId: 'decision-9' })),
    ],
    [
      'the assertion for a shorter duration',
      'passkey-refused',
      async () => around(await asserted({ durationMs: 1_000 })),
    ],
    [
      'the assertion for a longer duration',
      'passkey-refused',
      async () => around(await asserted({}), { durationMs: hourMs }),
    ],
    ['the assertion for an extension', 'passkey-refused', async () => around(await asserted({ about: 'extension-1' }))],
    [
      'the assertion for another installation',
      'passkey-refused',
      async () => around(await asserted({ installation: 'prod' })),
    ],
    [
      'the assertion by the same passkey as another person',
      'passkey-refused',
      async () => around(await asserted({ actor: 'person:director' })),
    ],
    [
      'the assertion with another nonce',
      'passkey-refused',
      async () => around({ ...(await asserted({})), nonce: 'AAAA' }),
    ],
    [
      'the assertion of a denial',
      'passkey-refused',
      async () => {
        const nonce = 'AAAAAAAAAAAAAAAAAAAAAA';
        const { installation, grantId, requestDigest, actor } = {
          installation: 'test',
          grantId: '0123456789abcdefghjkmnpqrs',
          requestDigest: 'a'.repeat(64),
          actor: 'person:owner',
        };
        const denial = digest({
          purpose: 'daypass-decision-1',
          type: 'deny',
          installation,
          grantId,
          requestDigest,
          actor,
          nonce,
          decisionId: 'decision-2',
          about: 'request',
          step: 1,
        });
        const { response } = passkeys.owner.authenticate({ challenge: Buffer.from(denial).toString('base64url') });
        const { authenticatorData, clientDataJSON, signature } = response;
        return around({
          credentialId: passkeys.owner.credentialId,
          authenticatorData,
          clientDataJSON,
          signature,
          nonce,
        });
      },
    ],
    [
      'the assertion of a request, by its requester who is now to approve',
      'passkey-refused',
      async () => {
        const request = await api.request({ entitlement, actor: 'person:owner' }, by(passkeys.owner));
        const assertion = assertionIn(request);
        return around(assertion);
      },
    ],

    // an assertion that was tampered with, or made elsewhere
    [
      'an assertion without the person verified',
      'passkey-unverified-user',
      async () => around(await asserted({}, { userVerified: false })),
    ],
    [
      'an assertion without anybody there',
      'passkey-refused',
      async () => around(await asserted({}, { userPresent: false })),
    ],
    [
      'an assertion from another page',
      'passkey-refused',
      async () => around(await asserted({}, { origin: 'http://localhost:7301' })),
    ],
    [
      'an assertion from the same host over https',
      'passkey-refused',
      async () => around(await asserted({}, { origin: 'https://localhost:7300' })),
    ],
    [
      'an assertion for another host',
      'passkey-refused',
      async () => around(await asserted({}, { rpId: 'evil.example' })),
    ],
    ['an assertion from a frame', 'passkey-refused', async () => around(await asserted({}, { crossOrigin: true }))],
    [
      'an assertion with the id of another listed passkey',
      'passkey-unknown',
      async () => around({ ...(await asserted({})), credentialId: passkeys.manager.credentialId }),
    ],
    [
      'a stranger’s assertion with the id of the listed passkey',
      'passkey-refused',
      async () => {
        const forger = { ...createPasskey() };
        return ordered([
          await managers(),
          await api.approval(asOwner, (statement) => {
            const assertion = { ...forger.assert(statement), credentialId: passkeys.owner.credentialId };
            return { ...statement, assertion };
          }),
        ]);
      },
    ],
    [
      'an assertion with altered clientDataJSON',
      'passkey-refused',
      async () => around(rewritten(await asserted({ step: 2 }), { challenge: 'AAAA' })),
    ],
    [
      'an assertion with a page written into clientDataJSON',
      'passkey-refused',
      async () =>
        around(rewritten(await asserted({}, { origin: 'https://evil.example' }), { origin: 'http://localhost:7300' })),
    ],
    [
      'a good approval beside a forged assertion',
      'passkey-refused',
      async () =>
        ordered([
          await managers(),
          await owners(),
          await api.approval({ ...asOwner, assertion: await asserted({ step: 7 }) }),
        ]),
    ],

    // extensions
    [
      'an extension that the API approved alone',
      'passkey-required',
      async () =>
        attestedExtension(async () => [await api.approval(consent), await api.approval({ ...asOwner, ...consent })]),
    ],
    [
      'the assertions of a shorter extension',
      'passkey-refused',
      async () =>
        attestedExtension(async () => [
          await managers(consent),
          await api.approval({
            ...asOwner,
            ...consent,
            assertion: await asserted({ ...consent, shownMs: 3 * hourMs }),
          }),
        ]),
    ],
    [
      'the assertions of the request',
      'passkey-refused',
      async () =>
        attestedExtension(async () => [
          await managers(consent),
          await api.approval({ ...asOwner, ...consent, assertion: await asserted({}) }),
        ]),
    ],

    // emergencies
    [
      'an emergency that the API asked for alone',
      'passkey-required',
      async () => ordered([], { request: await api.request(urgent) }),
    ],
    [
      'an emergency with a passkey that the zone does not list',
      'passkey-unknown',
      async () => ordered([], { request: await api.request(urgent, by(createPasskey())) }),
    ],
    [
      'an emergency with the passkey of somebody else on duty',
      'passkey-unknown',
      async () => ordered([], { request: await api.request(urgent, by(passkeys.manager)) }),
    ],
    [
      'an emergency without its person verified',
      'passkey-unverified-user',
      async () => ordered([], { request: await api.request(urgent, by(passkeys.engineer, { userVerified: false })) }),
    ],
    [
      'an emergency on the assertion of an earlier one',
      'passkey-refused',
      async () => {
        const earlier = await api.request({ ...urgent, requestDigest: 'b'.repeat(64) }, by(passkeys.engineer));
        const assertion = assertionIn(earlier);
        return ordered([], { request: await api.request({ ...urgent, assertion }) });
      },
    ],
  ]);
});

const urgent: Partial<RequestStatement> = {
  entitlement,
  emergency: true,
  longestMs: hourMs,
  signIn: signedIn('oncall'),
};

const consent = { about: 'extension-1', shownMs: 4 * hourMs };

async function attestedExtension(approvals: () => Promise<string[]>): Promise<Attack> {
  const { order } = await extending({}, approvals);
  const attack = await ordered([await managers(), await owners()], { extensions: order?.extensions ?? [] });
  return { ...attack, purpose: 'setEnd' };
}

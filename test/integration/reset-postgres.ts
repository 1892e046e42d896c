/**
 * A grant that is over makes nothing any more: whoever resets its workflow, holds evidence that is complete by now, or orders at
 * the connector by hand, meets the tombstone at the real PostgreSQL. The decisions side helps the attacker here as it can.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createPace } from '../../activities/connectors/pace.js';
import { createAccounts, type AccountDeps } from '../../activities/accounts.js';
import { openBook } from '../../activities/connectors/book.js';
import type { Changes, Undos } from '../../activities/contract.js';
import type { PostgresPrivilege } from '../../activities/connectors/postgres/index.js';
import { createLog } from '../../activities/platform/log.js';
import { claimed } from '../../workflows/domain/signature.js';
import type { GrantState } from '../../workflows/domain/states.js';
import * as messages from '../../workflows/messages.js';
import { postgresGround, type PostgresGround } from '../support/connector-contract-postgres-ground.js';
import { hour, rule, Script, step } from '../support/script.js';
import { folder } from '../support/services.js';
import { privateKey } from '../support/signer.js';
import { installation } from '../support/statements.js';
import type { TestGrant } from '../support/test-grant.js';
import { until } from '../support/until.js';
import { WorkflowWorld } from '../support/workflow-world.js';

const manager = 'person:manager';
const engineer = 'person:engineer';
const target = 'orders-db';
const log = createLog('test', 'fatal');

describe('a grant that is over, at a real PostgreSQL', function () {
  this.timeout(60_000);
  let world: WorkflowWorld;
  let ground: PostgresGround;
  let accounts: Changes & Undos;
  /** The same connector, for who orders by hand. */
  let rogue: Changes;
  let receiptKey: { kid: string; x: string; targets: string[] };
  let closeBook: () => Promise<void>;

  before(async function () {
    this.timeout(120_000);
    world = await WorkflowWorld.start();
    ground = await postgresGround();
    const key = { ...(await privateKey('Ed25519')), kid: `receipts-${randomUUID()}` };
    receiptKey = { kid: key.kid, x: key.x ?? '', targets: [target] };
    const book = openBook({ installation, target, key, dir: await folder(), log });
    closeBook = () => book.close();
    const credentialKey = await privateKey('X25519');
    const privilege = { role: 'orders_reader' };
    const ceiling = {
      privilege,
      longestMs: 8 * hour,
      approvals: { least: 1, groups: ['managers'] },
      attested: false,
      automatic: { longestMs: 8 * hour, perHour: 1_000 },
    };
    await ground.connector.check([privilege]);
    const deps: AccountDeps<PostgresPrivilege> = {
      believed: {
        installation,
        target,
        ceilings: new Map([['orders-db/read', ceiling]]),
        passkeys: [],
        page: { origin: 'http://localhost:7300', rpId: 'localhost' },
        apiKeys: world.api.keys,
        credentialKey: { kty: credentialKey.kty, crv: credentialKey.crv, x: credentialKey.x },
      },
      connector: ground.connector,
      book,
      pace: createPace(1_000).removing,
      log,
    };
    accounts = createAccounts(deps);
    rogue = createAccounts({ ...deps, attempt: () => ({ number: 1, signal: AbortSignal.timeout(5_000) }) });
  });
  after(async () => {
    await world.stop();
    await closeBook();
    await ground.stop();
  });

  /** The real connector; a judge that lets everything pass. */
  function script(more: ConstructorParameters<typeof Script>[0] = {}): Script {
    const { provision, setEnd, remove } = accounts;
    const it = new Script({
      provision,
      setEnd,
      remove,
      judge: async ({ evidence }) => {
        const by = String(claimed(evidence).actor);
        return { ok: true, by, name: by, human: by, standing: [] };
      },
      ...more,
    });
    it.receiptKeys = [receiptKey];
    return it;
  }

  const stands = async ({ request }: TestGrant): Promise<boolean> =>
    (await ground.connector.list(AbortSignal.timeout(5_000))).some(({ grantId }) => grantId === request.grantId);

  function approval({ request }: TestGrant, decisionId: string): Promise<string> {
    const signIn = { time: Date.now(), methods: ['pwd'], groups: ['managers'] };
    return world.api.approval(request, manager, { decisionId, signIn });
  }

  async function approve(it: TestGrant): Promise<void> {
    const decisionId = randomUUID();
    const evidence = await approval(it, decisionId);
    await it.handle.signal(messages.approve, { decisionId, by: manager, comment: '', evidence });
  }

  async function awaited(using = script()): Promise<TestGrant> {
    const it = await world.grant(using);
    await it.shows({ state: 'APPROVAL_AWAITED' });
    return it;
  }

  async function active(using = script()): Promise<TestGrant> {
    const it = await awaited(using);
    await approve(it);
    await it.shows({ state: 'ACTIVE' });
    assert.ok(await stands(it));
    return it;
  }

  /** What the first life of a grant meets, and the one after its reset does not. */
  let refuse = true;
  const deniedByAssessment = (): Script => {
    const it: Script = script({
      assess: async (input) => (refuse ? { verdict: 'deny', code: 'not-eligible', because: 'no' } : it.assess(input)),
    });
    return it;
  };
  const quick = (): Script => {
    const it = script();
    it.rule = rule({ flow: { name: 'quick', steps: [step([manager], { expireAfterMs: 1_000 })] } });
    return it;
  };

  const endings: [string, GrantState, () => Promise<TestGrant>][] = [
    ['denied by the assessment', 'DENIED', () => world.grant(deniedByAssessment())],
    [
      'denied by an approver',
      'DENIED',
      async () => {
        const it = await awaited();
        await it.narrow('deny', manager);
        return it;
      },
    ],
    ['expired', 'EXPIRED', () => world.grant(quick())],
    [
      'withdrawn while people are asked',
      'WITHDRAWN',
      async () => {
        const it = await awaited();
        await it.narrow('withdraw', engineer);
        return it;
      },
    ],
    [
      'revoked while people are asked',
      'REVOKED',
      async () => {
        const it = await awaited();
        await it.narrow('revoke', 'person:security');
        return it;
      },
    ],
    [
      'cancelled while people are asked',
      'REVOKED',
      async () => {
        const it = await awaited();
        await it.handle.cancel();
        return it;
      },
    ],
    [
      'revoked in use',
      'REVOKED',
      async () => {
        const it = await active();
        await it.narrow('revoke', 'person:security');
        return it;
      },
    ],
    [
      'given back',
      'WITHDRAWN',
      async () => {
        const it = await active();
        await it.narrow('withdraw', engineer);
        return it;
      },
    ],
    [
      'ended by its time',
      'ENDED',
      async () => {
        const it = await world.grant(script(), { requestedDurationMs: 2_500 });
        await it.shows({ state: 'APPROVAL_AWAITED' });
        await approve(it);
        await it.shows({ state: 'ACTIVE' });
        return it;
      },
    ],
    [
      'refused by the target',
      'ACTIVATION_FAILED',
      async () => {
        const it = await awaited(
          script({
            provision: (order) => accounts.provision(refuse ? { ...order, entitlement: 'orders-db/admin' } : order),
          }),
        );
        await approve(it);
        return it;
      },
    ],
  ];

  for (const [name, state, reach] of endings) {
    it(`${name}: a reset makes nothing, with every signature there is, and neither does a rogue order`, async () => {
      refuse = true;
      const it = await reach();
      assert.equal((await it.ends()).state, state);
      const record = await it.record();
      assert.ok(record.some(({ type }) => type === 'removed' || type === 'tombstone-planted'));

      // The rules let everything pass by now, and the approval that was missing is there.
      refuse = false;
      it.script.rule = rule();
      await it.resetToStart('without signals');
      await until(async () => (await it.handle.query(messages.outcome, 'x')).state === 'APPROVAL_AWAITED');
      await approve(it);
      const again = await it.ends();
      assert.equal(again.state, 'ACTIVATION_FAILED');
      const failed = (await it.record()).find(({ type }) => type === 'activation-failed');
      assert.equal(failed?.detail.code, 'tombstone');
      assert.ok(!(await stands(it)));

      const { grantId, entitlement } = it.request;
      const order = { grantId, target, entitlement, request: String(record[0]?.detail.evidence), extensions: [] };
      for (const approvals of [[], [await approval(it, randomUUID())]]) {
        await assert.rejects(rogue.provision({ ...order, approvals }), { type: 'tombstone' });
      }
      assert.ok(!(await stands(it)));
    });
  }

  it('denied, and reset with its signals: whoever approves it then gets nothing', async () => {
    const it = await awaited();
    await it.narrow('deny', manager);
    await it.ends();
    await it.resetToStart('with signals');
    await until(async () => (await it.handle.query(messages.outcome, 'x')).state === 'APPROVAL_AWAITED');
    await approve(it);
    assert.equal((await it.ends()).state, 'ACTIVATION_FAILED');
    assert.ok(!(await stands(it)));
  });

  it('revoked in use, and reset with its signals: it is revoked again', async () => {
    const it = await active();
    await it.narrow('revoke', 'person:security');
    await it.ends();
    await it.resetToStart('with signals');
    assert.equal((await it.ends()).state, 'REVOKED');
    assert.ok(!(await stands(it)));
  });
});

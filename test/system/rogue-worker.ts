/**
 * Somebody who can poll the queues answers in the connector's place, on the whole system: nothing that they say ends a grant or
 * makes one active, and the connector's own work counts again as soon as it is back.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { NativeConnection, Worker } from '@temporalio/worker';
import type { Provisioned, Undos } from '../../activities/contract.js';
import { readCodecKeys, readReceiptKeys, type PrivateJwk } from '../../activities/platform/keys.js';
import { signAs } from '../../activities/platform/jws.js';
import { dataConverter } from '../../activities/platform/temporal.js';
import { receiptType } from '../../workflows/domain/receipt.js';
import { claimed } from '../../workflows/domain/signature.js';
import { changeQueue, undoQueue } from '../../workflows/ids.js';
// Quiet workers.
import '../support/bundle.js';
import { privateKey } from '../support/signer.js';
import { entry, reaches, reader, reading, recordOf, refusalOf, type Usable } from '../support/system-grant.js';
import { accountOf, system, type System } from '../support/system.js';
import { until } from '../support/until.js';

const target = 'orders-db';

describe("a worker that answers in the connector's place", function () {
  this.timeout(240_000);
  let daypass: System;
  let forger: PrivateJwk;
  let rogue: { worker: Worker; done: Promise<void>; connection: NativeConnection } | undefined;

  before(async () => {
    daypass = await system();
    forger = await privateKey('Ed25519');
  });

  afterEach(async () => {
    await stopRogue();
    await daypass.start();
  });

  /** Has the codec keys, as every worker does, and none of the connector's. */
  async function poll(taskQueue: string, activities: object): Promise<void> {
    const { address, namespace } = daypass.engine;
    const keys = await readCodecKeys(join(daypass.stateDir, 'keys', 'codec.json'));
    const connection = await NativeConnection.connect({ address });
    const worker = await Worker.create({
      connection,
      namespace,
      taskQueue,
      activities,
      dataConverter: dataConverter(keys),
      shutdownGraceTime: '1s',
    });
    rogue = { worker, done: worker.run(), connection };
  }

  async function stopRogue(): Promise<void> {
    const stopping = rogue;
    rogue = undefined;
    stopping?.worker.shutdown();
    await stopping?.done;
    await stopping?.connection.close();
  }

  const lies: [what: string, receipt: (said: object, own: string, other: string) => Promise<string> | string][] = [
    ['no receipt', () => 'e30.e30.e30'],
    [
      'one by its own key under the name of the pinned one',
      async (said) => {
        const [pinned] = await readReceiptKeys(join(daypass.stateDir, 'keys', 'receipt-public.jwks.json'));
        return signAs(receiptType, said, { ...forger, kid: pinned?.kid });
      },
    ],
    ['what the connector signed when it made the account', (_said, own) => own],
    ['what the connector signed when it removed another account', (_said, _own, other) => other],
  ];

  it('ends no grant by saying that the account is gone, whatever receipt it brings', async () => {
    const engineer = daypass.as('engineer');
    const receiptOf = async (grantId: string, of: 'activated' | 'removed'): Promise<string> =>
      String(entry(await recordOf(engineer, grantId), of).detail['receipt']);
    const over = await reader(daypass, 600);
    await engineer.withdraw(over.grantId);
    await reaches(engineer, over.grantId, 'WITHDRAWN');
    const other = await receiptOf(over.grantId, 'removed');
    const grants: (Usable & { own: string })[] = [];
    for (const _ of lies) {
      const grant = await reader(daypass, 600);
      grants.push({ ...grant, own: await receiptOf(grant.grantId, 'activated') });
    }
    await daypass.connectors.stop();

    const remove: Undos['remove'] = async ({ grantId }) => {
      const at = Date.now();
      const account = accountOf(grantId);
      const index = grants.findIndex((each) => each.grantId === grantId);
      const { targetIdentity } = claimed(grants[index]?.own ?? '');
      const read = { removedAt: at, verifiedAt: at, wasPresent: true, sessionsEnded: 1 };
      const said = { grantId, account, ...read, targetIdentity: String(targetIdentity) };
      const forged = { kind: 'removed', installation: 'system', target, ...said };
      const receipt = await lies[index]?.[1](forged, grants[index]?.own ?? '', other);
      return { ...said, remarks: [], receipt: receipt ?? '' };
    };
    const list: Undos['list'] = async () => ({ standing: [], receipt: other });
    await poll(undoQueue(target), { remove, list });
    for (const { grantId } of grants) await engineer.withdraw(grantId);
    for (const [index, { grantId, session }] of grants.entries()) {
      const failed = await until(async () => entry(await recordOf(engineer, grantId), 'removal-failed'), {
        withinMs: 60_000,
        what: 'the lie was told',
      });
      const what = `${lies[index]?.[0]}: ${String(failed.detail['because'])}`;
      assert.match(String(failed.detail['because']), /receipt/i, what);
      assert.equal((await engineer.see(grantId)).state, 'WITHDRAWING', what);
      assert.ok((await daypass.roleOf(grantId))?.mayLogIn, 'the account stands, as nobody removed it');
      assert.equal(session.wasCut(), undefined);
    }

    await stopRogue();
    await daypass.connectors.start();
    for (const { grantId, session, login } of grants) {
      await session.cut;
      await reaches(engineer, grantId, 'WITHDRAWN');
      assert.equal(await daypass.roleOf(grantId), undefined);
      assert.equal(await refusalOf(login), '28P01');
    }
  });

  it('makes no grant active by saying that the account was made', async () => {
    const engineer = daypass.as('engineer');
    await daypass.connectors.stop();
    let lies = 0;
    const provision = async (order: { grantId: string }): Promise<Provisioned> => {
      lies += 1;
      const said = {
        account: accountOf(order.grantId),
        endsAt: Date.now() + 600_000,
        evidenceDigest: 'a'.repeat(64),
        targetIdentity: '1',
      };
      const made = { kind: 'made', installation: 'system', target, grantId: order.grantId, ...said };
      return { ...said, receipt: await signAs(receiptType, made, forger) };
    };
    const ceiling = async () => ({ allows: true, automatic: true, leastApprovals: 1, attested: false });
    await poll(changeQueue(target), { provision, ceiling });
    const { grantId } = await engineer.ask(reading(600));
    await until(() => lies > 0, { withinMs: 60_000, what: 'the lie was told' });
    await stopRogue();
    await daypass.connectors.start();
    await reaches(engineer, grantId, 'ACTIVATION_FAILED');
    const types = (await recordOf(engineer, grantId)).map(({ type }) => type);
    assert.ok(!types.includes('activated'));
    assert.equal(await daypass.roleOf(grantId), undefined);
  });
});

/** An audit beside Temporal's own history: whatever the two tell differently is named, and what Temporal no longer keeps is said. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { WorkflowNotFoundError } from '@temporalio/client';
import { createCodec } from '../../activities/platform/codec.js';
import { createChains, type Chains } from '../../api/audit/chains.js';
import { readAudit } from '../../api/audit/verify/audit-file.js';
import { compareWithTemporal, type TemporalCompared } from '../../api/audit/verify/temporal.js';
import { is } from '../../api/filter.js';
import { following, headOf, type AuditRecord } from '../../workflows/domain/record.js';
import { decisionsQueue } from '../../workflows/ids.js';
import * as messages from '../../workflows/messages.js';
import { exported } from '../support/audit-world.js';
import { Script } from '../support/script.js';
import { privateKey } from '../support/signer.js';
import type { TestGrant } from '../support/test-grant.js';
import { until } from '../support/until.js';
import { WorkflowWorld } from '../support/workflow-world.js';

const manager = 'person:manager';

describe('an audit compared with Temporal', function () {
  this.timeout(60_000);
  let world: WorkflowWorld;
  let chains: Chains;
  before(async function () {
    this.timeout(120_000);
    world = await WorkflowWorld.start();
    chains = createChains(world.client);
  });
  after(() => world.stop());

  /** An export of these records, made an hour from now: every clock is past what they tell. */
  async function compared(records: readonly AuditRecord[], madeAt = Date.now() + 3_600_000): Promise<TemporalCompared> {
    const lines = await exported(records, [], await privateKey('Ed25519'), { at: madeAt });
    const source = { client: world.client, chains, codec: createCodec(world.keys, 'throw') };
    return compareWithTemporal(await readAudit(lines), source);
  }

  async function awaited(): Promise<TestGrant> {
    const it = await world.grant(new Script());
    await it.shows({ state: 'APPROVAL_AWAITED', asked: [manager] });
    return it;
  }

  async function active(): Promise<TestGrant> {
    const it = await awaited();
    await it.approve({ by: manager });
    await it.shows({ state: 'ACTIVE' });
    return it;
  }

  /** All that it tells, once a list of Temporal finds as many runs of it. */
  async function told(it: TestGrant, runs = 1): Promise<AuditRecord[]> {
    const isListed = async () =>
      (await chains.runs(is('WorkflowId', it.handle.workflowId), { limit: 10 })).runs.length === runs;
    await until(isListed, { what: `${runs} listed runs of ${it.handle.workflowId}` });
    return it.wholeRecord();
  }

  async function over(): Promise<{ it: TestGrant; records: AuditRecord[] }> {
    const it = await active();
    await it.narrow('revoke', 'person:security');
    await it.ends();
    return { it, records: await told(it) };
  }

  const saying = ({ findings }: TemporalCompared): string[] => findings.map(({ says }) => says);

  it('agrees with it where all of it is told', async () => {
    const { records } = await over();
    const running = await active();
    const both = [...records, ...(await told(running))];
    const found = await compared(both);
    assert.deepEqual(found, { findings: [], compared: 2, gone: 0, decisions: 3, unreadable: 0 });
    await running.narrow('withdraw', 'person:engineer');
    await running.ends();
  });

  it('agrees with it where what is newer than the audit is missing', async () => {
    const it = await active();
    const records = await told(it);
    const last = records.at(-1)?.at ?? 0;
    await it.narrow('withdraw', 'person:engineer');
    await it.ends();
    assert.deepEqual(saying(await compared(records, last)), []);
  });

  it('names a record that its history does not have', async () => {
    const { it, records } = await over();
    const chain = it.handle.workflowId;
    const invented = { chain, at: Date.now(), type: 'reviewed' as const, detail: { verdict: 'justified' } };
    const longer = [...records, following(headOf(records), invented)];
    const { findings } = await compared(longer);
    const sequence = longer.length;
    const says = `Record ${sequence} of ${chain} is not told by Temporal.`;
    assert.deepEqual(findings, [{ code: 'differs', chain, sequence, says }]);
  });

  it('names a record that is another one there, although its chain was made whole again', async () => {
    const { it, records } = await over();
    const bent: AuditRecord[] = [];
    for (const { type, by, detail, chain, at } of records) {
      const actor = type === 'approved' ? 'person:operator' : by;
      bent.push(following(headOf(bent), { chain, at, type, detail, by: actor }));
    }
    const says = `Record 4 of ${it.handle.workflowId} is another one in Temporal.`;
    assert.deepEqual(saying(await compared(bent)), [says]);
  });

  it('names the first record that the audit lacks, wherever the chain was cut', async () => {
    const { it, records } = await over();
    const chain = it.handle.workflowId;
    const lacks = (sequence: number) => `Record ${sequence} of ${chain} is told by Temporal, and is not here.`;
    assert.equal(saying(await compared(records.slice(0, -1)))[0], lacks(records.length));
    assert.equal(saying(await compared(records.slice(1)))[0], lacks(1));
    const [first, also] = saying(await compared(records.toSpliced(3, 1)));
    assert.equal(first, lacks(4));
    const decisionId = String(records[3]?.detail['decisionId']);
    assert.equal(also, `The history of ${chain} has approve ${decisionId}, of which no record tells.`);
  });

  it('names a denial that a reset took away before it counted', async () => {
    const it = await awaited();
    await until(async () => {
      const { events = [] } = await it.handle.fetchHistory();
      const { raw } = await it.handle.describe();
      return raw.pendingActivities?.length === 0 && Boolean(events?.at(-1)?.workflowTaskCompletedEventAttributes);
    });
    await world.stopDecisions();
    const decisionId = randomUUID();
    await it.handle.signal(messages.deny, { decisionId, by: manager, reason: 'Not now.' });
    await it.resetBeforeLastSignal();
    await world.startDecisions();
    await it.approve({ by: manager });
    await it.shows({ state: 'ACTIVE' });
    const found = await compared(await told(it, 2));
    const says = `The history of ${it.handle.workflowId} has deny ${decisionId}, of which no record tells.`;
    // The run that was reset tells of it when it is asked, as record 4; the one that goes on has another one there.
    assert.deepEqual([saying(found).at(-1), found.decisions], [says, 2]);
    await it.narrow('withdraw', 'person:engineer');
    await it.ends();
  });

  it('names a head in the memo that is not that of the records, and the run that tells none', async () => {
    const { it, records } = await over();
    const { workflowId } = it.handle;
    const head = { sequence: records.length, hash: 'f'.repeat(64) };
    const stranger = await world.client.workflow.start('grant', {
      workflowId,
      taskQueue: decisionsQueue,
      args: [{}],
      memo: { view: { head } },
    });
    await assert.rejects(stranger.result());
    const isListed = async () => (await chains.runs(is('WorkflowId', workflowId), { limit: 10 })).runs.length === 2;
    await until(isListed, { what: 'the run of a stranger' });
    assert.deepEqual(saying(await compared(records)), [
      `Record ${records.length} of ${workflowId} is not the head that the memo in Temporal names.`,
      `A run of ${workflowId} in Temporal cannot tell its records.`,
    ]);
  });

  it('counts what was sent unsealed, of which the record tells under an id of its own', async () => {
    const it = await active();
    await world.client.workflowService.signalWorkflowExecution({
      namespace: world.namespace,
      workflowExecution: { workflowId: it.handle.workflowId },
      signalName: 'revoke',
      input: { payloads: [{ metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from('{}') }] },
    });
    assert.equal((await it.ends()).state, 'REVOKED');
    const { findings, decisions, unreadable } = await compared(await told(it));
    assert.deepEqual([findings, decisions, unreadable], [[], 1, 1]);
  });

  it('says of a grant that Temporal no longer keeps that it is gone, which is no difference', async () => {
    const { it, records } = await over();
    const { workflowId } = it.handle;
    await world.client.workflowService.deleteWorkflowExecution({
      namespace: world.namespace,
      workflowExecution: { workflowId },
    });
    const isGone = () =>
      it.handle.describe().then(
        () => false,
        (error: unknown) => error instanceof WorkflowNotFoundError,
      );
    await until(isGone, { withinMs: 40_000, what: `${workflowId} gone` });
    const found = await compared(records);
    assert.deepEqual(found, { findings: [], compared: 0, gone: 1, decisions: 0, unreadable: 0 });
  });
});

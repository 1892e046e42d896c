/** An upgrade of the decisions workers under live grants, as docs/operating.md describes it, with two builds that really differ. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { readCodecKeys } from '../../activities/platform/keys.js';
import { dataConverter } from '../../activities/platform/temporal.js';
import { freePort } from '../../workers/dev/ports.js';
import {
  decisionsQueue,
  grantWorkflowId,
  journalId,
  personWorkflowId,
  reconcileWorkflowId,
} from '../../workflows/ids.js';
import { changedBundle } from '../support/changed-workflows.js';
import { brokenPromises, factsOf, type Accepted } from '../support/invariants.js';
import { inParallel } from '../support/in-parallel.js';
import { approves, becomesActive, reaches, reading, sent, writing } from '../support/system-grant.js';
import type { SystemProcess } from '../support/system-process.js';
import { startSystem, type System } from '../support/system.js';
import { until } from '../support/until.js';

/** `npm run drill:upgrade` takes 100. */
const count = Number(process.env['DAYPASS_DRILL_GRANTS'] ?? '12');
const deployment = ['--deployment-name', 'daypass-decisions', '--yes'];
const atOnce = 6;

/** Asks once more before it makes and before it removes anything: other commands than today's at the two places that count. */
const once = (at: string, question: string) => ({
  file: 'effects.ts',
  from: `    case '${at}': {\n      const {`,
  to: `    case '${at}': {
      if (patched('2026-12-01-${question}')) await stillEligible(state, '${question}').catch(() => undefined);
      const {`,
});
const patches = ['look-before-making', 'look-before-removing'] as const;
const nextVersion = (): Promise<string> =>
  changedBundle(
    { file: 'effects.ts', from: 'log, rootCause }', to: 'log, patched, rootCause }' },
    once('provision', patches[0]),
    once('remove', patches[1]),
  );

/** How far each has come when the new build takes over, and in which state it must end. */
const kinds = {
  over: 'WITHDRAWN',
  asked: 'WITHDRAWN',
  'half approved': 'WITHDRAWN',
  active: 'WITHDRAWN',
  'ending by itself': 'ENDED',
  'revoked while its target is away': 'REVOKED',
} as const;
type Kind = keyof typeof kinds;

describe(`an upgrade under ${count} live grants`, function () {
  this.timeout(900_000);
  const accepted: Accepted = { grants: [], decisions: [], removalStartsWithinMs: 12_000 };
  const grants: { kind: Kind; grantId: string }[] = [];
  let daypass: System;
  let next: SystemProcess;
  let codePath: string;
  let connection: Connection;
  let client: Client;

  before(async () => {
    // What other tests did to theirs, as to its keys, is not looked at here.
    [daypass, codePath] = await Promise.all([startSystem(), nextVersion()]);
    const { address, namespace } = daypass.engine;
    const keys = await readCodecKeys(join(daypass.stateDir, 'keys', 'codec.json'));
    connection = await Connection.connect({ address });
    client = new Client({ connection, namespace, dataConverter: dataConverter(keys, 'mark') });
    next = daypass.decisions.beside(await freePort());
    next.settings = { DAYPASS_WORKER_BUILD: 'next', DAYPASS_WORKFLOW_BUNDLE_FILE: codePath };
  });

  after(async () => {
    await connection.close();
    await next.stop();
    await daypass.stop();
  });

  const routed = (command: string, build: string, ...more: string[]) =>
    until(
      // The server hears of a new worker a moment after it polls.
      () =>
        daypass
          .temporalCommand('worker', 'deployment', command, ...deployment, '--build-id', build, ...more)
          .then(() => true),
      { withinMs: 60_000, everyMs: 500, what: `${command} ${build}` },
    );
  const current = (build: string) => routed('set-current-version', build);
  const ids = (...wanted: Kind[]) => grants.filter(({ kind }) => wanted.includes(kind)).map(({ grantId }) => grantId);

  async function decides(account: string, action: 'withdraw' | 'revoke', grantId: string): Promise<void> {
    const decisionId = randomUUID();
    const decided = await sent(() => daypass.as(account)[action](grantId, { decisionId, reason: 'Enough.' }));
    const status = 'recorded' in decided ? 202 : 200;
    accepted.decisions.push({ grantId, decisionId, action, by: `person:${account}`, status });
  }

  async function asks(kind: Kind): Promise<void> {
    const isWriting = kind === 'asked' || kind === 'half approved';
    const seconds = kind === 'ending by itself' ? 60 + count / 2 : 900;
    const idempotencyKey = randomUUID();
    const { grantId } = await daypass.as('engineer').ask((isWriting ? writing : reading)(seconds), idempotencyKey);
    accepted.grants.push({ grantId, by: 'person:engineer', idempotencyKey });
    grants.push({ kind, grantId });
    if (kind === 'asked') return;
    if (kind === 'half approved') return approves(daypass, 'manager', grantId);
    await becomesActive(daypass, grantId);
    if (kind !== 'over') return;
    await decides('engineer', 'withdraw', grantId);
    await reaches(daypass.as('engineer'), grantId, 'WITHDRAWN');
  }

  /** Which builds took the turns of a workflow's newest run, in their order, and what patches it took. */
  async function lived(workflowId: string): Promise<{ builds: string[]; patched: boolean }> {
    const { events } = await client.workflow.getHandle(workflowId).fetchHistory();
    const turns = (events ?? []).flatMap(({ workflowTaskCompletedEventAttributes: turn }) => turn ?? []);
    const builds = turns.map(({ deploymentVersion }) => deploymentVersion?.buildId ?? 'none');
    const patched = (events ?? []).some(({ markerRecordedEventAttributes: mark }) => mark?.markerName === 'core_patch');
    return { builds, patched };
  }

  it('begins with a build that has a name: it takes over from the unnamed one once it is current', async () => {
    await daypass.decisions.stop();
    daypass.decisions.settings = { DAYPASS_WORKER_BUILD: 'first' };
    // Ready once it is current.
    await Promise.all([daypass.decisions.start(), current('first')]);
    const order = Object.keys(kinds) as Kind[];
    const wanted = Array.from({ length: count }, (_, at) => order[at % order.length] ?? 'active');
    // What ends by itself comes last, so that it is still there.
    wanted.sort((one, other) => Number(one === 'ending by itself') - Number(other === 'ending by itself'));
    await inParallel(wanted, atOnce, asks);
    await client.workflow.signalWithStart('journal', {
      workflowId: journalId,
      taskQueue: decisionsQueue,
      signal: 'note',
    });
    await client.workflow.start('person', { workflowId: personWorkflowId('engineer'), taskQueue: decisionsQueue });
    await daypass.ordersDb.stop();
    await inParallel(ids('revoked while its target is away'), atOnce, (grantId) =>
      decides('security', 'revoke', grantId),
    );
    for (const grantId of ids('revoked while its target is away')) {
      await daypass.as('engineer').until(grantId, ({ state }) => state === 'REVOKING');
    }
  });

  it('gives the new build nothing until it is current, a share while it ramps up, and then everything', async () => {
    const started = next.start();
    const idle = 'build next is not the current one; temporal worker deployment set-current-version';
    for (const words of [idle, '"serving"']) {
      await until(() => next.said.some((line) => line.includes(words)), { withinMs: 60_000, what: words });
    }
    const { status } = await fetch(`${next.origin}/health/ready`);
    assert.equal(status, 503);
    const [first = ''] = ids('asked');
    await approves(daypass, 'manager', first);
    assert.deepEqual(new Set((await lived(grantWorkflowId(first))).builds), new Set(['first']));

    await Promise.all([started, routed('set-ramping-version', 'next', '--percentage', '50')]);
    await inParallel(ids('asked').slice(1), atOnce, (grantId) => approves(daypass, 'manager', grantId));

    await current('next');
    await daypass.decisions.stop();
    await daypass.ordersDb.start();
    await inParallel(ids('asked', 'half approved'), atOnce, async (grantId) => {
      await approves(daypass, 'owner', grantId);
      await reaches(daypass.as('engineer'), grantId, 'ACTIVE');
    });
    await inParallel(ids('asked', 'half approved', 'active'), atOnce, (grantId) =>
      decides('engineer', 'withdraw', grantId),
    );
  });

  it('ends every one of them right, on old and new code, and breaks no promise', async () => {
    for (const { kind, grantId } of grants) await reaches(daypass.as('engineer'), grantId, kinds[kind]);
    assert.deepEqual(await daypass.roles(), []);
    for (const { kind, grantId } of grants) {
      const { builds, patched } = await lived(grantWorkflowId(grantId));
      const wanted = kind === 'over' ? ['first'] : ['first', 'next'];
      assert.deepEqual([...new Set(builds)], wanted, `${kind}: ${builds.join(' ')}`);
      // What was being removed already goes on the way that it began.
      assert.equal(patched, kind !== 'over' && kind !== 'revoked while its target is away', kind);
    }
    // New code replays what old code began, and both.
    const facts = await factsOf(daypass, accepted, { bundle: { codePath } });
    assert.deepEqual(brokenPromises(facts), []);
    assert.ok(facts.grants.some(({ replayed }) => replayed));
  });

  it('takes the other workflows along: schedules, the sealer, the journal and a person', async () => {
    const journal = client.workflow.getHandle(journalId);
    await journal.signal('note');
    await until(async () => (await lived(journalId)).builds.at(-1) === 'next', { what: 'a turn of the journal' });
    const by = 'person:engineer';
    const person = client.workflow.getHandle(personWorkflowId('engineer'));
    await person.executeUpdate('remove', { args: [{ credentialId: 'none', by }] });
    assert.equal((await lived(personWorkflowId('engineer'))).builds.at(-1), 'next');
    const sealed = async () => (await lived('seals')).builds.at(-1) === 'next';
    await until(sealed, { withinMs: 90_000, everyMs: 1_000, what: 'a seal by the new build' });
    await until(
      async () => {
        const query = `WorkflowType = 'reconcile' AND ExecutionStatus = 'Completed'`;
        for await (const { workflowId } of client.workflow.list({ query })) {
          if (!workflowId.startsWith(reconcileWorkflowId('orders-db'))) continue;
          const { builds } = await lived(workflowId);
          if (builds.at(-1) === 'next') return true;
        }
        return false;
      },
      { withinMs: 90_000, everyMs: 1_000, what: 'a pass of reconcile by the new build' },
    );
  });
});

/** Floods of signals, and a machine that is starved or paused while they are read: nobody brings a decisions process down. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Client, Connection, type WorkflowHandle } from '@temporalio/client';
import { readCodecKeys, readSigningKey, type PrivateJwk } from '../../activities/platform/keys.js';
import { signStatement } from '../../activities/platform/jws.js';
import { dataConverter } from '../../activities/platform/temporal.js';
import type { AuditRecord } from '../../workflows/domain/record.js';
import { decisionsQueue, grantWorkflowId, journalId } from '../../workflows/ids.js';
import { note, record } from '../../workflows/messages.js';
import { inParallel } from '../support/in-parallel.js';
import { reaches, writing } from '../support/system-grant.js';
import { installation, system, type System } from '../support/system.js';
import { until } from '../support/until.js';

/** Below the 500 at which the server refuses more, with room for what else is sent. */
const flood = 480;
/** Some hundred milliseconds of work each, so that one of them is interrupted by any limit below the stops. */
const slices = 5;
const sliceMs = 120;
const stoppedMs = 5_500;
/** What the journal verifies in one turn. */
const linesATurn = 20;

describe('a flood of signals', function () {
  this.timeout(300_000);
  let daypass: System;
  let connection: Connection | undefined;
  let client: Client;
  let key: PrivateJwk;

  before(async () => {
    daypass = await system();
    const { address, namespace } = daypass.engine;
    const keysDir = join(daypass.stateDir, 'keys');
    connection = await Connection.connect({ address });
    const codecKeys = await readCodecKeys(join(keysDir, 'codec.json'));
    client = new Client({ connection, namespace, dataConverter: dataConverter(codecKeys, 'mark') });
    key = await readSigningKey(join(keysDir, 'api-signing.jwk.json'));
  });
  after(() => connection?.close());
  afterEach(() => daypass.start());

  /** The machine gives the process a moment now and then, beginning in the middle of its first look at a workflow. */
  async function starved(handle: WorkflowHandle): Promise<void> {
    const isAtWork = async (): Promise<boolean> =>
      (await handle.fetchHistory()).events?.at(-1)?.workflowTaskStartedEventAttributes !== undefined;
    await until(isAtWork, { everyMs: 10, withinMs: 60_000, what: 'a look at the flood' });
    for (let slice = 0; slice < slices; slice += 1) {
      daypass.decisions.send('SIGSTOP');
      await pause(stoppedMs);
      daypass.decisions.send('SIGCONT');
      await pause(sliceMs);
    }
  }

  it('to a grant is read by a starved process, which lives on, and the grant can be ended', async () => {
    const engineer = daypass.as('engineer');
    const { grantId } = await engineer.ask(writing(60));
    await reaches(engineer, grantId, 'APPROVAL_AWAITED');
    await daypass.decisions.kill();
    const handle = client.workflow.getHandle(grantWorkflowId(grantId));
    const decision = () => ({ decisionId: randomUUID(), by: 'person:manager', comment: '', evidence: '' });
    await inParallel(Array.from({ length: flood }), 10, () => handle.signal('approve', decision()));
    const starting = daypass.decisions.start();
    await starved(handle);
    await starting;
    const pid = daypass.decisions.pid();
    await engineer.withdraw(grantId);
    await reaches(engineer, grantId, 'WITHDRAWN');
    process.kill(pid, 0);
    assert.doesNotMatch(daypass.decisions.said.join('\n'), /Script execution timed out|async hook stack/);
  });

  it('to the journal is verified a few lines a turn, and nothing of it is lost', async () => {
    await daypass.decisions.kill();
    const noteIds = new Set<string>(Array.from({ length: 120 }, () => randomUUID()));
    const said = { event: 'audit-exported', by: 'person:auditor', detail: { format: 'csv' } };
    for (const noteId of noteIds) {
      const statement = await signStatement({ type: 'note', installation, noteId, issuedAt: Date.now(), ...said }, key);
      await client.workflow.signalWithStart('journal', {
        workflowId: journalId,
        taskQueue: decisionsQueue,
        signal: note,
        signalArgs: [{ statement }],
      });
    }
    const { runId } = await client.workflow.getHandle(journalId).describe();
    await daypass.decisions.start();
    const journal = client.workflow.getHandle(journalId, runId);
    const ours = async (): Promise<AuditRecord[]> => {
      const all: AuditRecord[] = [];
      for (let page = await journal.query(record, 0); page.length > 0;) {
        all.push(...page);
        page = await journal.query(record, all.at(-1)?.sequence ?? 0);
      }
      return all.filter(({ detail }) => noteIds.has(String(detail['noteId'])));
    };
    const lines = await until(async () => ((await ours()).length === noteIds.size ? ours() : undefined), {
      withinMs: 90_000,
      everyMs: 500,
      what: 'every line',
    });
    // One turn has one time.
    for (const { at: turn } of lines) {
      const together = lines.filter(({ at }) => at === turn).length;
      assert.ok(together <= linesATurn, `${together} lines in one turn`);
    }
  });
});

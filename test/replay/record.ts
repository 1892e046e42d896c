/**
 * Records the lives of lives.ts for the version in package.json: `npm run histories:record`, once at each release.
 *
 * A version that is recorded is never recorded again: a history that no longer replays is a missing `patched` in the
 * workflow. Only for a version that nobody runs yet may its folder be deleted and recorded anew.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { decisionsQueue } from '../../workflows/ids.js';
import { stopServices } from '../support/services.js';
import { WorkflowWorld } from '../support/workflow-world.js';
import { grantLives, runName } from './lives.js';
import { storedKeys, storedVersions, writeHistory, type History } from './stored.js';
import type { Life } from './support/life.js';
import { otherWorld } from './support/other-world.js';
import { otherLives } from './support/others.js';

interface Recorded {
  name: string;
  workflowId: string;
  history: History;
}

/** So many lives at a time: they mostly wait. */
const atOnce = 4;
/** On a machine that does much else a judge's two seconds may be over before it answers. */
const triesMax = 3;
const tell = (line: string): void => void process.stdout.write(`${line}\n`);

async function record(): Promise<void> {
  const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string };
  if (storedVersions().includes(version)) {
    throw new Error(
      `Histories of ${version} are recorded. Raise the version, or delete the folder if nobody runs it yet.`,
    );
  }
  const recorded = (await Promise.all([recordOthers(), recordGrants()])).flat();
  if (failed.length > 0) throw new AggregateError(failed, `${failed.length} lives could not be lived.`);
  // Written together, so that a version is recorded whole or not at all.
  for (const { name, workflowId, history } of recorded) await writeHistory(version, name, workflowId, history);
  tell(`${recorded.length} histories of ${version} are recorded.`);
}

async function recordGrants(): Promise<Recorded[]> {
  const world = await WorkflowWorld.start(storedKeys);
  const found: Recorded[] = [];
  try {
    const waiting = Object.entries(grantLives);
    const lane = async (): Promise<void> => {
      for (let next = waiting.shift(); next; next = waiting.shift()) found.push(...(await lived(world, ...next)));
    };
    await Promise.all(Array.from({ length: atOnce }, lane));
  } finally {
    await world.stop();
  }
  return found;
}

/** All that failed are named together. */
const failed: unknown[] = [];

async function lived(world: WorkflowWorld, name: string, [state, live]: Life, tries = 1): Promise<Recorded[]> {
  try {
    const it = await live(world);
    assert.equal((await it.ends(60_000)).state, state, name);
    tell(`${name}: ${state}`);
    return [{ name, workflowId: it.handle.workflowId, history: await it.handle.fetchHistory() }];
  } catch (error) {
    tell(`${name}: ${String(error)}`);
    if (tries === triesMax) {
      failed.push(error);
      return [];
    }
    return lived(world, name, [state, live], tries + 1);
  }
}

async function recordOthers(): Promise<Recorded[]> {
  const world = await otherWorld(storedKeys);
  const found: Recorded[] = [];
  try {
    for (const [type, { workflowId, runs, live }] of Object.entries(otherLives)) {
      const begun = await world.client.workflow.start(type, { workflowId, taskQueue: decisionsQueue });
      const handle = world.client.workflow.getHandle(workflowId);
      await live(handle, world);
      let runId: string | null | undefined = begun.firstExecutionRunId;
      for (let run = 1; run <= runs; run += 1) {
        assert.ok(runId, `${type} has a run ${run}`);
        const history = await world.client.workflow.getHandle(workflowId, runId).fetchHistory();
        found.push({ name: runName(type, run), workflowId, history });
        runId = history.events?.at(-1)?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId;
      }
      // Those that never end by themselves.
      if ((await handle.describe()).status.name === 'RUNNING') await handle.terminate('it is recorded');
      tell(`${type}: ${runs} runs`);
    }
  } finally {
    await world.stop();
  }
  return found;
}

// Mocha loads this file with the others of its folder; only run by hand does it record.
if (process.argv[1] === import.meta.filename) void record().finally(stopServices);

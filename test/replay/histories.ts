/** Grants that older versions started must go on under today's workflow: their histories replay. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { Worker } from '@temporalio/worker';
import { dataConverter } from '../../activities/platform/temporal.js';
import { workflowBundle } from '../support/bundle.js';
import { lives } from './record.js';
import { readHistories, storedKeys, type Stored } from './stored.js';

const stored = readHistories();

/** What a replay says against each history, by its place in the list. */
async function replayed(histories: Stored[]): Promise<(Error | undefined)[]> {
  const options = { workflowBundle: await workflowBundle(), dataConverter: dataConverter(storedKeys) };
  const errors: (Error | undefined)[] = [];
  for await (const { error } of Worker.runReplayHistories(options, histories)) errors.push(error);
  return errors;
}

describe('a stored history', () => {
  let errors: (Error | undefined)[] = [];
  before(async function () {
    this.timeout(120_000);
    errors = await replayed(stored);
  });

  for (const [index, { version, name }] of stored.entries()) {
    it(`replays: ${version}, ${name}`, () => {
      const error = errors[index];
      assert.ok(
        !error,
        `Grants that ${version} started would hang: the workflow now does something else than its history says. ` +
          `Guard the change with patched('<date>-<what>'); do not record the history again. ${error?.message ?? ''}`,
      );
    });
  }

  it('is there for every outcome of this version', async () => {
    const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string };
    const found = stored.filter((history) => history.version === version).map(({ name }) => name);
    assert.deepEqual(found.sort(), Object.keys(lives).sort(), 'record it: npm run histories:record');
  });

  it('that this workflow could not have made does not replay', async () => {
    const [withdrawn] = structuredClone(stored.filter(({ name }) => name === 'withdrawn'));
    assert.ok(withdrawn);
    for (const { activityTaskScheduledEventAttributes: scheduled } of withdrawn.history.events ?? []) {
      if (scheduled?.activityType?.name === 'remove') scheduled.activityType.name = 'tell';
    }
    const [error] = await replayed([withdrawn]);
    assert.match(String(error), /ondeterminis/);
  });
});

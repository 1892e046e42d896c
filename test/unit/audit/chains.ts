/** Where a chain goes on after somebody ended its workflow by force. */
import assert from 'node:assert/strict';
import type { Client } from '@temporalio/client';
import { createChains } from '../../../activities/audit/chains.js';

const head = (sequence: number) => ({ sequence, hash: String(sequence).repeat(64) });
const memo = (sequence: number) => ({ view: { head: head(sequence) } });

/** What runs are, newest first, and what visibility has of them. */
const runs = [
  { runId: 'asks', status: 'RUNNING', listed: 'Running', memo: memo(9) },
  { runId: 'ended just now', status: 'TERMINATED', listed: 'Running', memo: memo(5) },
  { runId: 'ended before', status: 'TERMINATED', listed: 'Terminated', memo: memo(2) },
];

const client = {
  workflow: {
    async *list({ query }: { query: string }) {
      const [, status] = /ExecutionStatus != '(\w+)'/.exec(query) ?? [];
      yield* runs.filter(({ listed }) => listed !== status);
    },
    getHandle: (_: string, runId: string) => ({
      async describe() {
        const { status, memo } = runs.find((run) => run.runId === runId) ?? assert.fail(runId);
        return { status: { name: status }, memo };
      },
    }),
  },
  withDeadline: (_: number, ask: () => unknown) => ask(),
};

describe('a chain', () => {
  it('goes on where its last run ended, though visibility still has that as running', async () => {
    const chains = createChains({
      client: client as unknown as Client,
      installation: 'test',
      apiKeys: { current: () => ({ keys: [] }) },
      receiptKeys: { current: () => [] },
      files: { newestSeal: () => Promise.resolve(undefined) },
      sealKey: { kty: 'OKP' },
    });
    assert.deepEqual(await chains.lastHead({ workflowId: 'person/engineer' }), head(5));
  });
});

/** How long reading takes, by API and by page, one after the other: what people wait for who look at many grants. */
import { Connection } from '@temporalio/client';
import { grantWorkflowId } from '../../workflows/ids.js';
import type { Bench } from './bench.js';
import { ms, percentile, type Table } from './table.js';

export interface Read {
  what: string;
  spans: number[];
}

const warmUps = 3;
const rounds = 200;

/** As someone who may see every grant. `subject` is one of those who have some. */
export async function measureReads({ system, security }: Bench, subject: string): Promise<Read[]> {
  const client = system.as(security);
  const cookie = await system.cookie(security, Date.now(), ['security']);
  const page = async (path: string): Promise<void> => {
    const response = await fetch(new URL(path, system.portal), { headers: { cookie }, redirect: 'manual' });
    const text = await response.text();
    if (response.status !== 200) throw new Error(`${path} answered ${response.status}: ${text.slice(0, 200)}`);
  };
  const { grants, next: cursor } = await client.list({ limit: 50 });
  const [any] = grants;
  if (!any) throw new Error('There is nothing to read.');
  const { address, namespace } = system.engine;
  const connection = await Connection.connect({ address });
  const { workflowService } = connection;
  const execution = { workflowId: grantWorkflowId(any.grantId) };
  const reads: [what: string, read: () => Promise<unknown>][] = [
    ['API: the newest 20', () => client.list({ limit: 20 })],
    ['API: the newest 100', () => client.list({ limit: 100 })],
    ['API: by cursor, 50 after the first 50', () => client.list({ limit: 50, cursor })],
    ['API: active ones', () => client.list({ state: 'ACTIVE', limit: 20 })],
    ['API: search by subject', () => client.list({ subject: `person:${subject}`, limit: 20 })],
    [
      'API: search by entitlement and target',
      () => client.list({ entitlement: 'orders-db/write', target: 'orders-db', limit: 20 }),
    ],
    ['API: one grant', () => client.see(any.grantId)],
    ['page: all grants', () => page('/grants')],
    ['page: search by subject', () => page(`/grants?subject=person:${subject}`)],
    ['page: one grant', () => page(`/grants/${any.grantId}`)],
    [
      'floor: Temporal’s own list of 20 grants',
      () => workflowService.listWorkflowExecutions({ namespace, pageSize: 20, query: "WorkflowType = 'grant'" }),
    ],
    ['floor: Temporal’s own look at one', () => workflowService.describeWorkflowExecution({ namespace, execution })],
  ];
  try {
    const found: Read[] = [];
    for (const [what, read] of reads) {
      const spans: number[] = [];
      for (let round = -warmUps; round < rounds; round += 1) {
        const begun = performance.now();
        await read();
        if (round >= 0) spans.push(performance.now() - begun);
      }
      found.push({ what, spans });
    }
    return found;
  } finally {
    await connection.close();
  }
}

const shares = { p50: 0.5, p95: 0.95, p99: 0.99, max: 1 };

/** The same reads with few grants and with many. */
export function readsTable(few: number, before: Read[], many: number, after: Read[]): Table {
  const figures = (spans: number[]): string[] => Object.values(shares).map((share) => ms(percentile(spans, share)));
  const columns = (count: number): string[] => Object.keys(shares).map((name) => `${name} at ${count}`);
  return {
    title: 'Reading',
    columns: ['read', ...columns(few), ...columns(many)],
    rows: after.map(({ what, spans }) => {
      const then = before.find((read) => read.what === what);
      return [what, ...figures(then?.spans ?? []), ...figures(spans)];
    }),
    notes: [
      `${rounds} of each, one after the other, after ${warmUps} that do not count; a person who may see every grant.`,
    ],
  };
}

/** How long reading takes, by API and by page, one after the other: what people wait for who look at many grants. */
import type { Bench } from './bench.js';
import { ms, percentile, type Table } from './table.js';

export interface Read {
  what: string;
  p50: number;
  p95: number;
}

const warmUps = 3;
const rounds = 40;

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
  ];
  const found: Read[] = [];
  for (const [what, read] of reads) {
    const spans: number[] = [];
    for (let round = -warmUps; round < rounds; round += 1) {
      const begun = performance.now();
      await read();
      if (round >= 0) spans.push(performance.now() - begun);
    }
    found.push({ what, p50: percentile(spans, 0.5), p95: percentile(spans, 0.95) });
  }
  return found;
}

/** The same reads with few grants and with many. */
export function readsTable(few: number, before: Read[], many: number, after: Read[]): Table {
  return {
    title: 'Reading',
    columns: ['read', `p50 at ${few}`, `p95 at ${few}`, `p50 at ${many}`, `p95 at ${many}`],
    rows: after.map(({ what, p50, p95 }) => {
      const then = before.find((read) => read.what === what);
      return [what, ms(then?.p50 ?? Number.NaN), ms(then?.p95 ?? Number.NaN), ms(p50), ms(p95)];
    }),
    notes: [
      `${rounds} of each, one after the other, after ${warmUps} that do not count; a person who may see every grant.`,
    ],
  };
}

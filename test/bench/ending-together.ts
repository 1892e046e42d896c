/** Many grants whose time is up in the same second: when each removal starts, and when each account is gone. */
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { accountOf } from '../support/system.js';
import type { Bench } from './bench.js';
import type { Crowd } from './crowd.js';
import { ms, percentile, perSecond, type Table } from './table.js';
import type { TargetWatch } from './target-watch.js';

/** Asked in the first part of each second, so that whole seconds lead to the same one. */
const perBurst = 0.5;

/** `rate`: how many were made per second so far, which says how long these take. */
export async function endingTogether(
  bench: Bench,
  crowd: Crowd,
  watch: TargetWatch,
  count: number,
  rate: number,
): Promise<Table> {
  const inBurst = Math.max(1, Math.floor(rate * perBurst));
  const endsAt = Math.ceil(Date.now() / 1_000) * 1_000 + Math.ceil(count / inBurst) * 1_500 + 30_000;
  const made: { id: string; gone: Promise<number> }[] = [];
  while (made.length < count) {
    await pause(1_000 - (Date.now() % 1_000));
    const left = Math.round((endsAt - Date.now()) / 1_000);
    // The machine was slower than before: those that were made in time are measured, and the title says how many.
    if (left < 8) break;
    const asked = Array.from({ length: Math.min(inBurst, count - made.length) }, async () => {
      const id = await crowd.make(watch, left);
      made.push({ id, gone: watch.gone(id) });
    });
    await Promise.all(asked);
  }
  const ends = await endsAtTarget(bench);
  bench.tell(`${made.length} of ${count} are made, ${Math.round((endsAt - Date.now()) / 1_000)} s before their end`);
  const gone = await Promise.all(made.map((one) => one.gone));
  const starts = await removalStarts(bench);
  const lateness = made.map(({ id }, index) => (gone[index] ?? Number.NaN) - (ends.get(id) ?? Number.NaN));
  const startLateness = made.map(({ id }) => (starts.get(id) ?? Number.NaN) - (ends.get(id) ?? Number.NaN));
  const own = made.map(({ id }) => ends.get(id) ?? Number.NaN).toSorted((one, other) => one - other);
  const spanMs = Math.max(...gone) - (own[0] ?? Number.NaN);
  return {
    title: `${made.length} grants end together`,
    columns: ['from the end of each', 'p50', 'p99', 'the last'],
    rows: [
      ['to the start of its removal at the target (the tombstone)', ...three(startLateness)],
      ['to the account gone', ...three(lateness)],
    ],
    notes: [
      `Half of the ends lie within ${ms((own[Math.floor(own.length * 0.75)] ?? 0) - (own[Math.floor(own.length * 0.25)] ?? 0))}, all of them within ${ms((own.at(-1) ?? 0) - (own[0] ?? 0))}: a grant lasts whole seconds from when it is active.`,
      `From the first end to the last account gone: ${ms(spanMs)}, ${perSecond(made.length, spanMs)}. The connector of PostgreSQL states 100 calls a second, at most half of them for making.`,
      'Nobody waits for a removal to be locked out: the target itself lets nobody in past the end.',
    ],
  };
}

function three(spans: number[]): string[] {
  return [ms(percentile(spans, 0.5)), ms(percentile(spans, 0.99)), ms(Math.max(...spans))];
}

/** By grant, the end that the target itself holds the account to. */
export async function endsAtTarget({ system }: Bench): Promise<Map<string, number>> {
  const { rows } = await system.superuser.query<{ id: string; ends: Date }>(
    `SELECT regexp_replace(rolname, '^.*_', '') AS id, rolvaliduntil AS ends FROM pg_roles WHERE rolvaliduntil IS NOT NULL`,
  );
  return new Map(rows.map(({ id, ends }) => [id, ends.getTime()]));
}

/** By grant, when its tombstone was planted: the first thing that a removal does. */
async function removalStarts({ system }: Bench): Promise<Map<string, number>> {
  const { host, port, superuser } = system.ordersDb;
  const client = new pg.Client({ host, port, ...superuser, database: 'daypass' });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string; over: Date }>(
      'SELECT name, over_at AS over FROM daypass.account WHERE over_at IS NOT NULL AND starts_with(name, $1)',
      [accountOf('')],
    );
    return new Map(rows.map(({ name, over }) => [name.slice(accountOf('').length), over.getTime()]));
  } finally {
    await client.end();
  }
}

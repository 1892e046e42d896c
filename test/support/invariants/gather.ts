/** Gathers the facts of a whole system, each from where it really stands. Needs every part of it up, and changes nothing. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { WorkflowBundleOption } from '@temporalio/worker';
import { Redis } from 'ioredis';
import { parse } from 'yaml';
import { readAudit } from '../../../api/audit/verify/audit-file.js';
import { readBooks } from '../../../api/audit/verify/books.js';
import { readAuditKeys } from '../../../api/audit/verify/keys.js';
import { verifyAudit } from '../../../api/audit/verify/verify.js';
import { readCodecKeys } from '../../../activities/platform/keys.js';
import { storesOf, traces } from '../system-stores.js';
import { installation, type System } from '../system.js';
import { factsOfPostgres } from './at-postgres.js';
import { grantsAt } from './at-temporal.js';
import type { Accepted, AuditFacts, Facts, Person, RedisKey } from './facts.js';

const target = 'orders-db';

interface Looking {
  /** What histories are replayed on; today's workflows otherwise. */
  bundle?: WorkflowBundleOption;
  /** Only these grants: of ten thousand, reading all histories takes longer than their lives took. */
  among?: ReadonlySet<string>;
}

export async function factsOf(system: System, accepted: Accepted, { bundle, among }: Looking = {}): Promise<Facts> {
  const { stateDir, policyDir, ordersDb, redis } = system;
  const at = Date.now();
  const keysDir = join(stateDir, 'keys');
  const found = await factsOfPostgres({ target, ...ordersDb }, installation);
  const isAmong = ({ grantId }: { grantId: string }): boolean => among?.has(grantId) ?? true;
  const ofTarget = { ...found, ledger: found.ledger.filter(isAmong) };
  const known = [...accepted.grants, ...accepted.decisions, ...ofTarget.accounts, ...ofTarget.ledger].map(
    ({ grantId }) => grantId,
  );
  const codecKeys = await readCodecKeys(join(keysDir, 'codec.json'));
  const keys = await readAuditKeys(keysDir);
  return {
    at,
    installation,
    targets: [ofTarget],
    grants: await grantsAt({ ...system.engine, codecKeys, ...(bundle && { bundle }) }, known, among),
    people: await peopleIn(policyDir),
    keys,
    audit: await auditIn(stateDir, keys, system.portal),
    redis: await keysIn(redis.url),
    traces: await tracesOf(system, accepted.secrets ?? {}),
    accepted,
  };
}

/** Read from the policy's own file: whoever is the same human, and who answers for a service. */
async function peopleIn(policyDir: string): Promise<Person[]> {
  const file = parse(await readFile(join(policyDir, 'directory.yml'), 'utf8')) as {
    people: { id: string; sameAs?: string[] }[];
    services?: { id: string; owner: string }[];
  };
  const human = new Map(file.people.map(({ id }) => [id, id]));
  for (const { id, sameAs = [] } of file.people) {
    for (const other of sameAs) {
      const [from, to] = [human.get(other), human.get(id)];
      for (const [known, of] of human) if (of === from && to !== undefined) human.set(known, to);
    }
  }
  return [
    ...file.people.map(({ id }) => ({ ref: `person:${id}`, human: human.get(id) ?? id })),
    ...(file.services ?? []).map(({ id, owner }) => ({
      ref: `service:${id}`,
      human: `service:${id}`,
      owner: `person:${owner}`,
    })),
  ];
}

async function auditIn(stateDir: string, keys: Facts['keys'], portal: string): Promise<AuditFacts> {
  const folder = join(stateDir, 'audit');
  const names = (await readdir(folder)).filter((name) => name.endsWith('.jsonl')).toSorted();
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
  const lines = texts.flatMap((text) => text.split(/(?<=\n)/));
  const books = await readBooks(join(stateDir, 'receipts'));
  return { lines, report: await verifyAudit(await readAudit(lines), { keys, portal, books }) };
}

async function keysIn(url: string): Promise<RedisKey[]> {
  const redis = new Redis(url);
  try {
    const found: RedisKey[] = [];
    for await (const page of redis.scanStream({ count: 1_000 })) {
      for (const key of page as string[]) {
        const type = await redis.type(key);
        const value = type === 'string' ? await redis.get(key) : null;
        found.push({ key, type, ...(value !== null && { value }) });
      }
    }
    return found;
  } finally {
    redis.disconnect();
  }
}

async function tracesOf(system: System, secrets: { [name: string]: string }): Promise<Facts['traces']> {
  const names = Object.keys(secrets);
  if (names.length === 0) return [];
  const stores = await storesOf(system);
  return names.flatMap((secret) =>
    traces(stores, Buffer.from(secrets[secret] ?? '')).map((where) => ({ secret, where })),
  );
}

/** The example policy and ceiling without the limits that would stop fifty requests of one person in a minute. */
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseDocument } from 'yaml';

/** Copies the example to `policyDir`; one entitlement passes by itself, one takes one approval. */
export async function benchPolicy(policyDir: string): Promise<void> {
  await cp('policy', policyDir, { recursive: true });
  await edit(join(policyDir, 'risk.yml'), [[['factors', 'burst', 'points'], 0]]);
  await edit(join(policyDir, 'entitlements.yml'), [
    [['entitlements', 1, 'flow'], { low: 'manager', elevated: 'manager', high: 'manager' }],
  ]);
  await edit(join(policyDir, 'ceilings', 'orders-db.yml'), [
    [['entitlements', 'orders-db/read', 'automatic', 'perHour'], 10_000],
    [['entitlements', 'orders-db/write', 'approvals', 'least'], 1],
  ]);
}

async function edit(file: string, changes: [path: (string | number)[], value: unknown][]): Promise<void> {
  const document = parseDocument(await readFile(file, 'utf8'));
  for (const [path, value] of changes) document.setIn(path, value);
  await writeFile(file, document.toString());
}

/** The example policy and ceiling without the limits that would stop fifty requests of one person in a minute. */
import { chmod, cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseDocument } from 'yaml';

/** Copies the example below `folder`; one entitlement passes by itself, one takes one approval. */
export async function benchPolicy(folder: string): Promise<{ policyDir: string; zoneDir: string }> {
  const policyDir = join(folder, 'policy');
  const zoneDir = join(folder, 'zone');
  await cp('policy', policyDir, { recursive: true });
  await mkdir(zoneDir, { recursive: true, mode: 0o700 });
  await edit(join(policyDir, 'risk.yml'), [[['factors', 'burst', 'over'], 10_000]]);
  await edit(join(policyDir, 'entitlements.yml'), [
    [['entitlements', 1, 'flow'], { low: 'manager', elevated: 'manager', high: 'manager' }],
  ]);
  const ceiling = join(zoneDir, 'orders-db.yml');
  await cp(join(policyDir, 'ceilings', 'orders-db.yml'), ceiling);
  await edit(ceiling, [
    [['entitlements', 'orders-db/read', 'automatic', 'perHour'], 10_000],
    [['entitlements', 'orders-db/write', 'approvals', 'least'], 1],
  ]);
  await chmod(ceiling, 0o600);
  return { policyDir, zoneDir };
}

async function edit(file: string, changes: [path: (string | number)[], value: unknown][]): Promise<void> {
  const document = parseDocument(await readFile(file, 'utf8'));
  for (const [path, value] of changes) document.setIn(path, value);
  await writeFile(file, document.toString());
}

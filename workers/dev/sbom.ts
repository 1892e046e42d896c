/**
 * `npm run --silent sbom [-- --omit dev]`: the software bill of materials in CycloneDX, as npm makes it from the lockfile, with this
 * project's own name. Of what is for development it is cleared here: npm 11 leaves out whatever development needs as well.
 */
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { root } from './settings.js';

const { values } = parseArgs({ options: { omit: { type: 'string' } } });
if (values.omit !== undefined && values.omit !== 'dev') throw new Error('Only `dev` can be left out: --omit dev.');

const component = z.looseObject({
  'bom-ref': z.string(),
  name: z.string(),
  properties: z.array(z.object({ name: z.string(), value: z.string() })).default([]),
});
const bill = z.looseObject({
  metadata: z.looseObject({ component }),
  components: z.array(component),
  dependencies: z.array(z.object({ ref: z.string(), dependsOn: z.array(z.string()) })),
});

const args = ['sbom', '--package-lock-only', '--sbom-format', 'cyclonedx'];
const { stdout, status, error } = spawnSync('npm', args, {
  cwd: root,
  encoding: 'utf8',
  stdio: ['ignore', 'pipe', 'inherit'],
  maxBuffer: 64_000_000,
});
if (error) throw error;
if (status !== 0) throw new Error('npm made no bill of materials, see above.');

const made = bill.parse(JSON.parse(stdout));
const isDevelopment = ({ properties }: z.infer<typeof component>): boolean =>
  properties.some(({ name, value }) => name === 'cdx:npm:package:development' && value === 'true');
const components = made.components.filter((it) => values.omit === undefined || !isDevelopment(it));
const kept = new Set([made.metadata.component, ...components].map((it) => it['bom-ref']));
const dependencies = made.dependencies
  .filter(({ ref }) => kept.has(ref))
  .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((it) => kept.has(it)) }));
const { name } = z.object({ name: z.string() }).parse(JSON.parse(await readFile(join(root, 'package.json'), 'utf8')));
// npm calls it as the folder is called.
made.metadata.component.name = name;
process.stdout.write(`${JSON.stringify({ ...made, components, dependencies }, undefined, 2)}\n`);

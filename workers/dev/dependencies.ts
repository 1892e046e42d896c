/** What this project stands on, as the lockfile pins it: every package with its licence, and whether it runs anything when it is installed. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { root } from './settings.js';

export interface Dependency {
  name: string;
  version: string;
  /** SPDX expression; undefined where the package states none. */
  licence: string | undefined;
  /** Not part of what is run in production. */
  isDevelopment: boolean;
  runsAtInstall: boolean;
  isPinned: boolean;
}

const lockfile = z.object({
  packages: z.record(
    z.string(),
    z.object({
      version: z.string().optional(),
      license: z.string().optional(),
      dev: z.boolean().optional(),
      hasInstallScript: z.boolean().optional(),
      integrity: z.string().optional(),
      link: z.boolean().optional(),
    }),
  ),
});

/** By name and version; one that stands twice in the tree is one. */
export async function readDependencies(): Promise<Dependency[]> {
  const { packages } = lockfile.parse(JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')));
  const found = new Map<string, Dependency>();
  for (const [path, entry] of Object.entries(packages)) {
    if (path === '') continue;
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
    const { version = '', license, dev = false, hasInstallScript = false, integrity } = entry;
    const known = found.get(`${name}@${version}`);
    found.set(`${name}@${version}`, {
      name,
      version,
      licence: license ?? stated[`${name}@${version}`],
      isDevelopment: dev && (known?.isDevelopment ?? true),
      runsAtInstall: hasInstallScript,
      isPinned: version !== '' && integrity?.startsWith('sha512-') === true && entry.link !== true,
    });
  }
  return [...found.values()].sort((one, other) => (one.name < other.name ? -1 : one.name > other.name ? 1 : 0));
}

/** Whose package.json says nothing, read from the licence in the package by a person. */
const stated: Record<string, string> = {
  'unionfs@4.6.0': 'Unlicense',
};

/** Permissive ones: what is under them may be used and passed on together with this project's own Apache-2.0. */
const compatible = [
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'ISC',
  'MIT',
  'MIT-0',
  'PSF-2.0',
  'Unlicense',
];

/** Licences for something else than code, each for the one package that was looked at. */
const looked: Record<string, string> = {
  'CC-BY-4.0': 'caniuse-lite',
  'OFL-1.1': '@fontsource-variable/inter',
};

/** Why this project cannot stand on it; undefined where it can. */
export function whyIncompatible({ name, licence }: Pick<Dependency, 'name' | 'licence'>): string | undefined {
  if (licence === undefined)
    return `${name} states no licence; read the one in the package, and write it down in workers/dev/dependencies.ts`;
  if (isCompatible(licence, name)) return undefined;
  return `${name} is under ${licence}, which nobody has found compatible with Apache-2.0 here; look at it, or do without it`;
}

/** Any of those joined by OR, or all of those joined by AND. What is put together in another way has to be looked at. */
function isCompatible(licence: string, name: string): boolean {
  const plain = licence.replace(/^\((.*)\)$/, '$1');
  if (/[()]/.test(plain) || (plain.includes(' OR ') && plain.includes(' AND '))) return false;
  if (plain.includes(' OR ')) return plain.split(' OR ').some((one) => isCompatible(one, name));
  return plain
    .split(' AND ')
    .every((one) => compatible.includes(one) || (Object.hasOwn(looked, one) && looked[one] === name));
}

/** The page that lists them all: by licence, what runs in production first. */
export function licencePage(dependencies: readonly Dependency[]): string {
  const licences = [...new Set(dependencies.map(({ licence = 'none' }) => licence))].sort();
  const list = (of: readonly Dependency[]): string =>
    of.map(({ name, version }) => `\`${name}@${version}\``).join(', ');
  const lines = [
    '# Licences of all dependencies',
    '',
    'Made by `npm run licences -- --write` from `package-lock.json`; [dependencies](dependencies.md) says what is allowed, and why.',
  ];
  for (const licence of licences) {
    const those = dependencies.filter((it) => (it.licence ?? 'none') === licence);
    const [production, development] = [those.filter((it) => !it.isDevelopment), those.filter((it) => it.isDevelopment)];
    lines.push('', `## ${licence}`);
    if (production.length > 0) lines.push('', `In production (${production.length}): ${list(production)}`);
    if (development.length > 0) lines.push('', `For development (${development.length}): ${list(development)}`);
  }
  return `${lines.join('\n')}\n`;
}

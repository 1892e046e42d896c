/** Turns a template and what it shows into a page. Everything is escaped; raw output is only markup that time.ts and icons.ts made. */
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Eta } from 'eta';
import type { Instant } from '../../workflows/domain/time.js';
import { icon } from './icons.js';
import { instantOf, leftTag, relative, sinceTag, timeTag, type Moment } from './time.js';
import { bandLabels, conditionLabels, counted, lasting, listed, sensitivityLabels, stateLabels } from './words.js';

export const assetsDir = fileURLToPath(new URL('assets/', import.meta.url));

/** The one font, from its package: nothing is fetched from elsewhere. */
export const fontFile = createRequire(import.meta.url).resolve(
  '@fontsource-variable/inter/files/inter-latin-wght-normal.woff2',
);

/** What browsers need to speak with passkeys, from its package. */
export const webauthnFile = join(
  dirname(createRequire(import.meta.url).resolve('@simplewebauthn/browser')),
  '../dist/bundle/index.umd.min.js',
);

/** Changes with every asset, so that they may be kept for ever under it. */
export const assetsPath = `/assets/${assetsDigest()}`;

function assetsDigest(): string {
  const hash = createHash('sha256').update(readFileSync(fontFile)).update(readFileSync(webauthnFile));
  for (const name of readdirSync(assetsDir).toSorted()) hash.update(name).update(readFileSync(assetsDir + name));
  return hash.digest('hex').slice(0, 12);
}

const eta = new Eta({ views: fileURLToPath(new URL('templates/', import.meta.url)), cache: true, autoTrim: false });

/** What the frame of every page shows. */
export interface Frame {
  title: string;
  /** Which entry of the navigation is this page. */
  here?: 'ask' | 'access' | 'approvals' | 'grants' | 'audit' | 'passkeys';
  viewer?: { name: string; seesAll: boolean; searchesAudit: boolean };
  /** How many requests wait for the viewer, like `3` or `20+`; undefined where nobody could say. */
  waiting?: string;
  now: Instant;
}

export type Page = Frame & { [shown: string]: unknown };

export function render(template: string, page: Page): string {
  const { now } = page;
  return eta.render(template, {
    ...page,
    assets: assetsPath,
    icon,
    words: { bandLabels, conditionLabels, sensitivityLabels, stateLabels, counted, lasting, listed },
    time: timeTag,
    since: (at: Moment | undefined) => sinceTag(at, now),
    left: (at: Moment | undefined) => leftTag(at, now),
    relative: (at: Moment) => relative(instantOf(at), now),
  });
}

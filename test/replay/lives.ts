/** The closed table of what is recorded for every version: each outcome, each awkward way to it, and the workflows beside grants. */
import { asking } from './support/asking.js';
import { ending } from './support/ending.js';
import type { Lives } from './support/life.js';
import { otherLives } from './support/others.js';
import { using } from './support/using.js';

export const grantLives: Lives = { ...asking, ...using, ...ending };

/** The name of one run among the histories. */
export const runName = (type: string, run: number): string => `${type}-run-${run}`;

/** Every history that a version has. */
export const historyNames: readonly string[] = [
  ...Object.keys(grantLives),
  ...Object.entries(otherLives).flatMap(([type, { runs }]) =>
    Array.from({ length: runs }, (_, run) => runName(type, run + 1)),
  ),
];

/** How long what a key signed can still matter, from the rules of this installation: until the last grant on its word is over. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Temporal } from 'temporal-polyfill';
import { readCeilings } from '../../activities/zone.js';
import type { Entitlement } from '../../activities/policy/policy.js';
import { readPolicy } from '../../activities/policy/read.js';
import { scheduleAheadMs } from '../../api/handlers/ask.js';
import { activationMs, decisionWindowMs } from '../../api/sign.js';
import type { Instant, Ms } from '../../workflows/domain/time.js';
import { Trouble } from '../dev/trouble.js';
import type { Environment } from './kinds.js';

export interface Lifetime {
  until: Instant;
  /** The sum, for whoever is to believe it. */
  because: string[];
}

/** Counted from now: a request signed this moment, scheduled as late, decided as slowly and lasting as long as can be. */
export async function lifetime(env: Environment, now: Instant = Date.now()): Promise<Lifetime> {
  const policyDir = resolve(env['DAYPASS_POLICY_DIR'] ?? 'policy');
  const zoneDir = resolve(env['DAYPASS_ZONE_DIR'] ?? join(policyDir, 'ceilings'));
  if (!existsSync(join(policyDir, 'entitlements.yml'))) {
    throw new Trouble(
      `${policyDir} holds no policy to compute the default from; set DAYPASS_POLICY_DIR, or say until when: --until <instant>`,
    );
  }
  const entitlements = readPolicy(policyDir).entitlements();
  const ceilings = existsSync(zoneDir) ? await readCeilings(zoneDir) : [];
  const decisionMs = Math.max(0, ...entitlements.map((it) => decisionWindowMs(flowsOf(it))));
  const longestMs = Math.max(
    0,
    ...entitlements.map(({ maximumMs }) => maximumMs),
    ...ceilings.map((ceiling) => ceiling.longestMs),
  );
  const parts: [Ms, string][] = [
    [scheduleAheadMs, 'until a start that was scheduled as late as allowed'],
    [decisionMs, 'for the slowest approval'],
    [activationMs, 'to be activated'],
    [longestMs, 'for the longest grant'],
  ];
  return {
    until: now + parts.reduce((sum, [ms]) => sum + ms, 0),
    because: [
      'What it signed by now can matter for:',
      ...parts.map(([ms, what]) => `  ${inIso(ms).padEnd(8)} ${what}`),
    ],
  };
}

function flowsOf({ flows }: Entitlement) {
  return Object.values(flows).filter((flow) => flow !== 'automatic');
}

function inIso(milliseconds: Ms): string {
  return Temporal.Duration.from({ milliseconds }).round({ largestUnit: 'days' }).toString();
}

/** What someone may ask for, for whom, and what it will take. */
import type { Entitlement, Policy } from '../../activities/policy/policy.js';
import type { Ref } from '../../workflows/domain/actor.js';
import type { Flow } from '../../workflows/domain/rule.js';
import type { Ms } from '../../workflows/domain/time.js';
import { all, grantsOnly, is } from '../filter.js';
import type { Grants } from '../grants.js';
import type { Handlers } from '../handlers.js';
import type { EntitlementBody } from '../schemas/answers.js';
import { isoDuration } from '../schemas/time.js';
import type { HandlerDeps } from './deps.js';

const othersMost = 200;
const waitsLookedAt = 20;
const waitKnownForMs: Ms = 60_000;

export function entitlementsHandler(deps: HandlerDeps): Handlers['entitlements'] {
  const usualWait = rememberWaits(deps.grants);
  return async (actor) => {
    const offered = offeredTo(deps.policy(), actor.ref);
    return {
      entitlements: await Promise.all(
        offered.map(async (entitlement) => ({ ...entitlement, usualWait: await usualWait(entitlement.id) })),
      ),
    };
  };
}

/** By policy, which never changes once read, and by caller: looking through everybody for everything takes its time. */
const known = new WeakMap<Policy, Map<Ref, EntitlementBody[]>>();
const callersMost = 1_000;

function offeredTo(policy: Policy, ref: Ref): EntitlementBody[] {
  const callers = known.get(policy) ?? new Map<Ref, EntitlementBody[]>();
  known.set(policy, callers);
  const before = callers.get(ref);
  if (before) return before;
  const offered = policy.entitlements().flatMap((entitlement) => {
    const forSelf = policy.mayAsk(ref, entitlement.id);
    const others = othersFor(policy, entitlement, ref);
    const emergency = policy.refusalOfEmergency(ref, entitlement.id) ? undefined : emergencyOf(entitlement);
    if (!forSelf && others.length === 0 && !emergency) return [];
    return [{ ...bodyOf(entitlement), forSelf, mayAskForOthers: others.length > 0, others, emergency }];
  });
  if (callers.size >= callersMost) callers.clear();
  callers.set(ref, offered);
  return offered;
}

function othersFor(policy: Policy, { id }: Entitlement, by: Ref): EntitlementBody['others'] {
  return [...policy.people(), ...policy.services()]
    .filter(({ ref }) => ref !== by && policy.mayAsk(by, id, ref))
    .slice(0, othersMost)
    .map(({ ref, name }) => ({ subject: ref, name }));
}

function emergencyOf({ emergency }: Entitlement): EntitlementBody['emergency'] {
  if (!emergency) return undefined;
  const { longestMs, reviewers, passkey } = emergency;
  return { longestDuration: isoDuration(longestMs), reviewers, passkey };
}

function bodyOf(
  entitlement: Entitlement,
): Omit<EntitlementBody, 'forSelf' | 'mayAskForOthers' | 'others' | 'emergency'> {
  const { id, title, description, target, sensitivity, defaultMs, maximumMs, minimumMs, presetsMs } = entitlement;
  return {
    id,
    title,
    description,
    target,
    sensitivity,
    defaultDuration: isoDuration(defaultMs),
    maximumDuration: isoDuration(maximumMs),
    minimumDuration: isoDuration(minimumMs),
    presets: presetsMs.map(isoDuration),
    ticketRequired: entitlement.ticketRequired,
    justificationLeast: entitlement.justificationMin,
    automatic: entitlement.flows.low === 'automatic',
    flows: flowsOf(entitlement),
    ...(entitlement.stepUp === undefined ? {} : { stepUp: entitlement.stepUp }),
  };
}

/** Each flow once, with the bands of risk that take it. */
function flowsOf({ flows }: Entitlement): EntitlementBody['flows'] {
  const found = new Map<string, EntitlementBody['flows'][number]>();
  for (const band of ['low', 'elevated', 'high'] as const) {
    const flow: Flow | 'automatic' = flows[band];
    if (flow === 'automatic') continue;
    const steps = flow.steps.map(({ name, approvers, needed }) => ({ name, approvers, needed }));
    const known = found.get(flow.name) ?? { name: flow.name, bands: [], steps };
    found.set(flow.name, { ...known, bands: [...known.bands, band] });
  }
  return [...found.values()];
}

/** Median time from request to use of the newest grants that are or were usable; asked at most once a minute each. */
function rememberWaits(grants: Grants): (entitlement: string) => Promise<string | undefined> {
  const known = new Map<string, { at: number; wait: Promise<string | undefined> }>();

  async function look(entitlement: string): Promise<string | undefined> {
    try {
      const filter = all(grantsOnly, is('Entitlement', entitlement));
      const { found } = await grants.list(filter, { limit: waitsLookedAt });
      const waits = found
        .flatMap(({ view }) =>
          // A start that was asked for later says nothing about waiting, nor does an emergency, which waits for nobody.
          view.accessGrantTime === undefined || view.scheduledActivationTime !== undefined || view.review !== undefined
            ? []
            : [view.accessGrantTime - view.requestTime],
        )
        .sort((a, b) => a - b);
      const median = waits[Math.floor(waits.length / 2)];
      return median === undefined ? undefined : isoDuration(Math.max(1_000, Math.round(median / 1_000) * 1_000));
    } catch {
      // A page that offers entitlements is worth more than this figure.
      return undefined;
    }
  }

  return (entitlement) => {
    const before = known.get(entitlement);
    if (before && Date.now() - before.at < waitKnownForMs) return before.wait;
    const wait = look(entitlement);
    known.set(entitlement, { at: Date.now(), wait });
    return wait;
  };
}

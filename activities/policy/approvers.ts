/**
 * Who is asked for a step, and when its clocks strike.
 *
 * 1. Nobody who is barred is asked, by name or through anyone who stands in for them.
 * 2. Whoever is away is replaced by their delegate, or left out.
 * 3. Where too few are left for the quorum, the fallback is asked at once; where it cannot be reached even so, nobody is.
 */
import type { Ref, Selector } from '../../workflows/domain/actor.js';
import type { Request } from '../../workflows/domain/request.js';
import type { Opening, Step } from '../../workflows/domain/rule.js';
import type { Instant } from '../../workflows/domain/time.js';
import { after } from './calendar.js';
import type { Policy } from './policy.js';
import { partsOf } from './schema/common.js';

/** What the search attribute `Approvers` holds. */
const selectorsMax = 20;

export interface OpenStep {
  step: Step;
  request: Request;
  barred: Ref[];
  escalated: boolean;
  openedAt: Instant;
}

export function openStep(policy: Policy, input: OpenStep, now: Instant): Opening {
  const { step, request, escalated, openedAt } = input;
  const barred = new Set([...input.barred, ...policy.barred(request, now)].map((ref) => policy.human(ref)));
  const ask = (selectors: Selector[]) => resolve(policy, selectors, request, barred, now);
  const enough = (asked: Selector[]) => humans(policy, asked, barred, now) >= step.needed;

  const first = ask(escalated ? [...step.approvers, ...step.escalateTo] : step.approvers);
  const withFallback = () => ask([...step.approvers, ...(escalated ? step.escalateTo : []), ...step.fallback]);
  const later = () => ask([...step.approvers, ...step.fallback, ...step.escalateTo]);

  const usedFallback = !enough(first) && step.fallback.length > 0;
  const asked = usedFallback ? withFallback() : first;
  // Some may be asked now though only the escalation completes the quorum; with nobody now, waiting helps nobody.
  const reachable = enough(asked) || (step.escalateAfterMs !== undefined && enough(later()));

  // A calendar that today's policy no longer has counts every hour: the step ends sooner, never later.
  const calendar = policy.calendar(step.clock);
  const at = (afterMs: number) => after(calendar, openedAt, afterMs);
  return {
    selectors: reachable ? asked : [],
    usedFallback,
    ...(step.remindAfterMs === undefined ? {} : { remindAt: at(step.remindAfterMs) }),
    ...(step.escalateAfterMs === undefined ? {} : { escalateAt: at(step.escalateAfterMs) }),
    expireAt: at(step.expireAfterMs),
  };
}

/** `person:` and `group:` selectors, each once. Groups stay whole: they are as large as they are. */
function resolve(
  policy: Policy,
  selectors: Selector[],
  request: Request,
  barred: Set<string>,
  now: Instant,
): Selector[] {
  const asked = new Set<Selector>();
  const person = (ref: Ref) => {
    if (barred.has(policy.human(ref)) || !policy.isActive(ref)) return;
    const present = policy.isAway(ref, now) ? policy.delegateOf(ref, now) : ref;
    if (present !== undefined && !barred.has(policy.human(present))) asked.add(present);
  };
  for (const selector of selectors) {
    const { kind } = partsOf(selector);
    if (kind === 'manager') person(policy.managerOf(request.subject) ?? '');
    else if (kind !== 'group') policy.members(selector, now).forEach(person);
    else {
      const members = policy.members(selector, now).filter((ref) => !barred.has(policy.human(ref)));
      if (members.some((ref) => !policy.isAway(ref, now))) asked.add(selector);
      members.filter((ref) => policy.isAway(ref, now)).forEach(person);
    }
  }
  const groups = [...asked].filter((selector) => partsOf(selector).kind === 'group');
  // Groups first: should the bound ever cut, it cuts single people.
  const members = new Set(groups.flatMap((group) => policy.members(group, now)));
  const people = [...asked].filter((selector) => !groups.includes(selector) && !members.has(selector));
  return [...groups, ...people].slice(0, selectorsMax);
}

/** How many different humans these selectors can bring to a vote. */
function humans(policy: Policy, asked: Selector[], barred: Set<string>, now: Instant): number {
  const members = asked.flatMap((selector) => policy.members(selector, now));
  const present = members.filter((ref) => !policy.isAway(ref, now)).map((ref) => policy.human(ref));
  return new Set(present.filter((human) => !barred.has(human))).size;
}

/** The factors of risk: each is a small pure rule that gives points and one sentence of evidence from facts. */
import type { Sensitivity } from '../../../workflows/domain/rule.js';
import type { Instant, Ms } from '../../../workflows/domain/time.js';
import { within, zoned } from '../calendar.js';
import type { Hours } from '../schema/common.js';
import type { RiskRules } from '../schema/risk.js';
import type { KnownPast } from './baselines.js';
import { span } from './span.js';

export interface Facts {
  entitlement: string;
  sensitivity: Sensitivity;
  durationMs: Ms;
  /** What the entitlement gives who states nothing. */
  defaultMs: Ms;
  askedAt: Instant;
  /** When access would start, as far as the request says. */
  startsAt: Instant;
  signInTime: Instant;
  hasTicket: boolean;
  byService: boolean;
  /** The person whose hours count; a service has none. */
  person?: { timeZone: string; hours: Hours };
  requester: KnownPast;
  subject: KnownPast;
}

export interface Weight {
  points: number;
  evidence: string;
}

/** Undefined: the signal is missing. */
type Weigh = (facts: Facts, rules: RiskRules['factors']) => Weight | undefined;

/** With fewer grants than this there is no usual yet. */
const habitMin = 3;

/** In the order in which they are shown. */
export const factors: Record<string, Weigh> = {
  sensitivity: ({ sensitivity }, rules) => ({
    points: rules.sensitivity[sensitivity],
    evidence: `The entitlement's sensitivity is ${sensitivity}.`,
  }),

  duration({ entitlement, durationMs, defaultMs, subject }, { duration }) {
    if (subject === undefined) return undefined;
    const used = subject.filter((grant) => grant.result === 'used' && grant.entitlement === entitlement);
    const usualMs = used.length < habitMin ? defaultMs : median(used.map((grant) => grant.ms));
    const usual = used.length < habitMin ? 'the default' : `usual over ${used.length} grants`;
    const isLong = durationMs > usualMs * duration.times;
    const than = isLong ? `more than ${duration.times} times` : `within ${duration.times} times`;
    return {
      points: isLong ? duration.points : 0,
      evidence: `Asked for ${span(durationMs)}, ${than} what is ${usual} (${span(usualMs)}).`,
    };
  },

  hour({ person, startsAt, subject }, { hour }) {
    if (person === undefined) return { points: 0, evidence: 'A service keeps no hours.' };
    const local = zoned(startsAt, person.timeZone);
    const at = `${local.toPlainTime().toString({ smallestUnit: 'minute' })} in ${person.timeZone}`;
    if (within(person.hours, person.timeZone, startsAt)) {
      return { points: 0, evidence: `It is ${at}, within the person's own hours.` };
    }
    const alike = (subject ?? []).filter(
      (grant) => grant.result === 'used' && hoursApart(zoned(grant.at, person.timeZone).hour, local.hour) <= 1,
    );
    if (alike.length >= habitMin) {
      return { points: 0, evidence: `It is ${at}, outside stated hours, as in ${alike.length} earlier grants.` };
    }
    return { points: hour.points, evidence: `It is ${at}, outside the person's own hours.` };
  },

  'first-use'({ entitlement, subject }, { firstUse }) {
    if (subject === undefined) return undefined;
    const uses = subject.filter((grant) => grant.result === 'used' && grant.entitlement === entitlement).length;
    if (uses === 0) return { points: firstUse.points, evidence: 'First use of this entitlement in 90 days.' };
    return { points: 0, evidence: `Had this entitlement ${times(uses)} in the last 90 days.` };
  },

  burst({ askedAt, requester, byService }, { burst }) {
    if (requester === undefined) return undefined;
    const count = 1 + requester.filter(({ at }) => at <= askedAt && at > askedAt - burst.within).length;
    // Programs ask more often than people.
    const over = byService ? burst.overByService : burst.over;
    const points = count > over ? Math.min(burst.most, burst.points * Math.floor(count / over)) : 0;
    return { points, evidence: `${count === 1 ? 'One request' : `${count} requests`} within ${span(burst.within)}.` };
  },

  denials({ askedAt, requester }, { denials }) {
    if (requester === undefined) return undefined;
    const count = requester.filter((grant) => grant.result === 'denied' && grant.at > askedAt - denials.within).length;
    const evidence = `${count === 0 ? 'Nothing denied' : `Denied ${times(count)}`} within ${span(denials.within)}.`;
    return { points: Math.min(denials.most, count * denials.points), evidence };
  },

  ticket: ({ hasTicket }, { noTicket }) =>
    hasTicket
      ? { points: 0, evidence: 'A ticket is named.' }
      : { points: noTicket.points, evidence: 'No ticket is named.' },

  'sign-in'({ askedAt, signInTime }, { signIn }) {
    const age = askedAt - signInTime;
    // The clocks of provider and API differ a little; a sign-in that is yet to come is none.
    if (age < -clockSkewMs) return undefined;
    const points = age > signIn.olderThan ? signIn.points : 0;
    return { points, evidence: `Signed in ${age < 1000 ? 'just now' : `${span(age)} before asking`}.` };
  },
};

const clockSkewMs: Ms = 60_000;

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}

function hoursApart(one: number, other: number): number {
  const apart = Math.abs(one - other);
  return Math.min(apart, 24 - apart);
}

/** The lower one of an even number: the usual is not made longer by one long grant. */
function median(values: Ms[]): Ms {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
}

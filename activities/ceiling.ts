/** The connector's own limit: the most that it will ever create for one entitlement, and what it would say to a request. */
import type { Ref } from '../workflows/domain/actor.js';
import type { Ms } from '../workflows/domain/time.js';
import type { CeilingAnswer } from './contract.js';

/** The most that may be created for one entitlement. `privilege` is read by the connector of the target's kind. */
export interface Ceiling<Privilege = unknown> {
  privilege: Privilege;
  longestMs: Ms;
  approvals: { least: number; groups: string[] };
  /** An approval counts only with the assertion of a passkey that the zone file lists for its approver; an emergency likewise. */
  attested: boolean;
  /** Absent: never without people's approval. */
  automatic?: { longestMs: Ms; perHour: number };
  /** Absent: no emergency passes without people's approval. */
  emergency?: { longestMs: Ms; groups: string[] };
}

/** A passkey as the owner of the zone listed it: whoever owns the API cannot add one. */
export interface ZonePasskey {
  person: Ref;
  credentialId: string;
  publicKey: string;
}

export interface CeilingQuestion {
  entitlement: string;
  durationMs: Ms;
  emergency: boolean;
}

/** What the ceiling would say to a request, before anybody is asked to approve it. */
export function answer(
  zone: { ceilings: ReadonlyMap<string, Ceiling>; passkeys: readonly ZonePasskey[] },
  { entitlement, durationMs, emergency }: CeilingQuestion,
): CeilingAnswer {
  const found = zone.ceilings.get(entitlement);
  if (!found) return { allows: false, because: `The connector's ceiling does not list ${entitlement}.` };
  if (!(durationMs <= found.longestMs)) {
    return {
      allows: false,
      because: `The connector's ceiling allows ${entitlement} for ${minutes(found.longestMs)} at most.`,
    };
  }
  const passing = emergency ? found.emergency : found.automatic;
  const automatic = passing !== undefined && durationMs <= passing.longestMs;
  const { attested, approvals } = found;
  const holders = new Set(zone.passkeys.map(({ person }) => person)).size;
  if (!automatic && attested && holders < approvals.least) {
    return {
      allows: false,
      because:
        `The connector's ceiling wants ${entitlement} approved with the passkeys of ${approvals.least} people, ` +
        `and its zone file lists ${holders}; its owner adds them (docs/keys.md).`,
    };
  }
  return { allows: true, automatic, leastApprovals: approvals.least, attested };
}

export function minutes(ms: Ms): string {
  return `${Math.round(ms / 60_000)} minutes`;
}

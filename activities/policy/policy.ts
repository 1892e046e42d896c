/** One read and cross-checked policy: the directory, what may be asked for and by whom. Never changes; a change is a new one. */
import type { Ref, Selector } from '../../workflows/domain/actor.js';
import { refuse, type Refusal } from '../../workflows/domain/failure.js';
import type { Flow, Sensitivity, Step } from '../../workflows/domain/rule.js';
import type { Ms } from '../../workflows/domain/time.js';
import { createDirectory, type Directory } from './directory.js';
import { partsOf } from './schema/common.js';
import type { PolicyFiles } from './schema/files.js';
import type { EntitlementEntry } from './schema/entitlements.js';
import type { Calendar, StepEntry } from './schema/flows.js';
import type { RiskRules } from './schema/risk.js';
import type { TargetEntry } from './schema/targets.js';

export interface Entitlement {
  /** `orders-db/read` */
  id: string;
  title: string;
  description: string;
  target: string;
  targetTitle: string;
  sensitivity: Sensitivity;
  defaultMs: Ms;
  minimumMs: Ms;
  maximumMs: Ms;
  presetsMs: Ms[];
  /** Characters, blanks at the ends not counted. */
  justificationMin: number;
  ticketRequired: boolean;
  /** What it takes, by risk band. */
  flows: { low: 'automatic' | Flow; elevated: Flow; high: Flow };
  extension: { automaticUpToMs: Ms; byApproval: boolean };
  /** When the requester, or the subject, must have proved a passkey a moment ago. */
  stepUp?: 'request' | 'collection';
  /** Absent: not to be had in an emergency either. */
  emergency?: { longestMs: Ms; reviewers: Selector[]; passkey: boolean };
}

/** In an emergency other people are eligible, and nobody asks for anybody else. */
export type Need = 'ordinary' | 'emergency';

export interface Policy extends Directory {
  /** Digest of the contents of the folder, in hex. */
  readonly version: string;
  readonly risk: RiskRules;
  entitlement(id: string): Entitlement | undefined;
  entitlements(): readonly Entitlement[];
  /** What this person or service may ask for, for itself. */
  entitlementsFor(ref: Ref): Entitlement[];
  target(name: string): TargetEntry | undefined;
  targets(): readonly TargetEntry[];
  /** Undefined for `always`, the clock without a calendar. */
  calendar(id: string): Calendar | undefined;
  /** May this subject have this entitlement at all? */
  isEligible(ref: Ref, entitlement: string, need?: Need): boolean;
  /** May `ref` ask for this entitlement for this subject (itself, if not stated)? */
  mayAsk(ref: Ref, entitlement: string, subject?: Ref): boolean;
  /** Why `mayAsk` says no, in a sentence for whoever asks; undefined where it says yes. */
  refusalToAsk(ref: Ref, entitlement: string, subject?: Ref): Refusal | undefined;
  /** Why `ref` may not have this in an emergency; undefined where they may. */
  refusalOfEmergency(ref: Ref, entitlement: string, subject?: Ref): Refusal | undefined;
}

export function createPolicy(files: PolicyFiles, version: string): Policy {
  const directory = createDirectory(files.directory);
  const flows = new Map(
    files.flows.flows.map((flow) => [flow.name, { name: flow.name, steps: flow.steps.map(stepOf) }]),
  );
  const calendars = new Map(files.flows.calendars.map((calendar) => [calendar.id, calendar]));
  const targets = new Map(files.targets.targets.map((target) => [target.name, target]));
  const entries = new Map(files.entitlements.entitlements.map((entry) => [entry.id, entry]));
  const entitlements = new Map([...entries.values()].map((entry) => [entry.id, entitlementOf(entry)]));

  function entitlementOf(entry: EntitlementEntry): Entitlement {
    const { id, title, description, target, sensitivity, duration, requires, extension, flow, emergency } = entry;
    return {
      id,
      title,
      description,
      target,
      targetTitle: targets.get(target)?.title ?? target,
      sensitivity,
      defaultMs: duration.default,
      minimumMs: duration.minimum ?? files.entitlements.minimumDuration,
      maximumMs: duration.maximum,
      presetsMs: duration.presets,
      justificationMin: requires.justification,
      ticketRequired: requires.ticket === 'required',
      flows: {
        low: flow.low === 'automatic' ? 'automatic' : flowOf(flow.low),
        elevated: flowOf(flow.elevated),
        high: flowOf(flow.high),
      },
      extension: { automaticUpToMs: extension.automaticUpTo ?? 0, byApproval: extension.beyond === 'approval' },
      ...(requires.stepUp === undefined ? {} : { stepUp: requires.stepUp }),
      ...(emergency === undefined ? {} : { emergency: emergencyOf(emergency) }),
    };
  }

  function flowOf(name: string): Flow {
    const flow = flows.get(name);
    if (flow === undefined) throw new Error(`flow ${name} passed the cross-check and is not there`);
    return flow;
  }

  /** Does one of the selectors mean `ref`, an active person or service? */
  function among(ref: Ref, selectors: string[]): boolean {
    const groups = directory.groupsOf(ref).map((group) => `group:${group}`);
    return selectors.some((selector) => selector === ref || groups.includes(selector));
  }

  function isEligible(ref: Ref, id: string, need: Need = 'ordinary'): boolean {
    const entry = entries.get(id);
    const eligible = need === 'ordinary' ? entry?.eligible : entry?.emergency?.eligible;
    return eligible !== undefined && directory.isActive(ref) && among(ref, eligible);
  }

  function mayRequestFor(ref: Ref, entry: EntitlementEntry, subject: Ref): boolean {
    // The second account of one human asks for the same human.
    if (directory.human(ref) === directory.human(subject)) return true;
    const { kind, id } = partsOf(subject);
    const owner = kind === 'service' ? directory.service(id)?.owner : undefined;
    const manager = directory.managerOf(subject);
    return (
      among(ref, entry.mayRequestFor) ||
      (entry.mayRequestFor.includes('manager') && kind === 'person' && ref === manager) ||
      (entry.mayRequestFor.includes('owner') && owner !== undefined && ref === `person:${owner}`)
    );
  }

  function unknownEntitlement(id: string): Refusal {
    return refuse(
      'unknown-entitlement',
      `There is no entitlement "${id}". The list of entitlements shows what there is.`,
    );
  }

  /** Who is blocked is told so, whatever else they may. */
  function refusalOfBlocked(...refs: Ref[]): Refusal | undefined {
    const found = refs.find(directory.isBlocked);
    if (found === undefined) return undefined;
    return refuse('blocked', `${directory.nameOf(found)} is blocked by the policy of this installation.`);
  }

  function refusalToAsk(ref: Ref, id: string, subject: Ref = ref): Refusal | undefined {
    const entry = entries.get(id);
    if (entry === undefined) return unknownEntitlement(id);
    const blocked = refusalOfBlocked(ref, subject);
    if (blocked) return blocked;
    if (!directory.isActive(ref)) {
      return refuse(
        'not-eligible',
        `${directory.nameOf(ref)} is not active in the directory, and so may ask for nothing.`,
      );
    }
    if (!directory.isActive(subject)) {
      return refuse('inactive-subject', `${directory.nameOf(subject)} is not active in the directory.`);
    }
    if (!mayRequestFor(ref, entry, subject)) {
      return refuse(
        'may-not-request-for',
        `${directory.nameOf(ref)} may not ask for ${id} for ${directory.nameOf(subject)}, who can ask themselves.`,
      );
    }
    if (!among(subject, entry.eligible)) {
      return refuse(
        'not-eligible',
        `${directory.nameOf(subject)} is not eligible for ${id}: ${whoIs(entry.eligible)}.`,
      );
    }
    return undefined;
  }

  function refusalOfEmergency(ref: Ref, id: string, subject: Ref = ref): Refusal | undefined {
    const entry = entries.get(id);
    if (entry === undefined) return unknownEntitlement(id);
    const blocked = refusalOfBlocked(ref, subject);
    if (blocked) return blocked;
    if (entry.emergency === undefined) {
      return refuse('emergency-refused', `${id} is not given in an emergency; ask for it the ordinary way.`);
    }
    if (ref !== subject) {
      return refuse('emergency-refused', 'In an emergency everybody asks for themselves.');
    }
    if (isEligible(ref, id, 'emergency')) return undefined;
    const who = whoIs(entry.emergency.eligible);
    return refuse('emergency-refused', `${directory.nameOf(ref)} may not have ${id} in an emergency: ${who}.`);
  }

  function whoIs(selectors: string[]): string {
    if (selectors.length === 0) return 'at present nobody is';
    return `eligible are ${selectors.map((selector) => directory.nameOf(selector)).join(', ')}`;
  }

  return {
    ...directory,
    version,
    risk: files.risk,
    entitlement: (id) => entitlements.get(id),
    entitlements: () => [...entitlements.values()],
    entitlementsFor: (ref) => [...entitlements.values()].filter(({ id }) => isEligible(ref, id)),
    target: (name) => targets.get(name),
    targets: () => [...targets.values()],
    calendar: (id) => calendars.get(id),
    isEligible,
    mayAsk: (ref, id, subject) => refusalToAsk(ref, id, subject) === undefined,
    refusalToAsk,
    refusalOfEmergency,
  };
}

function emergencyOf({ longest, reviewers, passkey }: NonNullable<EntitlementEntry['emergency']>) {
  return { longestMs: longest, reviewers, passkey };
}

function stepOf(entry: StepEntry): Step {
  const { name, approvers, needed, remindAfter, escalateAfter, escalateTo, fallback, expireAfter, clock, passkey } =
    entry;
  return {
    name,
    approvers,
    needed,
    ...(remindAfter === undefined ? {} : { remindAfterMs: remindAfter }),
    ...(escalateAfter === undefined ? {} : { escalateAfterMs: escalateAfter }),
    escalateTo,
    fallback,
    expireAfterMs: expireAfter,
    clock,
    ...(passkey ? { passkey } : {}),
  };
}

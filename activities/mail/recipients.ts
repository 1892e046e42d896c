/** Who is told what: each human once per change, active people only, nobody about what they did themselves. */
import { SYSTEM, UNVERIFIED, type Ref, type Selector } from '../../workflows/domain/actor.js';
import type { Action, GrantView } from '../../workflows/domain/view.js';
import type { News, NewsKind } from '../contract.js';
import type { Policy } from '../policy/load.js';

/** What mail needs of the policy's directory. */
export type Directory = Pick<
  Policy,
  'human' | 'mailOf' | 'members' | 'nameOf' | 'people' | 'person' | 'rolesOf' | 'service'
>;

export interface Reader {
  ref: Ref;
  name: string;
  address: string;
  timeZone?: string;
}

export interface Recipient extends Reader {
  kind: NewsKind;
}

/** These ask for a decision, so they are pointless when none is open any more. */
const asking: readonly NewsKind[] = ['asked', 'reminded', 'escalated'];

/**
 * 1. A human with two accounts, or in two of the groups, gets one mail.
 * 2. Of two things to say to one human the later one is said; "decided by someone else" yields to everything.
 * 3. Nobody is asked for a decision that is not open any more: mail may come late.
 */
export function recipients(view: GrantView, news: News[], directory: Directory, now: number): Recipient[] {
  const found = new Map<string, Recipient>();
  for (const { kind, to } of news) {
    if (asking.includes(kind) && !isOpen(view, now)) continue;
    const actors = new Set(actorsOf(view, kind).map((ref) => directory.human(ref)));
    const refs = to.flatMap((selector) => reachable(selector, directory));
    // The workflow cannot know which groups operate Daypass: that is the directory's to say.
    if (kind === 'removal-overdue') refs.push(...operators(directory));
    if (kind === 'evidence-refused' || kind === 'emergency') refs.push(...withRole('security', directory));
    for (const ref of refs) {
      const human = directory.human(ref);
      const reader = addressed(ref, directory);
      if (!reader || actors.has(human)) continue;
      const before = found.get(human)?.kind;
      if (before === kind || (before !== undefined && kind === 'decided')) continue;
      found.set(human, { ...reader, kind });
    }
  }
  return [...found.values()];
}

function isOpen({ step }: GrantView, now: number): boolean {
  return step !== undefined && (step.expireAt === undefined || step.expireAt > now);
}

/** A service reads no mail; its owner does. */
function reachable(selector: Selector, directory: Directory): Ref[] {
  return directory.members(selector).map((ref) => {
    const owner = ref.startsWith('service:') ? directory.service(idOf(ref))?.owner : undefined;
    return owner === undefined ? ref : `person:${owner}`;
  });
}

export function operators(directory: Directory): Ref[] {
  return withRole('operator', directory);
}

function withRole(role: 'operator' | 'security', directory: Directory): Ref[] {
  return directory
    .people()
    .map(({ ref }) => ref)
    .filter((ref) => directory.rolesOf(ref).includes(role));
}

/** Undefined for whoever is not active or has no address. */
export function addressed(ref: Ref, directory: Directory): Reader | undefined {
  const person = directory.person(idOf(ref));
  const address = directory.mailOf(ref);
  if (!person?.active || address === undefined) return undefined;
  return { ref, name: person.name, address, timeZone: person.timeZone };
}

function idOf(ref: Ref): string {
  return ref.slice(ref.indexOf(':') + 1);
}

const actions: Partial<Record<NewsKind, Action[]>> = {
  decided: ['approve', 'deny'],
  denied: ['deny'],
  extended: ['extend', 'approve'],
  over: ['withdraw', 'revoke'],
  reviewed: ['review'],
};

/** Who did it, by proof: someone whose name stands in an unverified message hears of it. */
export function actorsOf(view: GrantView, kind: NewsKind): Ref[] {
  const applied = view.outcomes.filter(
    ({ action, result, unverified }) =>
      result === 'applied' && unverified !== true && (actions[kind] ?? []).includes(action),
  );
  // Everyone who voted knows; of other changes the last decision was the cause.
  const counted = kind === 'decided' ? applied : applied.slice(-1);
  return counted.map(({ by }) => by).filter((by) => by !== SYSTEM && by !== UNVERIFIED);
}

/** Answers who someone is, what they belong to, and who may not decide for them. Inactive people are nobody. */
import type { Ref, Selector } from '../../workflows/domain/actor.js';
import type { Request } from '../../workflows/domain/request.js';
import type { Instant } from '../../workflows/domain/time.js';
import { onCall, until } from './calendar.js';
import { partsOf, type Hours } from './schema/common.js';
import type { DirectoryFile, PersonEntry, Role, Rotation, ServiceEntry } from './schema/directory.js';

export interface Person {
  id: string;
  ref: Ref;
  name: string;
  email: string;
  /** Id of another person. */
  manager?: string;
  groups: string[];
  timeZone: string;
  hours: Hours;
  active: boolean;
  away?: { until: string; delegate: string };
}

export interface Service extends ServiceEntry {
  ref: Ref;
}

export type { Role } from './schema/directory.js';

/** Who is named in a request, as far as separation of duties goes. */
export type Parties = Pick<Request, 'requester' | 'subject'>;

export interface Directory {
  /** By id, not by ref. */
  person(id: string): Person | undefined;
  service(id: string): Service | undefined;
  /** By the client id that the identity provider states. */
  serviceOfClient(clientId: string): Service | undefined;
  people(): readonly Person[];
  services(): readonly Service[];
  groups(): readonly { id: string; name: string }[];
  /** Named in the block list, with whatever account of the same human: may do nothing, keeps nothing. */
  isBlocked(ref: Ref): boolean;
  /** Neither inactive nor blocked. A service is active while its owner is: somebody answers for it. */
  isActive(ref: Ref): boolean;
  /** For people's eyes; of groups and rotations too. */
  nameOf(ref: Ref | Selector): string;
  /** Where to write to: of a service, its owner. */
  mailOf(ref: Ref): string | undefined;
  /** Ids; none for inactive people and for services. */
  groupsOf(ref: Ref): string[];
  rolesOf(ref: Ref): Role[];
  /** The same for every account of one human. */
  human(ref: Ref): string;
  /** Active people and services behind a selector: `group:`, `person:`, `service:`, `oncall:`. */
  members(selector: Selector, now?: Instant): Ref[];
  /** Who stands in now for this person, if they are away and anybody does. Follows delegates who are away too. */
  delegateOf(ref: Ref, now?: Instant): Ref | undefined;
  isAway(ref: Ref, now?: Instant): boolean;
  /** The manager's ref: of a service, its owner's manager. */
  managerOf(ref: Ref): Ref | undefined;
  /** Everyone who may not decide on this request. */
  barred(parties: Parties, now?: Instant): Ref[];
}

export const personRef = (id: string): Ref => `person:${id}`;

export function createDirectory(file: DirectoryFile): Directory {
  const people = new Map(file.people.map((entry) => [entry.id, personOf(entry, file.hours)]));
  const services = new Map(file.services.map((entry) => [entry.id, { ...entry, ref: `service:${entry.id}` }]));
  const clients = new Map([...services.values()].map((service) => [service.clientId, service]));
  const rotations = new Map<string, Rotation>(file.rotations.map((rotation) => [rotation.id, rotation]));
  const groupNames = new Map(file.groups.map((group) => [group.id, group.name]));
  const humans = humansOf(file.people);
  const onLeave = [...people.values()].filter((person) => person.away !== undefined);
  const accounts = groupBy([...people.keys()], (id) => humanOf(id));
  const accountsOf = (id: string): string[] => accounts.get(humanOf(id)) ?? [];
  const blocked = new Set<Ref>(
    file.blocked.flatMap((ref) => [ref, ...(find(ref) ? accountsOf(partsOf(ref).id).map(personRef) : [])]),
  );
  const isUsable = (person: Person): boolean => person.active && !blocked.has(person.ref);
  const activeMembers = new Map(
    file.groups.map(({ id }) => [
      id,
      [...people.values()]
        .filter((person) => isUsable(person) && person.groups.includes(id))
        .map((person) => person.ref),
    ]),
  );

  function humanOf(id: string): string {
    return humans.get(id) ?? id;
  }

  /** The person of a `person:` ref. */
  function find(ref: Ref): Person | undefined {
    const { kind, id } = partsOf(ref);
    return kind === 'person' ? people.get(id) : undefined;
  }

  function findService(ref: Ref): Service | undefined {
    const { kind, id } = partsOf(ref);
    return kind === 'service' ? services.get(id) : undefined;
  }

  const isActive = (ref: Ref): boolean => {
    const service = findService(ref);
    const person = find(service === undefined ? ref : personRef(service.owner));
    return person !== undefined && isUsable(person) && !blocked.has(ref);
  };

  const isAway = (ref: Ref, now = Date.now()): boolean => {
    const person = find(ref);
    return person?.away !== undefined && until(person.away.until, person.timeZone, now);
  };

  const delegateOf = (ref: Ref, now = Date.now()): Ref | undefined => {
    const seen = new Set<Ref>();
    let at = ref;
    while (isAway(at, now) && !seen.has(at)) {
      seen.add(at);
      at = personRef(find(at)?.away?.delegate ?? '');
    }
    return at !== ref && isActive(at) && !isAway(at, now) ? at : undefined;
  };

  function barred(parties: Parties, now = Date.now()): Ref[] {
    const found = new Set<string>();
    for (const ref of [parties.requester, parties.subject]) {
      const id = findService(ref)?.owner ?? find(ref)?.id;
      if (id !== undefined) accountsOf(id).forEach((account) => found.add(account));
    }
    // The delegation chain, both ways: who stands in for one of these, and for whom one of these stands in.
    const seeds = [...found];
    const away = onLeave.filter((person) => isAway(person.ref, now));
    const bar = (id: string) => accountsOf(id).forEach((account) => found.add(account));
    spread(seeds, (id) => away.filter((person) => person.id === id).map((person) => person.away?.delegate ?? ''), bar);
    spread(seeds, (id) => away.filter((person) => person.away?.delegate === id).map((person) => person.id), bar);
    return [...new Set([parties.requester, parties.subject, ...[...found].map(personRef)])];
  }

  return {
    person: (id) => people.get(id),
    service: (id) => services.get(id),
    serviceOfClient: (clientId) => clients.get(clientId),
    people: () => [...people.values()],
    services: () => [...services.values()],
    groups: () => file.groups,
    isActive,
    isBlocked: (ref) => blocked.has(ref),
    nameOf: (ref) => {
      const { kind, id } = partsOf(ref);
      if (kind === 'group') return groupNames.get(id) ?? id;
      if (kind === 'oncall') return `On call: ${id}`;
      return find(ref)?.name ?? findService(ref)?.name ?? ref;
    },
    mailOf: (ref) => find(personRef(findService(ref)?.owner ?? partsOf(ref).id))?.email,
    groupsOf: (ref) => (isActive(ref) ? (find(ref)?.groups ?? []) : []),
    rolesOf: (ref) => {
      const groups = isActive(ref) ? (find(ref)?.groups ?? []) : [];
      const roles = Object.keys(file.roles) as Role[];
      return roles.filter((role) => file.roles[role].some((group) => groups.includes(group)));
    },
    human: (ref) => {
      const { kind, id } = partsOf(ref);
      return kind === 'person' ? personRef(humanOf(id)) : ref;
    },
    members: (selector, now = Date.now()) => {
      const { kind, id } = partsOf(selector);
      if (kind === 'group') return activeMembers.get(id) ?? [];
      const rotation = kind === 'oncall' ? rotations.get(id) : undefined;
      const ref = rotation === undefined ? selector : personRef(onCall(rotation, now) ?? '');
      return isActive(ref) ? [ref] : [];
    },
    delegateOf,
    isAway,
    managerOf: (ref) => {
      const manager = find(personRef(findService(ref)?.owner ?? partsOf(ref).id))?.manager;
      return manager === undefined ? undefined : personRef(manager);
    },
    barred,
  };
}

function personOf(entry: PersonEntry, hours: Hours): Person {
  const { id, name, email, manager, groups, timeZone, status, away } = entry;
  return {
    id,
    ref: personRef(id),
    name,
    email,
    groups,
    timeZone,
    hours: entry.hours ?? hours,
    active: status === 'active',
    ...(manager === undefined ? {} : { manager }),
    ...(away === undefined ? {} : { away }),
  };
}

/** Every account to the first id, by the alphabet, among the accounts of one human. */
/** Which human an account with another one is of: one name for all of theirs. Others are not in it. */
export function humansOf(people: PersonEntry[]): Map<string, string> {
  const links = people.flatMap((person) => person.sameAs.map((other) => [person.id, other] as const));
  const linked = (id: string) => links.filter((link) => link.includes(id)).flat();
  const humans = new Map<string, string>();
  for (const id of [...new Set(links.flat())].sort()) {
    if (!humans.has(id)) spread([id], linked, (other) => humans.set(other, id));
  }
  return humans;
}

/** Visits everything that can be reached, the starting points too, each once. */
function spread(from: string[], next: (id: string) => string[], visit: (id: string) => unknown): void {
  const seen = new Set(from);
  for (const id of seen) {
    visit(id);
    // A set that grows while it is walked is walked to its end.
    for (const other of next(id)) seen.add(other);
  }
}

function groupBy(ids: string[], key: (id: string) => string): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const id of ids) groups.set(key(id), [...(groups.get(key(id)) ?? []), id]);
  return groups;
}

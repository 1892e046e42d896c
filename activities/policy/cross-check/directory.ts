/** Checks that everything the directory names is in it, and that nobody is, by some circle, their own manager or delegate. */
import { noDoubles, unknown, type Report } from './report.js';
import { partsOf } from '../schema/common.js';
import type { DirectoryFile, PersonEntry } from '../schema/directory.js';

export function checkDirectory(directory: DirectoryFile, report: Report): void {
  const { people, groups, roles, services, rotations, blocked } = directory;
  const persons = new Set(people.map((person) => person.id));
  const groupIds = new Set(groups.map((group) => group.id));

  noDoubles(
    people.map((person) => person.id),
    ['people'],
    'id',
    report,
  );
  noDoubles(
    people.map((person) => person.email.toLowerCase()),
    ['people'],
    'email',
    report,
  );
  noDoubles(
    groups.map((group) => group.id),
    ['groups'],
    'id',
    report,
  );
  noDoubles(
    services.map((service) => service.id),
    ['services'],
    'id',
    report,
  );
  noDoubles(
    services.map((service) => service.clientId),
    ['services'],
    'clientId',
    report,
  );
  noDoubles(
    rotations.map((rotation) => rotation.id),
    ['rotations'],
    'id',
    report,
  );

  people.forEach((person, index) => {
    const at = ['people', index];
    const known = (id: string | undefined, ...field: (string | number)[]) => {
      if (id !== undefined && !persons.has(id)) report([...at, ...field], unknown(id, 'people'));
    };
    known(person.manager, 'manager');
    known(person.away?.delegate, 'away', 'delegate');
    person.sameAs.forEach((id, place) => known(id, 'sameAs', place));
    person.groups.forEach((id, place) => {
      if (!groupIds.has(id)) report([...at, 'groups', place], unknown(id, 'groups'));
    });
  });
  const serviceIds = new Set(services.map((service) => service.id));
  blocked.forEach((ref, index) => {
    const { kind, id } = partsOf(ref);
    const known = kind === 'person' ? persons : serviceIds;
    if (!known.has(id)) report(['blocked', index], unknown(id, kind === 'person' ? 'people' : 'services'));
  });
  services.forEach((service, index) => {
    if (!persons.has(service.owner)) report(['services', index, 'owner'], unknown(service.owner, 'people'));
  });
  rotations.forEach((rotation, index) =>
    rotation.people.forEach((id, place) => {
      if (!persons.has(id)) report(['rotations', index, 'people', place], unknown(id, 'people'));
    }),
  );
  for (const [role, ids] of Object.entries(roles)) {
    ids.forEach((id, place) => {
      if (!groupIds.has(id)) report(['roles', role, place], unknown(id, 'groups'));
    });
  }

  noCircle(people, 'manager', (person) => (person.manager === undefined ? [] : [person.manager]), report);
  noCircle(people, 'away', (person) => (person.away === undefined ? [] : [person.away.delegate]), report);
  noCircle(people, 'sameAs', (person) => person.sameAs, report);
}

const wayOut = {
  manager: 'leave "manager" out at the top of the line',
  away: 'name a delegate who does not come back to this person',
  sameAs: 'say it on one of the accounts only',
};

/** Reports the first person of each circle, once. */
function noCircle(
  people: PersonEntry[],
  field: keyof typeof wayOut,
  next: (person: PersonEntry) => string[],
  report: Report,
): void {
  const byId = new Map(people.map((person) => [person.id, person]));
  const done = new Set<string>();

  const walk = (id: string, trail: string[]): string[] | undefined => {
    if (trail.includes(id)) return [...trail.slice(trail.indexOf(id)), id];
    const person = byId.get(id);
    if (person === undefined || done.has(id)) return undefined;
    for (const other of next(person)) {
      const circle = walk(other, [...trail, id]);
      if (circle !== undefined) return circle;
    }
    done.add(id);
    return undefined;
  };

  people.forEach((person, index) => {
    const circle = walk(person.id, []);
    if (circle === undefined) return;
    circle.forEach((id) => done.add(id));
    done.add(person.id);
    report(['people', index, field], `goes round in a circle (${circle.join(' -> ')}); ${wayOut[field]}`);
  });
}

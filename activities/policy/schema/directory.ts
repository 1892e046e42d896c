/** The shape of `directory.yml`: people, groups, roles, services and rotations. */
import { z } from 'zod';
import { date, hours, id, selector, text, timeOfDay, timeZone } from './common.js';

const person = z.strictObject({
  id,
  name: text,
  email: z.email('must be an e-mail address, such as engineer@example.org'),
  manager: id.optional(),
  groups: z.array(id).default([]),
  timeZone,
  hours: hours.optional(),
  status: z.enum(['active', 'inactive']).default('active'),
  sameAs: z.array(id).default([]),
  away: z.strictObject({ until: date, delegate: id }).optional(),
});

const service = z.strictObject({ id, name: text, clientId: text, owner: id });

const rotation = z.strictObject({
  id,
  people: z.array(id).min(1, 'names nobody; list at least one person'),
  since: date,
  at: timeOfDay,
  days: z.number().int().min(1).max(366),
  timeZone,
});

const groupsOfRole = z.array(id).default([]);

export const directoryFile = z.strictObject({
  hours,
  people: z.array(person).min(1, 'names nobody; list at least one person'),
  groups: z.array(z.strictObject({ id, name: text })),
  roles: z.strictObject({
    operator: groupsOfRole,
    auditor: groupsOfRole,
    security: groupsOfRole,
    maintainer: groupsOfRole,
  }),
  services: z.array(service).default([]),
  blocked: z.array(selector(['person', 'service'])).default([]),
  rotations: z.array(rotation).default([]),
});

export type DirectoryFile = z.infer<typeof directoryFile>;
export type PersonEntry = DirectoryFile['people'][number];
export type ServiceEntry = DirectoryFile['services'][number];
export type Rotation = DirectoryFile['rotations'][number];
export type Role = keyof DirectoryFile['roles'];

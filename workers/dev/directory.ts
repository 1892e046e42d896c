/** Who may sign in at the development provider: the active people and the services of `policy/directory.yml`. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';

/** Only what an identity provider states; the rest of the file is Daypass's own business. */
const directory = z.object({
  people: z.array(
    z.object({
      id: z.string(),
      name: z.string(),
      email: z.string(),
      groups: z.array(z.string()).default([]),
      status: z.enum(['active', 'inactive']).default('active'),
    }),
  ),
  services: z.array(z.object({ id: z.string(), name: z.string().optional(), clientId: z.string() })).default([]),
});

export type Person = z.infer<typeof directory>['people'][number];
export type ServiceAccount = z.infer<typeof directory>['services'][number];

export interface Directory {
  people: Person[];
  services: ServiceAccount[];
}

export async function readDirectory(policyDir: string): Promise<Directory> {
  const path = join(policyDir, 'directory.yml');
  const { people, services } = directory.parse(parse(await readFile(path, 'utf8')));
  return { people: people.filter((person) => person.status === 'active'), services };
}

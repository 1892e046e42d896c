/** Reads `temporal-dev.yml`, the one description of the development services, for running them as local programs. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { z } from 'zod';

/** What stands in for the inside of a container. */
export interface Place {
  /** A folder for this service that outlives a restart. */
  state: string;
  /** Local port by container port. */
  ports: ReadonlyMap<number, number>;
}

const service = z.object({
  command: z.array(z.string()).min(1),
  environment: z.record(z.string(), z.string()).default({}),
  'x-local': z.object({
    program: z.string(),
    version: z.string(),
    /** Of Temporal: the server inside the program. */
    server: z.string().optional(),
    /** Runs to its end instead of staying. */
    once: z.boolean().default(false),
    replace: z.record(z.string(), z.string()),
  }),
});

const composeFile = z.object({
  services: z.object({
    temporal: service,
    'temporal-namespace': service,
    redis: service,
    postgres: service,
  }),
});

export type Service = z.infer<typeof service>;
export type Services = z.infer<typeof composeFile>['services'];

export const composePath = fileURLToPath(new URL('../../temporal-dev.yml', import.meta.url));

/** Throws an Error that names the file and the field. */
export function parseCompose(text: string, path = composePath): Services {
  const found = composeFile.safeParse(parse(text));
  if (found.success) return found.data.services;
  const problems = found.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw new Error(`${path} cannot be used: ${problems.join('; ')}.`);
}

export async function readCompose(path = composePath): Promise<Services> {
  return parseCompose(await readFile(path, 'utf8'), path);
}

/** The service's own arguments, with what is only true inside a container replaced. */
export function localCommand(from: Service, place: Place): string[] {
  const { replace } = from['x-local'];
  return from.command.map((argument) => {
    const [flag, ...value] = argument.split('=');
    if (flag === undefined || value.length === 0) return argument;
    const template = replace[flag];
    return template === undefined ? argument : `${flag}=${fill(template, place)}`;
  });
}

/** The value of `--flag=value` in the service's command. */
export function flagOf(from: Service, flag: string): string {
  const prefix = `${flag}=`;
  const found = from.command.find((argument) => argument.startsWith(prefix));
  if (found === undefined) throw new Error(`${composePath} has no ${flag} in the command that needs one.`);
  return found.slice(prefix.length);
}

function fill(template: string, place: Place): string {
  return template.replaceAll('{state}', place.state).replaceAll(/\{port (\d+)\}/g, (_, inside: string) => {
    const port = place.ports.get(Number(inside));
    if (port === undefined) throw new Error(`${composePath} speaks of port ${inside}, which has no local port.`);
    return String(port);
  });
}

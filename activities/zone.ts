/**
 * The zone files: where the targets of this trust zone are, and the most that may ever be created there. They bound the
 * damage of everything else that is compromised, so whoever else could write one is a reason not to start.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Temporal } from 'temporal-polyfill';
import { z } from 'zod';
import type { Ms } from '../workflows/domain/time.js';
import type { Ceiling, ZonePasskey } from './ceiling.js';
import { readPasskeyKey } from './platform/passkey-key.js';
import { parseYaml } from './platform/yaml.js';

export interface Zone {
  file: string;
  target: string;
  kind: string;
  address: Record<string, unknown>;
  /** The secret itself, read from where the file points to. */
  credential: string;
  /** By entitlement. A map, so that no name can reach a prototype. */
  ceilings: Map<string, Ceiling>;
  passkeys: ZonePasskey[];
}

export type Environment = Readonly<Record<string, string | undefined>>;

const dayMs = 24 * 3_600_000;

const duration = z.string('must be a duration such as PT1H').transform((text, context): Ms => {
  try {
    const ms = Temporal.Duration.from(text).total('milliseconds');
    if (Number.isInteger(ms) && ms > 0 && ms <= 366 * dayMs) return ms;
  } catch {
    // Answered below, together with zero and negative ones.
  }
  context.addIssue('must be an ISO 8601 duration above zero, such as PT15M or PT8H');
  return z.NEVER;
});

const name = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,39}$/, 'must be 1 to 40 of a-z, 0-9, ".", "_" and "-"');
const entitlementName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._/-]{0,99}$/, 'must be an entitlement such as orders-db/read');

const groups = z.array(name).min(1, 'must name a group; nobody else counts');

// Strict on purpose: a limit that is misspelt, or that a later version knows, must not be passed over.
const ceiling = z
  .strictObject({
    privilege: z.unknown(),
    longest: duration,
    approvals: z.strictObject({
      least: z.int().min(1, 'must be 1 or more; allow none with `automatic`'),
      groups,
    }),
    attested: z.boolean('must be true or false').default(false),
    automatic: z.strictObject({ longest: duration, perHour: z.int().min(1) }).optional(),
    emergency: z.strictObject({ longest: duration, groups }).optional(),
  })
  .refine((it) => !it.automatic || it.automatic.longest <= it.longest, {
    path: ['automatic', 'longest'],
    error: 'must not be longer than `longest`',
  })
  .refine((it) => !it.emergency || it.emergency.longest <= it.longest, {
    path: ['emergency', 'longest'],
    error: 'must not be longer than `longest`',
  })
  .transform(({ privilege, longest, approvals, attested, automatic, emergency }): Ceiling => ({
    privilege,
    longestMs: longest,
    approvals,
    attested,
    ...(automatic ? { automatic: { longestMs: automatic.longest, perHour: automatic.perHour } } : {}),
    ...(emergency ? { emergency: { longestMs: emergency.longest, groups: emergency.groups } } : {}),
  }));

const enrolment = '`npm run keys -- passkey <enrolment>` prints the line to add';

const passkey = z
  .strictObject({
    person: name,
    id: z
      .string(`must be the passkey's id; ${enrolment}`)
      .regex(/^[A-Za-z0-9_-]{1,1400}$/, `must be the passkey's id in base64url; ${enrolment}`),
    key: z.string(`must be the passkey's public key; ${enrolment}`).superRefine((text, context) => {
      const wrong = whyNoKey(text);
      if (wrong) context.addIssue(`${wrong}; ${enrolment}`);
    }),
  })
  .transform(({ person, id, key }): ZonePasskey => ({ person: `person:${person}`, credentialId: id, publicKey: key }));

/** One passkey is one person's: else one human could be counted as two. */
const passkeys = z.array(passkey).superRefine((list, context) => {
  const materials = list.map(({ publicKey }) => (whyNoKey(publicKey) ? publicKey : readPasskeyKey(publicKey).material));
  for (const [index, { credentialId }] of list.entries()) {
    const isTwice =
      list.findIndex((other) => other.credentialId === credentialId) < index ||
      materials.indexOf(materials[index] ?? '') < index;
    if (!isTwice) continue;
    context.addIssue({
      code: 'custom',
      path: [index],
      message: 'is listed before; a passkey belongs to one person, once',
    });
  }
});

const credential = z.union(
  [z.strictObject({ file: z.string().min(1) }), z.strictObject({ env: z.string().min(1) })],
  'must be { file: <path> } or { env: <variable> }, never the secret itself',
);

const zoneFile = z.strictObject({
  target: name,
  kind: z.string().min(1),
  address: z.record(z.string(), z.unknown()),
  credential,
  passkeys: passkeys.default([]),
  entitlements: z.record(entitlementName, ceiling).refine((it) => Object.keys(it).length > 0, 'must name at least one'),
});

/** The ceilings of a folder alone, for which none of its secrets is needed. */
export async function readCeilings(folder: string): Promise<Ceiling[]> {
  const files = await filesOf(folder);
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8')));
  return texts.flatMap((text, index) => Object.values(parseYaml(files[index] ?? '', text, zoneFile).entitlements));
}

/** All zone files of a folder. Throws an Error with a sentence for the operator. */
export async function readZones(folder: string, env: Environment): Promise<Zone[]> {
  await refuseIfOthersMayWrite(folder);
  const files = await filesOf(folder);
  if (files.length === 0) {
    throw new Error(
      `${folder} holds no zone file (*.yml), so there is no target to serve; see policy/ceilings/ for one.`,
    );
  }
  const zones = await Promise.all(files.map((file) => readZone(file, env)));
  for (const [index, zone] of zones.entries()) {
    const first = zones.findIndex((other) => other.target === zone.target);
    if (first !== index)
      throw new Error(`${zone.file}: target: ${zone.target} is in ${zones[first]?.file ?? ''} already.`);
  }
  return zones;
}

async function filesOf(folder: string): Promise<string[]> {
  const files = (await readdir(folder)).filter((file) => /\.ya?ml$/.test(file)).sort();
  return files.map((file) => join(folder, file));
}

export async function readZone(file: string, env: Environment): Promise<Zone> {
  await refuseIfOthersMayWrite(file);
  const found = parseYaml(file, await readFile(file, 'utf8'), zoneFile);
  return {
    file,
    target: found.target,
    kind: found.kind,
    address: Object.fromEntries(
      Object.entries(found.address).map(([key, value]) => [key, filledIn(file, key, value, env)]),
    ),
    credential: await readCredential(file, found.credential, env),
    ceilings: new Map(Object.entries(found.entitlements)),
    passkeys: found.passkeys,
  };
}

function whyNoKey(text: string): string | undefined {
  try {
    readPasskeyKey(text);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Owned by root or by us, and writable by nobody else: else someone could lift the limit that the limit is there for. */
async function refuseIfOthersMayWrite(path: string): Promise<void> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw new Error(
      `${path} cannot be read (${error.code ?? error.message}); DAYPASS_ZONE_DIR names the folder of zone files.`,
    );
  });
  const us = process.getuid?.();
  if (us === undefined) return;
  if (found.uid !== 0 && found.uid !== us) {
    throw new Error(
      `${path} belongs to user ${found.uid}, who could lift the ceiling; make root or user ${us} its owner.`,
    );
  }
  if ((found.mode & 0o022) !== 0) {
    throw new Error(`${path} may be written by others, who could lift the ceiling; run: chmod go-w ${path}`);
  }
}

/** `${NAME}` in an address stands for that environment variable. */
function filledIn(file: string, field: string, value: unknown, env: Environment): unknown {
  if (typeof value !== 'string') return value;
  return value.replace(/\$\{(\w+)\}/g, (_whole, variable: string) => {
    const found = env[variable];
    if (found) return found;
    throw new Error(`${file}: address.${field}: the environment variable ${variable} is not set.`);
  });
}

async function readCredential(file: string, from: z.output<typeof credential>, env: Environment): Promise<string> {
  if ('env' in from) {
    const found = env[from.env];
    if (found) return found;
    throw new Error(`${file}: credential.env: the environment variable ${from.env} is not set.`);
  }
  const secret = await readFile(from.file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new Error(`${file}: credential.file: ${from.file} cannot be read (${error.code ?? error.message}).`);
  });
  if (secret.trim()) return secret.trim();
  throw new Error(`${file}: credential.file: ${from.file} is empty.`);
}

/** Where the running stack of this checkout is, for the commands that want to talk to it. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Addresses } from './processes.js';
import { isRunning } from './is-running.js';

const temporal = z.object({ address: z.string(), namespace: z.string() });
const running = z.object({
  pid: z.int().positive(),
  addresses: z.object({
    portal: z.string(),
    docs: z.string(),
    issuer: z.string(),
    temporal,
    temporalUi: z.string().optional(),
    redis: z.string(),
    smtp: z.string(),
    mail: z.string().optional(),
    ordersDb: z.object({ host: z.string(), port: z.number(), database: z.string() }).optional(),
  }),
});

const fileIn = (stateDir: string): string => join(stateDir, 'running.json');

export async function rememberStack(stateDir: string, addresses: Addresses): Promise<void> {
  // REDIS_URL and SMTP_URL may hold a password.
  await writeFile(fileIn(stateDir), JSON.stringify({ pid: process.pid, addresses }), { mode: 0o600 });
}

export async function forgetStack(stateDir: string): Promise<void> {
  const known = await read(stateDir);
  if (known?.pid === process.pid) await rm(fileIn(stateDir), { force: true });
}

/** The stack that runs with this state folder, if one does. */
export async function findStack(stateDir: string): Promise<{ pid: number; addresses: Addresses } | undefined> {
  const known = await read(stateDir);
  return known && isRunning(known.pid) ? known : undefined;
}

async function read(stateDir: string) {
  try {
    return running.parse(JSON.parse(await readFile(fileIn(stateDir), 'utf8')));
  } catch {
    // None was written, or a run was cut off while writing: nothing runs that we know of.
    return undefined;
  }
}

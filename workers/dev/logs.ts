/** Keeps what every program says in `.daypass/logs`, and passes on what a developer should see at once. */
import { createWriteStream, type WriteStream } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

export interface Logs {
  folder: string;
  /** A listener for the lines of one program. */
  of(name: string): (line: string) => void;
  /** From here on nothing is passed on: what ends speaks of connections that break. */
  hush(): void;
  close(): Promise<void>;
}

/** The logs of the run before are kept beside, as `<name>.log.1`. */
export async function openLogs(folder: string, names: string[], tell: (line: string) => void): Promise<Logs> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const files = new Map<string, WriteStream>();
  for (const name of names) {
    const path = join(folder, `${name}.log`);
    await rename(path, `${path}.1`).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
    files.set(name, createWriteStream(path, { mode: 0o600 }));
  }
  let hushed = false;
  const told = new Map<string, number>();
  return {
    folder,
    of: (name) => (line) => {
      files.get(name)?.write(`${line}\n`);
      const worry = worryIn(line);
      if (worry === undefined || hushed) return;
      const said = `[${name}] ${worry}`;
      // What repeats is told once a minute.
      if (Date.now() - (told.get(said) ?? 0) < 60_000) return;
      told.set(said, Date.now());
      tell(said);
    },
    hush: () => void (hushed = true),
    close: async () => {
      await Promise.all([...files.values()].map((file) => new Promise((resolve) => file.end(resolve))));
    },
  };
}

const entry = z.object({
  level: z.string(),
  msg: z.string().default(''),
  err: z.object({ message: z.string() }).optional(),
});

/** A connector runs activities only, which the SDK finds worth a warning. */
const expected = new Set(['No workflows registered, not polling for workflow tasks']);

/** A warning or worse of one of our own processes, in a line; other programs log in other shapes. */
export function worryIn(line: string): string | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const { level, msg, err } = entry.parse(JSON.parse(line));
    if (!['warn', 'error', 'fatal'].includes(level) || expected.has(msg)) return undefined;
    return `${level}: ${msg}${err ? ` (${err.message})` : ''}`;
  } catch {
    return undefined;
  }
}

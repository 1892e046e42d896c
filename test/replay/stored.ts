/**
 * Histories as past versions wrote them: one file per life and version. Their payloads are opened, since what is sealed
 * cannot be compressed; one of each version stays sealed as it was, with a key that seals nothing else.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { DataConverter, Payload } from '@temporalio/common';
import proto from '@temporalio/proto';
import { createCodec, sealedEncoding } from '../../activities/platform/codec.js';
import type { KeyRing } from '../../activities/platform/keys.js';
import { dataConverter, failureConverterPath } from '../../activities/platform/temporal.js';

// A CommonJS package: Node finds no named exports in it.
const wire = proto.temporal.api.history.v1.History;
export type History = proto.temporal.api.history.v1.IHistory;

const folder = fileURLToPath(new URL('./histories', import.meta.url));
const ending = '.history.gz';
const sealedEnding = `.sealed${ending}`;

/** Not a secret: what it seals are the invented grants of these files. */
export const storedKeys: KeyRing = {
  current: 'stored-histories',
  keys: { 'stored-histories': createHash('sha256').update('the key of stored histories, for tests alone').digest() },
};

export interface Stored {
  version: string;
  name: string;
  /** The real one: payloads open for no other. */
  workflowId: string;
  history: History;
  /** What reads its payloads. */
  dataConverter: DataConverter;
  /** Of its file. */
  bytes: number;
}

export function storedVersions(): string[] {
  return existsSync(folder) ? readdirSync(folder).sort() : [];
}

/** At once, since mocha asks which tests there are before it runs any. */
export function readHistories(): Stored[] {
  const found: Stored[] = [];
  for (const version of storedVersions()) {
    for (const file of readdirSync(join(folder, version)).sort()) {
      const isSealed = file.endsWith(sealedEnding);
      const packed = readFileSync(join(folder, version, file));
      const history = wire.decode(gunzipSync(packed));
      found.push({
        version,
        name: basename(file, isSealed ? sealedEnding : ending),
        workflowId: history.events[0]?.workflowExecutionStartedEventAttributes?.workflowId ?? '',
        history,
        dataConverter: isSealed ? dataConverter(storedKeys) : { failureConverterPath },
        bytes: packed.length,
      });
    }
  }
  return found;
}

/** Shows that today's codec opens what this version sealed, a failure among it. */
const staysSealed = 'activation-failed';

export async function writeHistory(version: string, name: string, workflowId: string, history: History): Promise<void> {
  const isSealed = name === staysSealed;
  const kept = isSealed ? history : await opened(history, workflowId);
  await mkdir(join(folder, version), { recursive: true });
  const bytes = gzipSync(wire.encode(wire.fromObject(kept)).finish(), { level: 9 });
  await writeFile(join(folder, version, name + (isSealed ? sealedEnding : ending)), bytes);
}

/** The same with every sealed payload opened, wherever it stands; what came as a signal is what a worker makes of it. */
async function opened(history: History, workflowId: string): Promise<History> {
  const codec = createCodec(storedKeys, 'mark');
  const context = { type: 'workflow', namespace: 'default', workflowId } as const;
  const open = async (value: unknown): Promise<unknown> => {
    if (Array.isArray(value)) return Promise.all(value.map(open));
    if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
    if (isSealedPayload(value)) return (await codec.decode([value], context))[0];
    // Numbers of 64 bits are objects of a class.
    if (Object.getPrototypeOf(value) !== Object.prototype) return value;
    const entries = Object.entries(value).map(async ([key, each]) => [key, await open(each)] as const);
    return Object.fromEntries(await Promise.all(entries));
  };
  // Plain objects all the way down.
  const { events: all = [] }: History = wire.toObject(wire.fromObject(history));
  const events = (all ?? []).map(async (event) => {
    const signalled = event.workflowExecutionSignaledEventAttributes;
    if (!signalled?.input?.payloads) return open(event);
    const payloads = await codec.decode(signalled.input.payloads, context);
    return { ...event, workflowExecutionSignaledEventAttributes: { ...signalled, input: { payloads } } };
  });
  return { events: (await Promise.all(events)) as History['events'] };
}

function isSealedPayload(value: object): value is Payload {
  const { metadata } = value as Payload;
  return Buffer.from(metadata?.['encoding'] ?? []).toString() === sealedEncoding;
}

/**
 * Opens payloads for the Temporal UI at `/temporal` (its remote codec protocol), for those who may read them. Nothing is opened
 * unless the journal has it first. It never seals: nothing that widens is written by hand.
 */
import type { Payload, PayloadCodec } from '@temporalio/common';
import { z } from 'zod';
import { sealedEncoding, UnreadablePayload } from '../../activities/platform/codec.js';
import type { Actor } from '../identity/actor.js';
import type { Journal } from '../journal.js';
import { Problem } from '../problem.js';
import { createRecent } from '../recent.js';
import { route, type Route } from '../route.js';

/** The UI opens a whole page of history in one call. */
const bodyMost = 4 * 1_048_576;

const base64 = z.base64({ error: 'must be base64' });
const Payloads = z
  .object({
    payloads: z
      .array(z.object({ metadata: z.record(z.string(), base64).optional(), data: base64.optional() }))
      .max(2_000),
  })
  .meta({ id: 'Payloads', description: 'Payloads of Temporal in their JSON form' });
type Payloads = z.infer<typeof Payloads>;

/** Sent by Temporal UI 2.54; payloads stored elsewhere are none of ours, so it changes nothing. */
const DecodeQuery = z.strictObject({ preserveStorageRefs: z.enum(['true', 'false']).optional() });

/** A page of the UI asks many times: the same person and workflow within this time is one line of the journal. */
const sameReadingMs = 5 * 60_000;
/** So that a line holds its workflows' ids whole. */
const workflowsPerNote = 50;
const idMax = 100;

export interface CodecRouteOptions {
  /** Throws an `UnreadablePayload` for what does not open. */
  codec: PayloadCodec;
  journal: Journal;
}

export function codecRoutes({ codec, journal }: CodecRouteOptions): Route[] {
  const noted = createRecent(sameReadingMs);

  async function note(actor: Actor, opened: readonly Opened[]): Promise<void> {
    const perWorkflow = new Map<string, number>();
    for (const { workflow } of opened) {
      if (workflow !== undefined) perWorkflow.set(workflow, (perWorkflow.get(workflow) ?? 0) + 1);
    }
    const key = (workflow: string): string => JSON.stringify([actor.ref, workflow]);
    const fresh = [...perWorkflow].filter(([workflow]) => !noted.has(key(workflow)));
    for (let from = 0; from < fresh.length; from += workflowsPerNote) {
      const part = fresh.slice(from, from + workflowsPerNote);
      const workflows = part.map(([workflow]) => workflow.slice(0, idMax));
      const payloads = part.reduce((sum, [, count]) => sum + count, 0);
      await journal.note('payloads-opened', actor.ref, { workflows, payloads });
      for (const [workflow] of part) noted.add(key(workflow));
    }
  }

  return [
    route(
      {
        method: 'post',
        path: '/v1/codec/decode',
        may: 'open-payloads',
        summary: 'Open payloads for the Temporal UI',
        query: DecodeQuery,
        body: Payloads,
        bodyMost,
        answer: { 200: Payloads },
        refusals: ['forbidden'],
      },
      async ({ body }, actor) => {
        const opened = await Promise.all(body.payloads.map((payload) => open(codec, payload)));
        await note(actor, opened);
        return { status: 200, body: { payloads: opened.map(({ payload }) => payload) } };
      },
    ),
    route(
      {
        method: 'post',
        path: '/v1/codec/encode',
        may: 'open-payloads',
        summary: 'Refused: messages are sealed by Daypass alone',
        body: Payloads,
        bodyMost,
        answer: { 200: Payloads },
        refusals: ['forbidden'],
      },
      () => Promise.reject(new Problem('forbidden', 'Daypass opens payloads for the Temporal UI and seals none.')),
    ),
  ];
}

type JsonPayload = Payloads['payloads'][number];

interface Opened {
  payload: JsonPayload;
  /** Whose payload was opened, by what its seal authenticates; undefined where nothing sealed was opened. */
  workflow?: string;
}

/** What was never sealed is shown as it is; what is sealed and does not open says so by a marker. */
async function open(codec: PayloadCodec, given: JsonPayload): Promise<Opened> {
  const bytes = Object.entries(given.metadata ?? {}).map(
    ([key, value]) => [key, Buffer.from(value, 'base64')] as const,
  );
  const metadata: Record<string, Uint8Array> = Object.fromEntries(bytes);
  const sealed: Payload = { metadata, data: given.data === undefined ? undefined : Buffer.from(given.data, 'base64') };
  if (text(metadata['encoding']) !== sealedEncoding) return { payload: given };
  try {
    const [opened] = await codec.decode([sealed]);
    return opened ? { payload: asJson(opened), workflow: text(metadata['workflow-id']) || 'none' } : { payload: given };
  } catch (error) {
    if (!(error instanceof UnreadablePayload)) throw error;
    const marker = { unreadable: error.reason };
    const data = Buffer.from(JSON.stringify(marker));
    return { payload: asJson({ metadata: { encoding: Buffer.from('json/plain') }, data }) };
  }
}

function asJson({ metadata, data }: Payload): JsonPayload {
  return {
    metadata: Object.fromEntries(
      Object.entries(metadata ?? {}).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
    ),
    // As Temporal writes it: without the field where there is nothing.
    ...(data && data.length > 0 && { data: Buffer.from(data).toString('base64') }),
  };
}

function text(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString();
}

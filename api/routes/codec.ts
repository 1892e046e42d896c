/**
 * Opens payloads for the Temporal UI (its remote codec protocol), for a signed-in operator and the UI's origin alone.
 * It never seals: nothing that widens is written by hand.
 */
import type { RequestHandler } from 'express';
import type { Payload, PayloadCodec } from '@temporalio/common';
import { z } from 'zod';
import type { Log } from '../../activities/platform/log.js';
import { Problem } from '../problem.js';
import { route, type Route } from '../route.js';

/** The UI opens a whole page of history in one call. */
export const codecBodyLimit = '4mb';

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

export interface CodecRouteOptions {
  codec: PayloadCodec;
  log: Log;
}

export function codecRoutes({ codec, log }: CodecRouteOptions): Route[] {
  return [
    route(
      {
        method: 'post',
        path: '/v1/codec/decode',
        may: 'open-payloads',
        summary: 'Open payloads for the Temporal UI',
        query: DecodeQuery,
        body: Payloads,
        answer: { 200: Payloads },
        refusals: ['forbidden'],
      },
      async ({ body }, actor) => {
        // One line per reading: the Temporal UI itself keeps no account of who looked.
        log.info({ by: actor.ref, payloads: body.payloads.length }, 'payloads opened for the Temporal UI');
        const opened = await Promise.all(body.payloads.map((payload) => open(codec, payload)));
        return { status: 200, body: { payloads: opened } };
      },
    ),
    route(
      {
        method: 'post',
        path: '/v1/codec/encode',
        may: 'open-payloads',
        summary: 'Refused: messages are sealed by Daypass alone',
        body: Payloads,
        answer: { 200: Payloads },
        refusals: ['forbidden'],
      },
      () => Promise.reject(new Problem('forbidden', 'Daypass opens payloads for the Temporal UI and seals none.')),
    ),
  ];
}

/** What was never sealed is shown as it is; what is sealed and does not open says so by a marker. */
async function open(codec: PayloadCodec, given: Payloads['payloads'][number]): Promise<Payloads['payloads'][number]> {
  const metadata = Object.entries(given.metadata ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64')]);
  const payload: Payload = {
    metadata: Object.fromEntries(metadata) as Record<string, Uint8Array>,
    data: given.data === undefined ? undefined : Buffer.from(given.data, 'base64'),
  };
  if (Buffer.from(payload.metadata?.['encoding'] ?? []).toString() !== 'binary/encrypted') return given;
  const [opened] = await codec.decode([payload]);
  if (!opened) return given;
  return {
    metadata: Object.fromEntries(
      Object.entries(opened.metadata ?? {}).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
    ),
    data: Buffer.from(opened.data ?? []).toString('base64'),
  };
}

/** Lets the Temporal UI's pages, and no others, read what the codec answers. */
export function allowTemporalUi(origin: string | undefined): RequestHandler {
  return (request, response, next) => {
    response.vary('Origin');
    if (origin !== undefined && request.headers.origin === origin) {
      response.set({
        'Access-Control-Allow-Origin': origin,
        'Access-Control-Allow-Credentials': 'true',
        'Access-Control-Allow-Methods': 'POST',
        'Access-Control-Allow-Headers': 'content-type, x-namespace, authorization, caller-type',
        'Access-Control-Max-Age': '600',
        'Cross-Origin-Resource-Policy': 'cross-origin',
      });
    }
    if (request.method === 'OPTIONS') response.status(204).end();
    else next();
  };
}

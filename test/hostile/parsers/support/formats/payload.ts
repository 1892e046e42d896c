/** Payloads as Temporal holds them: what was sealed for this workflow comes out unchanged, everything else as a marker or one error. */
import assert from 'node:assert/strict';
import { createCipheriv, randomBytes } from 'node:crypto';
import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import proto from '@temporalio/proto';
import { createCodec, UnreadablePayload } from '../../../../../activities/platform/codec.js';
import { isUnreadable } from '../../../../../workflows/messages.js';
import { reader, type Format } from '../format.js';
import { changedBytes, changedJson, changedText, type Script } from '../mutate.js';

/** In base64, and with a pair twice or a name from the prototype where somebody wants that. */
interface Input {
  metadata: [name: string, value: string][];
  data: string;
  /** What whoever owns the codec's keys sealed; the rest is then made of it. */
  inner?: { metadata: [name: string, value: string][]; data: string };
}

const keys = { current: 'k1', keys: { k1: randomBytes(32), k2: randomBytes(32) } };
const workflowId = 'grant/0123456789abcdefghjkmnpqrs';
const context = { type: 'workflow' as const, namespace: 'default', workflowId };
const b64 = (bytes: string | Uint8Array): string => Buffer.from(bytes).toString('base64');
const bytesOf = (text: string): Buffer => Buffer.from(text, 'base64');
const wire = proto.temporal.api.common.v1.Payload;
const value = { decisionId: 'd-1', by: 'person:manager', reason: 'Look into it.' };

export async function payload(): Promise<Format> {
  const [marking, throwing] = [createCodec(keys), createCodec(keys, 'throw')];
  const given = defaultPayloadConverter.toPayload(value);
  const sealed = await marking.encode([given, given, given], context);
  const valid = sealed.map(({ metadata, data }): Input => ({
    metadata: Object.entries(metadata ?? {}).map(([name, bytes]) => [name, b64(bytes)]),
    data: b64(data ?? new Uint8Array()),
  }));
  const [whole] = valid;
  if (!whole) throw new Error('Nothing was sealed.');
  const json: [string, string][] = [['encoding', b64('json/plain')]];
  const inner = (data: string, metadata = json): Input => ({
    metadata: [],
    data: '',
    inner: { metadata, data: b64(data) },
  });
  const deep = '['.repeat(30_000) + ']'.repeat(30_000);

  return {
    name: 'payload',
    readers: [
      reader<Input>({
        name: 'codec',
        valid: [...valid, inner(JSON.stringify(value))],
        corpus: [
          { metadata: [], data: '' },
          { metadata: json, data: b64('{') },
          { ...whole, data: '' },
          { ...whole, data: whole.data.slice(0, 16) },
          { ...whole, data: whole.data.slice(0, 36) },
          ...['__proto__', 'constructor', 'k2', '', 'k1\u0000'].map((id): Input => ({
            ...whole,
            metadata: named(whole, 'key-id', id),
          })),
          ...['', 'grant/another', `${workflowId}\u0000`].map((id): Input => ({
            ...whole,
            metadata: named(whole, 'workflow-id', id),
          })),
          { ...whole, metadata: [...whole.metadata, ['__proto__', b64('x')]] },
          ...['', '{', 'null', '"\\ud800"', '1e999', deep, '{"__proto__":{"polluted":true}}', '\ufeff1'].map((text) =>
            inner(text),
          ),
          inner('x', [['encoding', b64('json/protobuf')]]),
          inner('x', [['encoding', b64('binary/null')]]),
          inner('x', [['encoding', b64('binary/plain')]]),
          inner('1', [['__proto__', b64('json/plain')]]),
        ],
        change,
        read: async (input) => {
          const payload = payloadOf(input);
          const [opened] = await marking.decode([payload], context);
          assert.ok(opened);
          const read: unknown = defaultPayloadConverter.fromPayload(opened);
          if (!isUnreadable(read) && input.inner === undefined) assert.deepEqual(read, value);
          // Clients hear of it by one error; without a context, as the Temporal UI asks, the same holds.
          for (const asked of [context, undefined]) {
            const [strict] = await throwing.decode([payload], asked);
            assert.ok(strict);
            defaultPayloadConverter.fromPayload(strict);
          }
        },
        refuses: (error) => error instanceof UnreadablePayload,
      }),
    ],
  };
}

function named({ metadata }: Input, name: string, is: string): [string, string][] {
  return metadata.map(([key, before]) => [key, key === name ? b64(is) : before]);
}

function payloadOf({ metadata, data, inner }: Input): Payload {
  if (inner) return sealedBy(wire.encode({ metadata: objectOf(inner.metadata), data: bytesOf(inner.data) }).finish());
  // By way of the wire, as it comes from the server.
  return wire.decode(wire.encode({ metadata: objectOf(metadata), data: bytesOf(data) }).finish());
}

function objectOf(metadata: readonly [string, string][]): Record<string, Uint8Array> {
  return Object.fromEntries(
    // No server sends halves of characters.
    metadata.map(([name, bytes]) => [Buffer.from(name).toString(), bytesOf(bytes)]),
  );
}

/** By somebody who has the keys, whatever it is. */
function sealedBy(bytes: Uint8Array): Payload {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', keys.keys.k1, nonce);
  cipher.setAAD(Buffer.from(JSON.stringify(['daypass-payload-1', 'k1', workflowId])));
  const text = Buffer.concat([cipher.update(bytes), cipher.final()]);
  const labels = { encoding: 'binary/encrypted', 'key-id': 'k1', 'workflow-id': workflowId };
  const metadata = Object.fromEntries(Object.entries(labels).map(([name, label]) => [name, Buffer.from(label)]));
  return { metadata, data: Buffer.concat([nonce, cipher.getAuthTag(), text]) };
}

function change(input: Input, script: Script): Input {
  const [first] = script;
  const how = (first?.size ?? 0) % 4;
  if (input.inner) {
    const { data, metadata } = input.inner;
    if (how === 0) return { ...input, inner: { data, metadata: changedPairs(metadata, script) } };
    const text = bytesOf(data);
    return {
      ...input,
      inner: {
        metadata,
        data: how === 1 ? b64(changedBytes(text, script)) : b64(changedJson(text.toString(), script)),
      },
    };
  }
  if (how < 2) return { ...input, data: b64(changedBytes(bytesOf(input.data), script)) };
  return { ...input, metadata: changedPairs(input.metadata, script) };
}

function changedPairs(pairs: readonly [string, string][], script: Script): [string, string][] {
  const at = (script[0]?.where ?? 0) % Math.max(1, pairs.length);
  return pairs.map(([name, bytes], index) => {
    if (index !== at) return [name, bytes];
    const isName = (script[0]?.what ?? 0) % 3 === 0;
    return isName ? [changedText(name, script), bytes] : [name, b64(changedText(bytesOf(bytes).toString(), script))];
  });
}

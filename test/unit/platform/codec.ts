/** Holds the codec to its four promises, with the attacks that whoever runs Temporal could try. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { defaultPayloadConverter, type Payload, type SerializationContext } from '@temporalio/common';
import fc from 'fast-check';
import { createCodec, UnreadablePayload } from '../../../activities/platform/codec.js';
import type { KeyRing } from '../../../activities/platform/keys.js';

const keys: KeyRing = { current: 'k1', keys: { k1: randomBytes(32) } };
const codec = createCodec(keys);
const strict = createCodec(keys, 'throw');
const here = at('grant/one');

function at(workflowId: string): SerializationContext {
  return { type: 'workflow', namespace: 'default', workflowId };
}

function payloadOf(value: unknown): Payload {
  const payload = defaultPayloadConverter.toPayload(value);
  assert.ok(payload);
  return payload;
}

async function sealed(value: unknown, context: SerializationContext | undefined = here): Promise<Payload> {
  return first(await codec.encode([payloadOf(value)], context));
}

/** What a workflow gets to see. */
async function opened(payload: Payload, context?: SerializationContext, by = codec): Promise<unknown> {
  return defaultPayloadConverter.fromPayload(first(await by.decode([payload], context)));
}

function first<T>(items: T[]): T {
  const [item] = items;
  assert.ok(item !== undefined && items.length === 1);
  return item;
}

describe('the codec', () => {
  it('gives back whatever was sealed, for the same workflow', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (value) => {
        // JSON knows no negative zero.
        assert.deepEqual(await opened(await sealed(value), here), JSON.parse(JSON.stringify(value)));
      }),
      { numRuns: 200 },
    );
    assert.equal(await opened(await sealed(undefined), here), undefined);
    assert.deepEqual(await opened(await sealed(new Uint8Array([1, 2])), here), new Uint8Array([1, 2]));
    assert.deepEqual(await codec.decode([], here), []);
  });

  it('shows nothing of the content, and never the same bytes twice', async () => {
    const [one, other] = [await sealed('the-reason-why'), await sealed('the-reason-why')];
    assert.ok(!Buffer.from(one.data ?? []).includes('the-reason-why'));
    assert.notDeepEqual(one.data, other.data);
  });

  it('opens for an activity of the same workflow, and for the Temporal UI, which names no workflow', async () => {
    const payload = await sealed('yes');
    const activity = { type: 'activity', namespace: 'default', workflowId: 'grant/one', isLocal: false } as const;
    assert.equal(await opened(payload, activity), 'yes');
    assert.equal(await opened(payload), 'yes');
  });

  it('opens what an older key sealed, after rotation', async () => {
    const payload = await sealed('old');
    const rotated = createCodec({ current: 'k2', keys: { ...keys.keys, k2: randomBytes(32) } });
    assert.equal(await opened(payload, here, rotated), 'old');
    assert.equal(Buffer.from(first(await rotated.encode([payload], here)).metadata?.['key-id'] ?? []).toString(), 'k2');
  });

  it('seals what the SDK seals without a workflow, and opens it in none', async () => {
    const payload = first(await codec.encode([payloadOf('failed')]));
    assert.equal(await opened(payload), 'failed');
    assert.deepEqual(await opened(payload, here), { unreadable: 'other-workflow' });
  });

  describe('marks, and never throws, in a worker', () => {
    const attacks: [name: string, expected: string, make: () => Promise<Payload> | Payload][] = [
      ['a payload that is not sealed', 'unsealed', () => payloadOf({ reason: 'typed by hand' })],
      ['no metadata at all', 'unsealed', () => ({ data: Buffer.from('x') })],
      ['nothing at all', 'unsealed', () => ({})],
      ['a sealed one without data', 'unsealed', async () => ({ ...(await sealed(1)), data: undefined })],
      ['one of another workflow', 'other-workflow', () => sealed('moved', at('grant/two'))],
      [
        'one relabelled to this workflow',
        'broken',
        async () => relabelled(await sealed(1, at('grant/two')), 'workflow-id', 'grant/one'),
      ],
      ['one without its workflow', 'broken', async () => relabelled(await sealed(1), 'workflow-id', '')],
      ['a key id that is not in the ring', 'unknown-key', async () => relabelled(await sealed(1), 'key-id', 'k9')],
      ['a key id from the prototype', 'unknown-key', async () => relabelled(await sealed(1), 'key-id', 'constructor')],
      [
        'another key under the same id',
        'broken',
        () => sealedBy({ current: 'k1', keys: { k1: randomBytes(32) } }, payloadOf(1)),
      ],
      ['one that was cut short', 'broken', async () => cut(await sealed(1), 5)],
      ['one that was cut inside its tag', 'broken', async () => cut(await sealed(1), 20)],
      ['one that was cut by a byte', 'broken', async () => cut(await sealed('longer'), -1)],
      ['an empty one', 'unsealed', async () => ({ ...(await sealed(1)), data: null })],
      ['sealed nonsense for JSON', 'broken', () => sealedBy(keys, jsonPayload('{"a":'))],
      ['sealed nothing for JSON', 'broken', () => sealedBy(keys, jsonPayload(''))],
      [
        'a sealed encoding that no converter knows',
        'broken',
        () => sealedBy(keys, { metadata: { encoding: Buffer.from('json/protobuf') }, data: Buffer.from('{}') }),
      ],
      ['one that is sealed twice', 'broken', async () => sealedBy(keys, await sealed(1))],
    ];
    for (const [name, expected, make] of attacks) {
      it(name, async () => {
        const payload = await make();
        assert.deepEqual(await opened(payload, here), { unreadable: expected });
        await assert.rejects(strict.decode([payload], here), (error) => {
          assert.ok(error instanceof UnreadablePayload);
          assert.equal(error.reason, expected);
          return true;
        });
      });
    }

    it('any bytes whatsoever', async () => {
      await fc.assert(
        fc.asyncProperty(fc.uint8Array(), fc.dictionary(fc.string(), fc.uint8Array()), async (data, metadata) => {
          const encoding = Buffer.from('binary/encrypted');
          const value = await opened({ data, metadata: { 'key-id': Buffer.from('k1'), ...metadata, encoding } }, here);
          assert.ok(typeof value === 'object' && value !== null && 'unreadable' in value);
        }),
      );
    });

    it('one byte changed anywhere', async () => {
      const payload = await sealed({ approve: true });
      const data = Buffer.from(payload.data ?? []);
      for (let index = 0; index < data.length; index++) {
        const changed = Buffer.from(data);
        changed[index] = (changed[index] ?? 0) ^ 1;
        assert.deepEqual(await opened({ ...payload, data: changed }, here), { unreadable: 'broken' });
      }
    });
  });

  it('refuses a key ring without its current key', () => {
    assert.throws(() => createCodec({ current: 'k2', keys: keys.keys }), /no key of the id that it calls current/);
  });
});

function relabelled(payload: Payload, label: string, value: string): Payload {
  return { ...payload, metadata: { ...payload.metadata, [label]: Buffer.from(value) } };
}

function cut(payload: Payload, end: number): Payload {
  return { ...payload, data: Buffer.from(payload.data ?? []).subarray(0, end) };
}

function jsonPayload(text: string): Payload {
  return { metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from(text) };
}

async function sealedBy(ring: KeyRing, payload: Payload): Promise<Payload> {
  return first(await createCodec(ring).encode([payload], here));
}

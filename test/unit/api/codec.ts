/** Payloads are opened for those who may read them, once the journal has it, and never otherwise. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import express from 'express';
import { createServer } from 'node:http';
import type { Payload } from '@temporalio/common';
import { createCodec } from '../../../activities/platform/codec.js';
import { Problem, answerProblems } from '../../../api/problem.js';
import { mount } from '../../../api/route.js';
import { codecRoutes } from '../../../api/routes/codec.js';

const key = randomBytes(32);
const ring = { current: 'a', keys: { a: key } };
const sealing = createCodec(ring, 'throw');

interface Line {
  event: string;
  by: string;
  detail: { [key: string]: unknown };
}

interface Decoded {
  status: number;
  values: unknown[];
}

async function world() {
  const lines: Line[] = [];
  const state = { journalFails: false };
  const note = (event: string, by: string, detail: Line['detail']) => {
    if (state.journalFails) return Promise.reject(new Problem('temporal-unavailable', 'No journal.'));
    assert.ok(JSON.stringify(detail).length <= 8_000, 'a line is too long');
    lines.push({ event, by, detail });
    return Promise.resolve();
  };
  const app = express();
  app.use((request, response, next) => {
    const id = String(request.headers['x-test-as']);
    response.locals['actor'] = { ref: `person:${id}`, roles: [id.replace(/-.*/, '')], groups: [] };
    next();
  });
  mount(app, codecRoutes({ codec: sealing, journal: { note } }));
  app.use(answerProblems(() => undefined));
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const decode = async (as: string, payloads: Payload[]): Promise<Decoded> => {
    const response = await fetch(`http://localhost:${port}/v1/codec/decode`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-test-as': as },
      body: JSON.stringify({ payloads: payloads.map(onTheWire) }),
    });
    const body = (await response.json()) as { payloads?: { data: string }[] };
    const values = (body.payloads ?? []).map(
      ({ data }) => JSON.parse(Buffer.from(data, 'base64').toString()) as unknown,
    );
    return { status: response.status, values };
  };
  return { lines, state, decode, close: () => new Promise((resolve) => server.close(resolve)) };
}

function onTheWire({ metadata, data }: Payload) {
  const entries = Object.entries(metadata ?? {}).map(([name, value]) => [name, Buffer.from(value).toString('base64')]);
  return { metadata: Object.fromEntries(entries) as object, data: Buffer.from(data ?? []).toString('base64') };
}

function plain(value: unknown): Payload {
  return { metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from(JSON.stringify(value)) };
}

async function sealed(value: unknown, workflowId: string, by = sealing): Promise<Payload> {
  const [payload] = await by.encode([plain(value)], { type: 'workflow', namespace: 'daypass', workflowId });
  assert.ok(payload);
  return payload;
}

describe('opening payloads for the Temporal UI', () => {
  let opening: Awaited<ReturnType<typeof world>>;
  beforeEach(async () => {
    opening = await world();
  });
  afterEach(() => opening.close());

  it('is on record with whose they were and how many, before anything is answered', async () => {
    const { decode, lines } = opening;
    const answer = await decode('operator', [await sealed(1, 'grant/a'), await sealed(2, 'grant/a'), plain('x')]);
    assert.deepEqual(answer, { status: 200, values: [1, 2, 'x'] });
    assert.deepEqual(lines, [
      { event: 'payloads-opened', by: 'person:operator', detail: { workflows: ['grant/a'], payloads: 2 } },
    ]);
  });

  it('is refused whole where the journal cannot be written', async () => {
    const { decode, lines, state } = opening;
    state.journalFails = true;
    assert.deepEqual(await decode('operator', [await sealed('secret', 'grant/a')]), { status: 503, values: [] });
    // What failed is not taken for noted.
    state.journalFails = false;
    await decode('operator', [await sealed('secret', 'grant/a')]);
    assert.equal(lines.length, 1);
  });

  it('is one line for the same person and workflow, and one each for others', async () => {
    const { decode, lines } = opening;
    for (const as of ['operator', 'operator', 'maintainer', 'operator-2'])
      await decode(as, [await sealed(1, 'grant/a')]);
    await decode('operator', [await sealed(1, 'grant/a'), await sealed(1, 'grant/b')]);
    assert.deepEqual(
      lines.map(({ by, detail }) => [by, detail['workflows']]),
      [
        ['person:operator', ['grant/a']],
        ['person:maintainer', ['grant/a']],
        ['person:operator-2', ['grant/a']],
        ['person:operator', ['grant/b']],
      ],
    );
  });

  it('of many workflows at once fits into lines, and leaves none out', async () => {
    const { decode, lines } = opening;
    const ids = Array.from({ length: 120 }, (_, index) => `grant/${String(index).padStart(26, '0')}`);
    await decode('operator', await Promise.all(ids.map((id) => sealed(1, id))));
    assert.deepEqual(
      lines.flatMap(({ detail }) => detail['workflows']),
      ids,
    );
  });

  it('says whose payload it was by what the seal proves, not by what the caller says', async () => {
    const { decode, lines } = opening;
    const moved = await sealed('secret', 'grant/a');
    moved.metadata = { ...moved.metadata, 'workflow-id': Buffer.from('grant/b') };
    const { values } = await decode('operator', [
      moved,
      await sealed('x', 'grant/c', createCodec({ ...ring, keys: { a: randomBytes(32) } })),
    ]);
    assert.deepEqual(values, [{ unreadable: 'broken' }, { unreadable: 'broken' }]);
    assert.deepEqual(lines, []);
  });

  it('is for operators and maintainers alone', async () => {
    const { decode, lines } = opening;
    for (const as of ['engineer', 'auditor', 'security', 'approver']) {
      assert.deepEqual(await decode(as, [await sealed('secret', 'grant/a')]), { status: 403, values: [] });
    }
    assert.deepEqual(lines, []);
  });
});

/** Calls of one operation, made from what the document declares of it: right, nearly right and wild in each of their parts. */
import fc from 'fast-check';
import type { Right } from '../../../api/route.js';
import { durationMs } from '../../../api/schemas/time.js';
import { anyone, type Caller } from './callers.js';
import { valuesOf, type FromSchema, type Schema } from './from-schema.js';
import { escaped, nearly, wildBody, wildQuery, wildStep, wildValue } from './wild.js';

interface Parameter {
  name: string;
  in: string;
  required: boolean;
  schema: Schema;
}

export interface DeclaredOperation {
  'x-may': Right;
  parameters: Parameter[];
  requestBody?: { content: { 'application/json': { schema: Schema } } };
}

export interface Operation {
  method: string;
  path: string;
  declared: DeclaredOperation;
}

export interface Sent {
  caller: Caller;
  method: string;
  target: string;
  headers: [name: string, value: string][];
  body?: Buffer;
}

/** As a failure prints it. */
export function shown({ caller, method, target, headers, body }: Sent): string {
  const own = headers.filter((header) => !caller.headers.includes(header));
  const lines = own.map(([name, value]) => `${name}: ${value}`).join(' | ');
  return `${caller.name}: ${method} ${target} [${lines}] ${body ? JSON.stringify(body.toString('latin1')) : ''}`;
}

export function callsOf(operation: Operation, callers: readonly Caller[], from: FromSchema): fc.Arbitrary<Sent> {
  const { method, path, declared } = operation;
  const schema = declared.requestBody?.content['application/json'].schema;
  return fc
    .record({
      caller: anyone(callers),
      target: targets(path, declared.parameters, from),
      types: mostly(contentTypes, fc.constant(json)),
      key: keys,
      others: mostly(otherHeaders, fc.constant([])),
      body: schema ? bodies(schema, from) : mostly(wildBody, fc.constant(undefined)),
    })
    .map(({ caller, target, types, key, others, body }): Sent => {
      const headers = [...caller.headers, ...(body ? types : []), ...key, ...others];
      const sent = { caller, method: method.toUpperCase(), target, headers, body };
      return Object.defineProperty(sent, fc.toStringMethod, { value: () => shown(sent) });
    })
    .filter((sent) => !waitsLong(sent.target) && isRead(sent));
}

/** One in six, so that most calls are wrong in one part alone. */
function mostly<A, B>(rare: fc.Arbitrary<A>, usual: fc.Arbitrary<B>): fc.Arbitrary<A | B> {
  return fc.oneof({ weight: 1, arbitrary: rare }, { weight: 5, arbitrary: usual });
}

function targets(path: string, parameters: readonly Parameter[], from: FromSchema): fc.Arbitrary<string> {
  const steps = parameters.filter((it) => it.in === 'path');
  const asked = parameters.filter((it) => it.in === 'query');
  const ids = steps.map((it) =>
    mostly(
      wildStep,
      // Nothing there is the address of something else.
      valuesOf(it.schema, from, it.name)
        .map((value) => escaped(String(value)))
        .filter((step) => step !== ''),
    ),
  );
  const right = fc
    .record(Object.fromEntries(asked.map((it) => [it.name, valuesOf(it.schema, from, it.name)])), {
      requiredKeys: asked.filter((it) => it.required).map((it) => it.name),
    })
    .map((values) =>
      Object.entries(values)
        .map(([name, value]) => `${name}=${escaped(String(value))}`)
        .join('&'),
    );
  return fc.tuple(fc.tuple(...ids), mostly(wildQuery(asked.map((it) => it.name)), right)).map(([values, query]) => {
    const filled = steps.reduce((text, it, index) => text.replace(`{${it.name}}`, () => values[index] ?? ''), path);
    return query === '' ? filled : `${filled}?${query}`;
  });
}

function bodies(schema: Schema, from: FromSchema): fc.Arbitrary<Buffer | undefined> {
  const right = valuesOf(schema, from);
  const text = (value: unknown) => Buffer.from(JSON.stringify(value) ?? '');
  const twice = fc.tuple(right, wildValue).map(([value, other]) => {
    const [name = 'a'] = Object.keys(value as object);
    return Buffer.from(JSON.stringify(value).replace(/^\{,?/, `{${JSON.stringify(name)}:${JSON.stringify(other)},`));
  });
  const cut = right.map((value) => text(value).subarray(0, -1));
  return fc.oneof(
    { weight: 8, arbitrary: right.map(text) },
    { weight: 8, arbitrary: nearly(right).map(text) },
    { weight: 2, arbitrary: twice },
    { weight: 1, arbitrary: cut },
    { weight: 2, arbitrary: wildBody },
    { weight: 1, arbitrary: fc.constant(undefined) },
  );
}

type Headers = [name: string, value: string][];

const json: Headers = [['Content-Type', 'application/json']];

const contentTypes = fc.constantFrom<Headers[]>(
  [],
  [['Content-Type', '']],
  [['Content-Type', 'text/plain']],
  [['Content-Type', 'application/json; charset=utf-7']],
  [['Content-Type', 'application/json; charset="utf-16le"']],
  [['Content-Type', 'application/json;charset=UTF-8;charset=utf-7']],
  [['Content-Type', 'application/merge-patch+json']],
  [['Content-Type', 'application/x-www-form-urlencoded']],
  [['Content-Type', 'multipart/form-data; boundary=x']],
  [
    ['Content-Type', 'application/json'],
    ['Content-Type', 'text/plain'],
  ],
  [['Content-Type', `application/json; ${'x'.repeat(5_000)}=1`]],
  [...json, ['Content-Encoding', 'gzip']],
  [...json, ['Content-Encoding', 'br, gzip']],
  [...json, ['Content-Encoding', 'identity']],
  [...json, ['Content-Encoding', 'nonsense']],
);

const keys = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Headers>([]) },
  { weight: 2, arbitrary: fc.uuid().map((id): Headers => [['Idempotency-Key', id]]) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Headers[]>(
      [['Idempotency-Key', 'the-same']],
      [['Idempotency-Key', '']],
      [['Idempotency-Key', 'a b']],
      [['Idempotency-Key', 'x'.repeat(201)]],
      [['Idempotency-Key', '\u00e9\u00ff']],
      [
        ['Idempotency-Key', 'one'],
        ['Idempotency-Key', 'two'],
      ],
    ),
  },
);

const otherHeaders = fc.constantFrom<Headers[]>(
  [['Accept', 'text/html']],
  [['Accept', '*/*;q=0']],
  [['Accept-Encoding', 'gzip, br']],
  [['X-HTTP-Method-Override', 'DELETE']],
  [
    ['X-Forwarded-Host', 'evil.example'],
    ['X-Forwarded-Proto', 'https'],
    ['X-Original-URL', '/v1/keys'],
  ],
  [
    ['If-None-Match', '*'],
    ['If-Match', '"x"'],
    ['Range', 'bytes=0-1'],
  ],
  [
    ['Origin', 'https://evil.example'],
    ['Sec-Fetch-Site', 'cross-site'],
  ],
  [['Origin', 'null']],
  [
    ['Authorization', 'Bearer one'],
    ['Authorization', 'Bearer two'],
  ],
  [['Cookie', 'daypass=%00; __proto__=1; daypass']],
  [['Cookie', `daypass=${'A'.repeat(8_000)}`]],
  [
    ['Referer', 'javascript:alert(1)'],
    ['User-Agent', '<script>alert(1)</script>'],
  ],
  [
    ['Last-Event-ID', '<script>'],
    ['traceparent', '00-zz'],
  ],
);

/** What no server of Node reads is tried in `api-http.ts`. */
function isRead({ target, headers }: Sent): boolean {
  return headers.reduce((sum, [name, value]) => sum + name.length + value.length + 4, target.length) < 30_000;
}

/** A call that waits for a change may wait for so long as it says, which tries nothing. */
function waitsLong(target: string): boolean {
  const [, query = ''] = target.split('?');
  return [...new URLSearchParams(query)].some(([name, value]) => {
    const ms = name === 'wait' ? durationMs(value) : undefined;
    return ms !== undefined && ms > 1_000 && ms <= 60_000;
  });
}

/** What nobody in their right mind sends: values, texts and bodies that look right and are not, or do not even look so. */
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';

/** What people type who want to see what happens. */
export const nasty = [
  '',
  ' ',
  '\u0000',
  'a\u0000b',
  '\ud800',
  'x\udfffy',
  '\u202egnp.exe',
  '\u2066a\u2069',
  '\u200b',
  '\ufeff',
  'a\r\nSet-Cookie: daypass=x',
  '\u001b[2J',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '../../etc/passwd',
  '<script>alert(1)</script>',
  `"><img src=x onerror=alert(1)>`,
  `' OR 1=1 --`,
  '${7*7}',
  '{{7*7}}',
  '<%= 7*7 %>',
  '%s%s%n',
  'javascript:alert(1)',
  'null',
  'undefined',
  'NaN',
  '-1',
  '1e999',
  'PT0S',
  'P-1D',
  'PT99999999999999999999H',
  '9999-12-31T23:59:59Z',
  '2027-02-30T00:00:00Z',
  'person:' + 'x'.repeat(500),
  'x'.repeat(3_000),
  '\u0301'.repeat(2_000),
  'Ǆ'.repeat(600),
] as const;

const numbers = [0, -0, -1, 1.5, 2 ** 31, 2 ** 53, -(2 ** 63), 1e21, 1e308, 5e-324];

/** Any JSON value; every kind of it often enough. */
export const wildValue: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(...nasty),
  fc.constantFrom(...numbers),
  fc.constantFrom(null, true, false, [], {}, [[]], [null], { toString: 1 }, { length: 1e9 }),
  fc.string({ unit: 'binary', maxLength: 50 }),
  fc.jsonValue({ maxDepth: 4 }),
);

/** A value that is right but for one place: something else there, nothing, one more field, or one inside a list. */
export function nearly(right: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const how = fc.constantFrom('replace', 'wrap', 'drop', 'add', 'add') satisfies fc.Arbitrary<How>;
  const names = fc.constantFrom(
    '__proto__',
    'constructor',
    'prototype',
    'by',
    'actor',
    'subject',
    'roles',
    'state',
    '',
  );
  return fc
    .tuple(right, how, fc.nat(), wildValue, names)
    .map(([value, way, where, wild, name]) => changed(value, { way, where, wild, name }));
}

type How = 'replace' | 'wrap' | 'drop' | 'add';

interface Change {
  way: How;
  where: number;
  wild: unknown;
  name: string;
}

function changed(value: unknown, change: Change): unknown {
  const { way, where, wild, name } = change;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return way === 'wrap' ? [value] : wild;
  const fields = Object.entries(value as Record<string, unknown>);
  if (way === 'add' || fields.length === 0) return withField(fields, name, wild);
  const [key = '', old] = fields[where % fields.length] ?? [];
  const others = fields.filter(([known]) => known !== key);
  // Further in as often as here.
  const isDeeper = typeof old === 'object' && old !== null && where % 2 === 0;
  if (isDeeper) return withField(others, key, changed(old, { ...change, where: Math.floor(where / 2) }));
  if (way === 'drop') return Object.fromEntries(others);
  return withField(others, key, way === 'wrap' ? [old] : wild);
}

/** A field of its own also where it is called `__proto__`. */
function withField(fields: [string, unknown][], name: string, value: unknown): unknown {
  const made = Object.fromEntries(fields);
  Object.defineProperty(made, name, { value, enumerable: true, configurable: true, writable: true });
  return made;
}

const deep = (depth: number, open: string, close: string) => open.repeat(depth) + close.repeat(depth);

/** Bodies that are no JSON, or JSON that hardly anybody writes. */
const texts = fc.oneof(
  fc.constantFrom(
    '',
    '{',
    '{"a":',
    '{"a":1,}',
    '[]',
    '""',
    'null',
    '0',
    '\ufeff{}',
    "{'a':1}",
    '{"a":01}',
    '{"a":1e400}',
    '{"a":-1e400}',
    '{"entitlement":"orders-db/read","entitlement":"orders-db/write"}',
    '{"__proto__":{"a":1},"constructor":{"prototype":{"a":1}}}',
    '{"a":"\\ud800"}',
    '{"a":"\\u0000"}',
    deep(10_000, '[', ']'),
    deep(5_000, '{"a":', '}').replace('}', '1}'),
    `{"a":${'9'.repeat(20_000)}}`,
    JSON.stringify({ a: 'x'.repeat(40_000) }),
    `{${Array.from({ length: 2_000 }, (_, index) => `"f${index}":1`).join(',')}}`,
  ),
  fc.string({ unit: 'binary', maxLength: 200 }),
);

/** Broken in the bytes: not UTF-8, another encoding, packed, cut off. */
export const wildBody: fc.Arbitrary<Buffer> = fc.oneof(
  texts.map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  fc.constantFrom(
    Buffer.from([0xff, 0xfe, 0x7b, 0x00]),
    Buffer.from('{"reason":"\xe9"}', 'latin1'),
    Buffer.from('{"reason":"é"}', 'utf16le'),
    gzipSync('{"reason":"packed"}'),
    gzipSync(Buffer.alloc(5_000_000, 0x20)),
  ),
);

const odd = ['%00', '%0d%0aSet-Cookie:%20a=b', '..%2f..%2fetc', '%2e%2e', '%E0%A4%A', '%', '%zz', '%c0%af', '%ff'];
const more = [
  '..',
  '.',
  '*',
  '~',
  '%E2%80%AEabc',
  '__proto__',
  'challenge',
  'constructor',
  ';a=b',
  "'",
  '%22%3E%3Cb%3E',
];

/** One step of a path, as it stands in an address. */
export const wildStep: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(...odd, ...more, 'x'.repeat(2_000), '0'.repeat(26), '0'.repeat(25), 'A'.repeat(26), '%30'.repeat(26)),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 30 }).map(escaped),
);

/** A query, from its names and values: repeated, unknown, bracketed, or not to be read at all. */
export function wildQuery(names: readonly string[]): fc.Arbitrary<string> {
  const name = fc.constantFrom(...names, 'a[]', 'a[b]', '__proto__', 'constructor', '', '%', 'wait', 'cursor');
  const value = fc.oneof(
    fc.constantFrom(...nasty).map(escaped),
    fc.constantFrom('%', '%00', '%zz', '%E0%A4%A', '1', 'PT0.1S', 'PT1S', '-1', '1e9', '0x10'),
    fc.string({ unit: 'binary', maxLength: 40 }).map(escaped),
  );
  const pair = fc.tuple(name, value).map(([left, right]) => `${left}=${right}`);
  return fc
    .tuple(fc.array(pair, { minLength: 1, maxLength: 6 }), fc.boolean())
    .map(([pairs, isTwice]) => [...pairs, ...(isTwice ? pairs : [])].join('&'));
}

/** Percent-encoded, lone surrogates as the bytes that they would be. */
export function escaped(text: string): string {
  return Array.from(Buffer.from(text, 'utf8'), (byte) =>
    /[A-Za-z0-9._~-]/.test(String.fromCharCode(byte))
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).padStart(2, '0')}`,
  ).join('');
}

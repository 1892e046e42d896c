/** Changes what is valid: its characters, its bytes, or the values inside of it. A script of changes is plain data, so that it shrinks. */
import fc from 'fast-check';

export interface Change {
  where: number;
  how: number;
  what: number;
  size: number;
}
export type Script = readonly Change[];

const any = fc.nat({ max: 0x7fffffff });
export const scripts: fc.Arbitrary<Script> = fc.array(
  fc.record({ where: any, how: any, what: any, size: fc.oneof(fc.nat({ max: 16 }), fc.nat({ max: 400 })) }),
  { minLength: 1, maxLength: 5 },
);

/** Longer inputs than this are made by the corpora alone. */
const lengthMax = 150_000;

export function pick<Item>(items: readonly Item[], number: number): Item {
  return items[number % items.length] as Item;
}

/** Characters that mean something to some reader, or look like others. */
const tokens = [
  ...'{}[]":,\\/.-_=+%&|!*#?@<>\'`~ \t\n\r0',
  '\u0000',
  '\u001b[2J',
  '\u007f',
  '\u00a0',
  '\u202e',
  '\u2028',
  '\u200d',
  '\ufeff',
  '\ufffd',
  '\ud800',
  '\u{1f600}',
  'ｅ',
  'İ',
  '..',
  '//',
  '%2f',
  '%00',
  '%252e',
  '{"a":',
  '[[[[[[[[',
  ']]]]]]]]',
  '&a ',
  '*a',
  '!!js/function ',
  '<<: ',
  '---\n',
  '- ',
  '? ',
  '| ',
  '1e999',
  '-1',
  '9007199254740993',
  'null',
  'true',
  '__proto__',
  'constructor',
  'eyJhbGciOiJub25lIn0',
  'AAAA',
];

/** Some of its characters are other ones, or in other places. `more` are tokens of the format itself. */
export function changedText(text: string, script: Script, more: readonly string[] = []): string {
  const all = [...tokens, ...more];
  return script.reduce((now, change) => changedOnce(now, change, all).slice(0, lengthMax), text.slice(0, lengthMax));
}

function changedOnce(text: string, { where, how, what, size }: Change, all: readonly string[]): string {
  const at = where % (text.length + 1);
  const end = Math.min(text.length, at + Math.max(1, size));
  const [before, here, after] = [text.slice(0, at), text.slice(at, end), text.slice(end)];
  switch (how % 10) {
    case 0:
      return before + pick(all, what) + text.slice(at);
    case 1:
      return before + pick(all, what) + text.slice(at + 1);
    case 2:
      return before + String.fromCharCode((text.charCodeAt(at) || 0) ^ (1 << (what % 7))) + text.slice(at + 1);
    case 3:
      return before + after;
    case 4:
      return before + here + here + after;
    case 5:
      return before;
    case 6: {
      const to = what % (before.length + after.length + 1);
      const rest = before + after;
      return rest.slice(0, to) + here + rest.slice(to);
    }
    case 7:
      return before + (here === here.toLowerCase() ? here.toUpperCase() : here.toLowerCase()) + after;
    case 8:
      return before + pick(all, what).repeat(1 + size) + after;
    default: {
      // Now and then a lot of it: what is quick for little must not be slow for much.
      const times = what % 8 === 0 ? Math.ceil(lengthMax / Math.max(1, here.length)) : 1 + (what % 50);
      return before + here.repeat(times) + after;
    }
  }
}

/** The same of bytes. */
export function changedBytes(bytes: Buffer, script: Script): Buffer {
  return Buffer.from(changedText(bytes.toString('latin1'), script), 'latin1');
}

/** Stands for what JSON.stringify cannot write: arrays in arrays. */
const deepMark = '@deep@';
const deep = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);

/** What no reader expects, as JSON. */
const odd = [
  'null',
  'true',
  'false',
  '0',
  '-1',
  '0.5',
  '1e308',
  '1e999',
  '8640000000000001',
  '9007199254740991',
  '-9007199254740992',
  '""',
  '" "',
  '"0"',
  '"__proto__"',
  '"constructor"',
  '"\\u0000"',
  '"\\ud800"',
  '"\\u202e"',
  '"\\u001b[2J\\r\\nAll of it holds."',
  JSON.stringify('x'.repeat(6_000)),
  JSON.stringify('é'.repeat(300)),
  '[]',
  '{}',
  '[[]]',
  '[null]',
  '{"toString":0,"valueOf":0}',
  '{"toJSON":0,"then":0,"length":-1}',
  '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}',
  `"${deepMark}"`,
  JSON.stringify(Array.from({ length: 3_000 }, () => 'a')),
];
const oddKeys = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  '',
  '0',
  '\u0000',
  'extra',
  'then',
];

type Node = { [key: string]: unknown } | unknown[];
interface Place {
  node: Node;
  key: string | number;
}

/** JSON text whose values, members or elements are other ones; also with a member that stands twice. */
export function changedJson(text: string, script: Script): string {
  try {
    const whole: Node = { value: JSON.parse(text) as unknown };
    for (const change of script.filter((it) => !doubles(it))) {
      const places = placesIn(whole);
      changeAt(pick(places, change.where), change, places);
    }
    const written = script.filter(doubles).reduce(twice, JSON.stringify(whole['value']) ?? 'null');
    const levels = 100 + ((script[0]?.what ?? 0) % 40_000);
    return written.replaceAll(`"${deepMark}"`, deep(levels)).slice(0, 4 * lengthMax);
  } catch {
    // No JSON any more, or too deep for JSON.stringify.
    return changedText(text, script);
  }
}

const doubles = ({ how }: Change): boolean => how % 8 === 7;

function placesIn(root: Node): Place[] {
  const places: Place[] = [];
  const rest: Node[] = [root];
  for (let node = rest.pop(); node !== undefined && places.length < 5_000; node = rest.pop()) {
    for (const key of Object.keys(node)) {
      places.push({ node, key });
      const child = valueAt({ node, key });
      if (typeof child === 'object' && child !== null) rest.push(child as Node);
    }
  }
  return places;
}

function valueAt({ node, key }: Place): unknown {
  return (node as { [key: string]: unknown })[key];
}

function put(node: Node, key: string | number, value: unknown): void {
  // As a member of its own, also where it is called __proto__.
  Object.defineProperty(node, key, { value, enumerable: true, configurable: true, writable: true });
}

function changeAt(place: Place, { how, what, size }: Change, all: readonly Place[]): void {
  const { node, key } = place;
  const value = valueAt(place);
  switch (how % 8) {
    case 0:
    case 1:
      return put(node, key, JSON.parse(pick(odd, what)));
    case 2:
      if (Array.isArray(node)) node.splice(Number(key), 1);
      else Reflect.deleteProperty(node, key);
      return;
    case 3: {
      const holder = typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Node) : node;
      return Array.isArray(holder)
        ? void holder.push(JSON.parse(pick(odd, what)))
        : put(holder, pick(oddKeys, size), JSON.parse(pick(odd, what)));
    }
    case 4: {
      if (Array.isArray(node)) return void node.push(...copiesOf(value, 1 + (size % 60)));
      Reflect.deleteProperty(node, key);
      return put(node, pick(oddKeys, what), value);
    }
    case 5:
      // Something else that stands here, so that it is of the right type and in the wrong place.
      return put(node, key, structuredClone(valueAt(pick(all, what))));
    default:
      if (typeof value === 'string')
        return put(node, key, changedText(value, [{ where: what, how: size, what: how, size: 3 }]));
      if (typeof value === 'number')
        return put(node, key, pick([value + 1, value - 1, -value, value / 3, value * 1e6], what));
      return put(node, key, size % 2 === 0 ? [value] : { value });
  }
}

/** Copies, and only as many as are not too long: copies of copies of one and the same would take minutes to write down. */
function copiesOf(value: unknown, wanted: number): unknown[] {
  const fit = Math.ceil(lengthMax / (JSON.stringify(value)?.length ?? 1));
  return Array.from({ length: Math.min(wanted, fit) }, () => structuredClone(value));
}

/** A member stands a second time, with another value: before or behind the first. */
function twice(text: string, { where, what, size }: Change): string {
  const members = [...text.matchAll(/[{,]("(?:[^"\\]|\\.)*"):/g)];
  if (members.length === 0) return text;
  const { index, 1: name = '""' } = pick(members, where);
  return `${text.slice(0, index + 1)}${name}:${pick(odd, what)},${text.slice(index + 1)}`.slice(
    0,
    size % 50 === 49 ? where % text.length : undefined,
  );
}

/**
 * Reads a YAML text against a zod schema, with errors that name file, line and field, all of them at once. What is made to exhaust
 * the reader, or to be read in two ways, is refused like any other mistake.
 */
import { isAlias, isNode, isScalar, LineCounter, parseDocument, visit, type Document } from 'yaml';
import type { z } from 'zod';

/** Beyond this it is nothing that anybody wrote. */
const charactersMax = 4_000_000;
/** To resolve an alias the library looks at all that stand before it. */
const namesMax = 1_000;
/** One mistake in YAML makes many others behind it. */
const faultsMax = 20;

/** What is wrong with the YAML itself, and where. */
export interface Fault {
  offset: number;
  message: string;
}

export interface Yaml {
  document: Document.Parsed;
  lines: LineCounter;
  /** With any of these there is no value. */
  faults: Fault[];
  value: unknown;
}

/** Never throws. */
export function readYaml(text: string): Yaml {
  const lines = new LineCounter();
  const isLarge = text.length > charactersMax;
  const document = parsed(isLarge ? '' : text, lines);
  const faults = isLarge ? [{ offset: 0, message: 'larger than 4 MB' }] : faultsOf(document, text);
  if (faults.length > 0) return { document, lines, faults, value: undefined };
  try {
    return { document, lines, faults, value: document.toJS({ maxAliasCount: 100 }) };
  } catch (error) {
    return { document, lines, faults: [aliasFault(document, error)], value: undefined };
  }
}

function parsed(text: string, lineCounter: LineCounter): Document.Parsed {
  const { stackTraceLimit } = Error;
  // Each mistake is an Error to the library, and a hundred thousand stacks take a second.
  Error.stackTraceLimit = 0;
  try {
    return parseDocument(text, {
      lineCounter,
      prettyErrors: false,
      // Numbers and lists as names of fields would come to the same as other names.
      stringKeys: true,
      // The library compares each with each.
      uniqueKeys: false,
    });
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

function faultsOf(document: Document.Parsed, text: string): Fault[] {
  // There `<<` merges and `yes` is true: another reader, or a person, would see another value.
  if (document.directives?.yaml.version === '1.1') {
    const message = 'YAML 1.1 reads some values in another way; remove this line, or make it %YAML 1.2';
    return [{ offset: Math.max(0, text.search(/^%YAML/m)), message }];
  }
  const faults = syntaxFaults(document);
  return faults.length > 0 ? faults : nameFaults(document);
}

function syntaxFaults(document: Document.Parsed): Fault[] {
  const errors = [...document.errors, ...document.warnings];
  const deep = errors.find(({ message }) => message.includes('call stack'));
  if (deep) return [{ offset: deep.pos[0], message: 'nested too deeply' }];
  const faults = errors.map(({ pos, message }) => ({ offset: pos[0], message }));
  return (faults.length > 0 ? faults : doubled(document)).slice(0, faultsMax);
}

/** Of two fields of one name the second would count in silence. */
function doubled(document: Document.Parsed): Fault[] {
  const faults: Fault[] = [];
  visit(document, {
    Map: (_, { items }) => {
      const seen = new Set<string>();
      for (const { key } of items) {
        if (!isScalar(key)) continue;
        const name = String(key.value ?? '');
        if (seen.has(name)) faults.push({ offset: key.range?.[0] ?? 0, message: 'Map keys must be unique' });
        seen.add(name);
      }
    },
  });
  return faults;
}

/** In one pass, however many there are: the first alias of a name that nothing before it has, or one name too many. */
function nameFaults(document: Document.Parsed): Fault[] {
  const anchors = new Set<string>();
  const faults: Fault[] = [];
  let count = 0;
  visit(document, {
    Node: (_, node) => {
      if (!isAlias(node) && node.anchor === undefined) return undefined;
      count += 1;
      if (!isAlias(node)) anchors.add(node.anchor ?? '');
      const isUnset = isAlias(node) && !anchors.has(node.source);
      if (!isUnset && count <= namesMax) return undefined;
      const message = isUnset
        ? `Unresolved alias (the anchor must be set before the alias): ${node.source}`
        : `More than ${namesMax} anchors and aliases`;
      faults.push({ offset: node.range?.[0] ?? 0, message });
      return visit.BREAK;
    },
  });
  return faults;
}

/** Aliases of aliases that come to more than could be held. */
function aliasFault(document: Document.Parsed, error: unknown): Fault {
  let offset = 0;
  visit(document, {
    Alias: (_, { range }) => {
      offset = range?.[0] ?? 0;
      return visit.BREAK;
    },
  });
  return { offset, message: error instanceof ReferenceError ? error.message : 'nested too deeply' };
}

/** Throws an Error with one line per problem. */
export function parseYaml<Shape extends z.ZodType>(file: string, text: string, shape: Shape): z.output<Shape> {
  const { document, lines, faults, value } = readYaml(text);
  if (faults.length > 0) {
    const broken = faults.map(({ offset, message }) => `${file}:${lineAt(lines, offset)}: ${firstLine(message)}`);
    throw new Error(broken.join('\n'));
  }

  const found = shape.safeParse(value);
  if (found.success) return found.data;
  const problems = found.error.issues.flatMap((issue) => {
    // The line of an unknown field is its own, not that of the object around it.
    const paths = issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key]) : [issue.path];
    return paths.map((path) => {
      const message =
        issue.code === 'unrecognized_keys' ? 'is not known here; remove it or mend its spelling' : issue.message;
      return `${file}:${lineOf(document, path, lines)}: ${path.join('.') || 'the file'}: ${message}`;
    });
  });
  throw new Error(problems.join('\n'));
}

/** The line of the deepest part of the path that is there. */
function lineOf(document: Document, path: PropertyKey[], lines: LineCounter): number {
  for (let depth = path.length; depth > 0; depth--) {
    const node = document.getIn(path.slice(0, depth), true);
    if (isNode(node) && node.range) return lineAt(lines, node.range[0]);
  }
  return 1;
}

/** An empty file has no line at all. */
function lineAt(lines: LineCounter, offset: number): number {
  return Math.max(1, lines.linePos(offset).line);
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? text;
}

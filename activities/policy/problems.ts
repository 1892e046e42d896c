/** Says what is wrong with a policy folder: file, line, column, field and the way out, all problems at once. */
import { isMap, isPair, isScalar, type Node } from 'yaml';
import type { z } from 'zod';
import { readYaml, type Yaml } from '../platform/yaml.js';

export type Path = readonly PropertyKey[];

export interface Problem {
  file: string;
  line: number;
  column: number;
  /** `people[3].manager`; empty for the file as a whole. */
  field: string;
  /** What is wrong and the way out, without the place. */
  message: string;
}

/** A policy folder that is refused as a whole. */
export class PolicyError extends Error {
  readonly problems: readonly Problem[];

  constructor(dir: string, problems: readonly Problem[]) {
    const count = problems.length === 1 ? 'one problem' : `${problems.length} problems`;
    super(`The policy in ${dir} has ${count}:\n${problems.map((problem) => `  ${describe(problem)}`).join('\n')}`);
    this.name = 'PolicyError';
    this.problems = problems;
  }
}

/** `directory.yml:12:5 people[3].manager: ...` */
export function describe({ file, line, column, field, message }: Problem): string {
  return `${file}:${line}:${column} ${field === '' ? '' : `${field}: `}${message}`;
}

/** A YAML file whose fields can be found again by line. */
export class Source {
  readonly file: string;
  readonly #yaml: Yaml;

  constructor(file: string, text: string) {
    this.file = file;
    this.#yaml = readYaml(text);
  }

  /** Problems of the YAML itself. */
  syntax(): Problem[] {
    return this.#yaml.faults.map(({ offset, message }) => ({
      ...this.#at(offset),
      field: '',
      message: `is not valid YAML: ${message}; correct it here or just above`,
    }));
  }

  value(): unknown {
    return this.#yaml.value;
  }

  /** At the field itself or, where it is missing, at the nearest thing that holds it. */
  problem(path: Path, message: string): Problem {
    return { ...this.#at(this.#startOf(path)), field: fieldName(path), message };
  }

  /** What zod found, in sentences with a way out. */
  problemsOf(error: z.ZodError): Problem[] {
    return error.issues.flatMap((issue) => {
      if (issue.code === 'unrecognized_keys') {
        return issue.keys.map((key) => this.problem([...issue.path, key], unknownField));
      }
      return [this.problem(issue.path, this.#sentence(issue))];
    });
  }

  #sentence(issue: z.core.$ZodIssue): string {
    if (issue.code === 'custom' || issue.code === 'invalid_format') return issue.message;
    if (issue.code === 'invalid_type') {
      const found: unknown = this.#yaml.document.getIn(issue.path);
      const expected = issue.expected === 'object' || issue.expected === 'record' ? 'a map of fields' : issue.expected;
      if (found === undefined || found === null) return `is missing; add it (${expected}, see the top of the file)`;
      return `must be ${expected === 'array' ? 'a list' : expected}; ${quoteHint(issue.expected, found)}`;
    }
    if (issue.code === 'invalid_value') return `must be one of: ${issue.values.map(String).join(', ')}`;
    if (issue.code === 'too_small' || issue.code === 'too_big') {
      // Zod's own wording is for programmers; ours where the schema has none.
      if (!issue.message.startsWith('Too ')) return issue.message;
      if (issue.code === 'too_small') return `is too small; the least is ${String(issue.minimum)}`;
      return `is too large; the most is ${String(issue.maximum)}`;
    }
    return `${issue.message}; see the top of the file`;
  }

  #startOf(path: Path): number {
    for (let length = path.length; length > 0; length -= 1) {
      const start = this.#keyOrItem(path.slice(0, length));
      if (start !== undefined) return start;
    }
    return this.#yaml.document.contents?.range?.[0] ?? 0;
  }

  /** The key of a field rather than its value: that is the line people look for. */
  #keyOrItem(path: Path): number | undefined {
    const last = path.at(-1);
    const holder: unknown =
      path.length === 1 ? this.#yaml.document.contents : this.#yaml.document.getIn(path.slice(0, -1), true);
    if (isMap(holder)) {
      const pair = holder.items.find((item) => isPair(item) && isScalar(item.key) && item.key.value === last);
      return rangeStart(pair?.key);
    }
    return rangeStart(this.#yaml.document.getIn(path, true));
  }

  #at(offset: number): { file: string; line: number; column: number } {
    const { line, col } = this.#yaml.lines.linePos(offset);
    // An empty file has no line at all.
    return { file: this.file, line: Math.max(line, 1), column: Math.max(col, 1) };
  }
}

const unknownField = 'is not a field here; remove it or correct its spelling (the top of the file lists the fields)';

function quoteHint(expected: string, found: unknown): string {
  if (expected === 'string' && typeof found !== 'object') return `put it in quotes: '${String(found)}'`;
  if (expected === 'array') return 'write it as [one, two] or one "- " per line';
  return 'see the top of the file';
}

function rangeStart(node: unknown): number | undefined {
  return (node as Node | undefined)?.range?.[0];
}

/** `people[3].manager` */
function fieldName(path: Path): string {
  return path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '');
}

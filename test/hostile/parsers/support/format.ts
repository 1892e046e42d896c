/** What a row of the table of formats says: what is valid, how it is changed, how it is read, and what is promised of the reading. */
import type { Script } from './mutate.js';

/** One reader of one format. Inputs are plain JSON, so that a failing one can be printed and kept. */
export interface Reader<Input = unknown> {
  name: string;
  /** Made by our own code: every one of these must be accepted. */
  valid: readonly Input[];
  /** Interesting inputs, replayed first: what once broke a promise, and what breaks others. */
  corpus: readonly Input[];
  change(input: Input, script: Script): Input;
  /** The product's own reading, and what is checked of its result: throws an AssertionError where that breaks a promise. */
  read(input: Input): unknown;
  /** Whether this is one of the refusals that are promised. Anything else that is thrown is a defect. */
  refuses(error: unknown): boolean;
  /** One reading takes at most this much of a processor's time; 1 s unless something else is stated. */
  cpuMs?: number;
}

/** A row: everything of one kind that comes from outside. */
export interface Format {
  name: string;
  readers: Reader[];
  close?(): Promise<void>;
}

/** Keeps the types of one reader together, and forgets them in the table. */
export function reader<Input>(of: Reader<Input>): Reader {
  return of as Reader;
}

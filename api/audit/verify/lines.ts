/** The lines of several files, one after the other, each with its line end: read as they come, whatever the size of the file. */
import { createReadStream } from 'node:fs';

/** A record is at most some 60 kB, a seal some 40 kB: what has no end by then is no line of ours. */
const lineMax = 4_000_000;

/** Rejects with a sentence when a file cannot be read. */
export async function* linesOf(files: readonly string[]): AsyncGenerator<string> {
  for (const file of files) yield* linesOfOne(file);
}

async function* linesOfOne(file: string): AsyncGenerator<string> {
  let held = '';
  try {
    // Bytes that are no UTF-8 come out as replacement characters, which no hash fits.
    for await (const part of createReadStream(file, { encoding: 'utf8' }) as AsyncIterable<string>) {
      const lines = (held + part).split('\n');
      held = lines.pop() ?? '';
      for (const line of lines) yield `${line}\n`;
      if (held.length > lineMax) throw new RangeError('a line is too long');
    }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new Error(`The audit ${file} cannot be read (${code}). Give an export, or audit files.`, { cause: error });
  }
  if (held !== '') yield held;
}

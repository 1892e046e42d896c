/** Policies for tests: the example folder, with what a test changes in it. */
import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Policy } from '../../activities/policy/policy.js';
import { parsePolicy, readTexts, type PolicyTexts } from '../../activities/policy/read.js';
import type { PolicyFileName } from '../../activities/policy/schema/files.js';
import { folder } from './services.js';

export type Edits = Partial<Record<PolicyFileName, (text: string) => string>>;

/** Replaces the first `from` after the comments that open the file. It must be there. */
export function swap(from: string, to: string): (text: string) => string {
  return (text) => {
    const start = text.search(/^[^#\n]/m);
    const at = text.indexOf(from, start);
    if (at < 0) throw new Error(`the example policy no longer has: ${from}`);
    return text.slice(0, at) + to + text.slice(at + from.length);
  };
}

export function exampleTexts(edits: Edits = {}): PolicyTexts {
  const texts = readTexts('policy');
  for (const [name, edit] of Object.entries(edits) as [PolicyFileName, (text: string) => string][]) {
    texts[name] = edit(texts[name] ?? '');
  }
  return texts;
}

export function examplePolicy(edits: Edits = {}): Policy {
  return parsePolicy('policy', exampleTexts(edits));
}

/** A folder of its own that holds the example, changed; gone when the tests have ended. */
export async function policyFolder(edits: Edits = {}): Promise<string> {
  const dir = await mkdtemp(join(await folder(), 'policy-'));
  for (const [name, text] of Object.entries(exampleTexts(edits))) await writeFile(join(dir, `${name}.yml`), text);
  return dir;
}

/** Always the same policy, where a watch is expected. */
export function still(policy: Policy): { current(): Policy } {
  return { current: () => policy };
}

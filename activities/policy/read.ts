/** Reads a policy folder into one `Policy`, or throws a `PolicyError` that lists everything wrong with it. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { crossCheck } from './cross-check/index.js';
import { createPolicy, type Policy } from './policy.js';
import { PolicyError, Source, type Problem } from './problems.js';
import { names, schemas, type PolicyFileName, type PolicyFiles } from './schema/files.js';

/** The texts of the files, as they stand. Missing ones are absent. */
export type PolicyTexts = Partial<Record<PolicyFileName, string>>;

export function readTexts(dir: string): PolicyTexts {
  const texts: PolicyTexts = {};
  for (const name of names) {
    try {
      texts[name] = readFileSync(join(dir, `${name}.yml`), 'utf8');
    } catch (error) {
      if (!isMissing(error)) throw new Error(`${name}.yml in ${dir} cannot be read`, { cause: error });
    }
  }
  return texts;
}

/** Digest of the contents: the same files are the same version on every machine. */
export function versionOf(texts: PolicyTexts): string {
  const hash = createHash('sha256');
  for (const name of names) hash.update(`${name}\0${(texts[name] ?? '').length}\0${texts[name] ?? ''}\0`);
  return hash.digest('hex');
}

export function parsePolicy(dir: string, texts: PolicyTexts): Policy {
  const problems: Problem[] = [];
  const sources = Object.fromEntries(
    names.map((name) => [name, new Source(`${name}.yml`, texts[name] ?? '')]),
  ) as Record<PolicyFileName, Source>;

  function parse<Name extends PolicyFileName>(name: Name): PolicyFiles[Name] | undefined {
    const source = sources[name];
    const text = texts[name];
    if (text === undefined) problems.push(source.problem([], missingFile(dir, name)));
    else if (source.syntax().length > 0) problems.push(...source.syntax());
    else {
      const found = schemas[name].safeParse(source.value());
      if (found.success) return found.data as PolicyFiles[Name];
      problems.push(...source.problemsOf(found.error));
    }
    return undefined;
  }

  const directory = parse('directory');
  const targets = parse('targets');
  const entitlements = parse('entitlements');
  const flows = parse('flows');
  const risk = parse('risk');
  if (!directory || !targets || !entitlements || !flows || !risk) throw new PolicyError(dir, problems);

  const files = { directory, targets, entitlements, flows, risk };
  const findings = crossCheck(files).map(({ file, path, message }) => sources[file].problem(path, message));
  if (findings.length > 0) throw new PolicyError(dir, findings);
  return createPolicy(files, versionOf(texts));
}

/** Reads the folder once. Throws one readable `PolicyError` for a wrong one. */
export function readPolicy(dir: string): Policy {
  return parsePolicy(dir, readTexts(dir));
}

function missingFile(dir: string, name: string): string {
  const others = safeList(dir).filter((file) => /^[\w-]+\.ya?ml$/.test(file));
  const close = others.find((file) => file === `${name}.yaml`);
  if (close !== undefined) return `is missing; rename ${close} to ${name}.yml`;
  return `is missing in ${dir}; add it (the example policy/${name}.yml shows what is in it)`;
}

function safeList(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    // The folder itself is missing: the sentence about the file names it.
    return [];
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}

/** `npm run policy:check [folder]`: says what is wrong with a policy folder before anybody depends on it. */
import { pathToFileURL } from 'node:url';
import { PolicyError } from './problems.js';
import { readPolicy } from './read.js';

/** The text to print, and whether the folder may be used. */
export function check(dir: string): { good: boolean; says: string } {
  try {
    const policy = readPolicy(dir);
    const counts = [
      `${policy.people().length} people`,
      `${policy.services().length} services`,
      `${policy.entitlements().length} entitlements`,
      `${policy.targets().length} targets`,
    ];
    return { good: true, says: `The policy in ${dir} is good: ${counts.join(', ')}. Version ${policy.version}` };
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    return { good: false, says: error.message };
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { good, says } = check(process.argv[2] ?? 'policy');
  process.stdout.write(`${says}\n`);
  process.exitCode = good ? 0 : 1;
}

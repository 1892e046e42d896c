/** The one screen that says where everything is, whom to be, and what to try. */
import { type Directory, readDirectory } from './directory.js';
import type { Addresses } from './processes.js';
import type { StackSettings } from './settings.js';

export async function screen(
  addresses: Addresses,
  settings: StackSettings,
  logs: string,
  startedInMs: number,
): Promise<string> {
  const directory = settings.elsewhere.provider ? undefined : await readDirectory(settings.policyDir);
  return render(addresses, directory, logs, startedInMs);
}

export function render(
  addresses: Addresses,
  directory: Directory | undefined,
  logs: string,
  startedInMs: number,
): string {
  const places: [string, string | undefined][] = [
    ['Portal', addresses.portal],
    ['API documentation', addresses.docs],
    ['Temporal UI', addresses.temporalUi && `${addresses.portal}/temporal (operator, maintainer)`],
    ['Mail that was sent', addresses.mail],
  ];
  const lines = [
    '',
    `Daypass is up, after ${(startedInMs / 1000).toFixed(1)} s.`,
    '',
    ...table(places.filter((row): row is [string, string] => row[1] !== undefined)),
    '',
    ...(directory ? ['Sign in as one of these; no password is asked:', ...table(accounts(directory)), ''] : []),
    'Try:',
    '  npm run demo                                  one whole grant, step by step',
    '  npm run token -- engineer                     a token for curl, ten minutes long',
    `  curl -H "authorization: Bearer $(npm run -s token -- engineer)" ${addresses.portal}/v1/entitlements`,
    '',
    `Logs are in ${logs}. Ctrl-C stops everything.`,
  ];
  return lines.join('\n');
}

/** One person for each group, in the directory's order, and every service. */
function accounts({ people, services }: Directory): [string, string][] {
  const seen = new Set<string>();
  const one = people.filter(({ groups }) => {
    const isFirst = groups.some((group) => !seen.has(group));
    for (const group of groups) seen.add(group);
    return isFirst;
  });
  return [
    ...one.map(({ id, name, groups }): [string, string] => [id, `${name} (${groups.join(', ')})`]),
    ...services.map(({ id, name }): [string, string] => [id, `${name ?? id} (a service: tokens only)`]),
  ];
}

function table(rows: [string, string][]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}   ${right}`);
}

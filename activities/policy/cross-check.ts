/** Finds what no single field can show: names that nothing has, circles, clocks out of order, quorums out of reach. */
import type { Path } from './problems.js';
import type { PolicyFileName, PolicyFiles } from './read.js';
import { checkDirectory } from './cross-check-directory.js';
import { checkEntitlements } from './cross-check-entitlements.js';
import { checkFlows } from './cross-check-flows.js';

export interface Finding {
  file: PolicyFileName;
  path: Path;
  message: string;
}

/** Takes one problem: where, and what to do about it. */
export type Report = (path: Path, message: string) => void;

export function crossCheck(files: PolicyFiles): Finding[] {
  const findings: Finding[] = [];
  const report =
    (file: PolicyFileName): Report =>
    (path, message) =>
      findings.push({ file, path, message });

  checkDirectory(files.directory, report('directory'));
  noDoubles(
    files.targets.targets.map((target) => target.name),
    ['targets'],
    'name',
    report('targets'),
  );
  checkEntitlements(files, report('entitlements'));
  checkFlows(files, report('flows'));
  const { elevated, high, refuse } = files.risk.bands;
  if (elevated > high) report('risk')(['bands', 'high'], `must not be below "elevated" (${elevated})`);
  if (high > refuse) report('risk')(['bands', 'refuse'], `must not be below "high" (${high})`);
  return findings;
}

/** Two entries of one id would make it a matter of luck which one counts. */
export function noDoubles(ids: string[], path: Path, field: string, report: Report): void {
  ids.forEach((id, index) => {
    if (ids.indexOf(id) < index)
      report([...path, index, field], `"${id}" is there twice; rename or remove one of them`);
  });
}

/** The sentence for a name that nothing has. */
export function unknown(id: string, where: string): string {
  return `"${id}" is not in ${where}; add it there or correct the name`;
}

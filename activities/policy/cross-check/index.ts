/** Finds what no single field can show: names that nothing has, circles, clocks out of order, quorums out of reach. */
import type { Path } from '../problems.js';
import type { PolicyFileName, PolicyFiles } from '../schema/files.js';
import { checkDirectory } from './directory.js';
import { checkEntitlements } from './entitlements.js';
import { checkFlows } from './flows.js';
import { noDoubles, type Report } from './report.js';

export interface Finding {
  file: PolicyFileName;
  path: Path;
  message: string;
}

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

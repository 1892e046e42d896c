/** The files of a policy folder, all of which must be there. */
import type { z } from 'zod';
import { directoryFile } from './directory.js';
import { entitlementsFile } from './entitlements.js';
import { flowsFile } from './flows.js';
import { riskFile } from './risk.js';
import { targetsFile } from './targets.js';

export const schemas = {
  directory: directoryFile,
  targets: targetsFile,
  entitlements: entitlementsFile,
  flows: flowsFile,
  risk: riskFile,
};

export type PolicyFileName = keyof typeof schemas;
export type PolicyFiles = { [Name in PolicyFileName]: z.infer<(typeof schemas)[Name]> };

export const names = Object.keys(schemas) as PolicyFileName[];

/** `npm run token -- <account>`: prints a bearer token for an account of the running development stack. */
import { join } from 'node:path';
import { readDirectory } from './directory.js';
import { developmentKeys } from './keys.js';
import { tokenFor } from './provider/token.js';
import { findStack } from './running.js';
import { stackSettings } from './settings.js';
import { Trouble } from './trouble.js';

try {
  const { stateDir, policyDir, elsewhere } = stackSettings(process.env);
  const [account] = process.argv.slice(2);
  const stack = await findStack(stateDir);
  if (stack === undefined) throw new Trouble('Daypass does not run here: start it with `npm start`, then ask again.');
  if (elsewhere.provider) throw new Trouble('OIDC_ISSUER names a provider of your own: get the token there.');
  if (account === undefined) throw new Trouble('Say whose token it shall be, for example: npm run token -- engineer');
  const { provider } = await developmentKeys(join(stateDir, 'keys'));
  const { issuer } = stack.addresses;
  const directory = await readDirectory(policyDir);
  process.stdout.write(`${await tokenFor(account, { issuer, directory, serviceSecret: provider.serviceSecret })}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Trouble ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

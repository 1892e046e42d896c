/** `passkey`: from an enrolment that the API signed, the line that a zone's owner adds, once the person said that it is theirs. */
import { verifyStatement } from '../../activities/platform/jws.js';
import { readSigningKeys } from '../../activities/platform/keys.js';
import { readPasskeyKey } from '../../activities/platform/passkey-key.js';
import { fingerprintOf } from '../../workflows/domain/passkeys.js';
import { Trouble } from '../dev/trouble.js';
import { fileFor, kinds, type Environment } from './kinds.js';

export async function passkeyLine(
  enrolment: string | undefined,
  set: string | undefined,
  env: Environment,
): Promise<string> {
  if (enrolment === undefined) {
    throw new Trouble('Give the enrolment, as the person’s page of passkeys shows it to copy.');
  }
  const file = fileFor(kinds.signing.publicFile, set, env);
  const keys = await readSigningKeys(file);
  const statement = await verifyStatement(enrolment.trim(), keys).catch((error: unknown) => {
    throw new Trouble(
      `This is no enrolment that ${file} lets us believe. ${error instanceof Error ? error.message : ''}`,
    );
  });
  if (statement.type !== 'passkey' || !statement.actor.startsWith('person:')) {
    throw new Trouble('This was signed by the API, and is not the enrolment of a passkey.');
  }
  const { actor, credentialId, publicKey, issuedAt } = statement;
  readPasskeyKey(publicKey);
  const person = actor.slice('person:'.length);
  const fingerprint = fingerprintOf({ credentialId, publicKey });
  return [
    `${person} enrolled this passkey at ${new Date(issuedAt).toISOString()}. Its fingerprint:`,
    '',
    `  ${fingerprint}`,
    '',
    `Ask ${person}, in person or on a call that you know, whether their own page shows the same: whoever owns the API could`,
    'have signed this for a passkey of their own. Only then add this line below `passkeys:` of the zone file, and start its',
    'connector again:',
    '',
    `  - { person: ${person}, id: ${credentialId}, key: ${publicKey} } # ${fingerprint}`,
  ].join('\n');
}

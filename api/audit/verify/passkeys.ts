/** Every assertion of a passkey: by a passkey that the API saw enrolled, and, with a zone's file, by one that the zone's owner listed. */
import { PasskeyError, verifyAssertion } from '../../../activities/platform/assertion.js';
import { challengeOf } from '../../../workflows/domain/challenge.js';
import type { Ref } from '../../../workflows/domain/actor.js';
import type { AuditRecord } from '../../../workflows/domain/record.js';
import type { Attested } from './evidence.js';
import { textOf } from './read.js';
import type { Fault } from './story.js';

export interface KnownPasskey {
  person: Ref;
  credentialId: string;
  publicKey: string;
}

export interface PasskeySources {
  enrolled: readonly KnownPasskey[];
  /** Of the zone's file; undefined where none was given. */
  zone?: readonly KnownPasskey[];
  /** Where people prove them; undefined where nothing says so. */
  portal?: string;
}

export interface PasskeysChecked {
  checked: number;
  /** Enrolled before what this file holds, and in no zone file. */
  unknown: number;
  fault?: Fault;
}

/** Only of records whose statements hold. */
export function enrolledIn(records: readonly AuditRecord[]): KnownPasskey[] {
  return records
    .filter(({ type }) => type === 'passkey-enrolled')
    .map(({ by, detail }) => ({
      person: by,
      credentialId: textOf(detail['credentialId']),
      publicKey: textOf(detail['publicKey']),
    }));
}

export async function checkPasskeys(attested: readonly Attested[], sources: PasskeySources): Promise<PasskeysChecked> {
  const result: PasskeysChecked = { checked: 0, unknown: 0 };
  for (const { statement, assertion, record } of attested) {
    const { credentialId } = assertion;
    const isIt = (it: KnownPasskey): boolean => it.credentialId === credentialId && it.person === statement.actor;
    const listed = sources.zone?.find(isIt);
    if (sources.zone && !listed) {
      return {
        ...result,
        fault: { record, why: `was proved by a passkey of ${statement.actor} that the zone does not list` },
      };
    }
    const foreign = sources.enrolled.find((it) => it.credentialId === credentialId && it.person !== statement.actor);
    if (foreign) {
      return { ...result, fault: { record, why: `was proved by a passkey that belongs to ${foreign.person}` } };
    }
    const enrolled = sources.enrolled.find(isIt);
    if (listed && enrolled && listed.publicKey !== enrolled.publicKey) {
      return { ...result, fault: { record, why: 'was proved by a passkey that the zone lists with another key' } };
    }
    const passkey = listed ?? enrolled;
    if (!passkey || sources.portal === undefined) {
      result.unknown += 1;
      continue;
    }
    try {
      const { origin, hostname } = new URL(sources.portal);
      const challenge = challengeOf(statement, assertion.nonce);
      await verifyAssertion({ assertion, challenge, passkey, origin, rpId: hostname });
    } catch (error) {
      if (!(error instanceof PasskeyError)) throw error;
      return { ...result, fault: { record, why: `carries a passkey's proof that does not count (${error.code})` } };
    }
    result.checked += 1;
  }
  return result;
}

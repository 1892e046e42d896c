/** Whether people consented as the ceiling demands, or nobody had to: by groups, by passkeys, or within what passes by itself. */
import type { Ref } from '../../workflows/domain/actor.js';
import { challengeOf } from '../../workflows/domain/challenge.js';
import type { ApprovalStatement, Attestable, RequestStatement } from '../../workflows/domain/evidence.js';
import type { Ms } from '../../workflows/domain/time.js';
import { minutes, type Ceiling, type ZonePasskey } from '../ceiling.js';
import { PasskeyError, verifyAssertion, type PasskeyPage } from '../platform/assertion.js';
import type { JwkSet } from '../platform/keys.js';
import { readPasskeyKey } from '../platform/passkey-key.js';
import { TargetError } from './connector.js';
import { aboveCeiling, noEvidence, signedAbout } from './evidence-statements.js';

/** Whose passkeys count here, and on which pages they are used. */
export interface KnownPasskeys {
  passkeys: readonly ZonePasskey[];
  page: PasskeyPage;
}

/** The approvals of exactly this, none by anybody who has a part in it. */
export async function approvalsOf(
  about: string,
  jwss: string[],
  request: RequestStatement,
  keys: JwkSet,
): Promise<ApprovalStatement[]> {
  const approvals: ApprovalStatement[] = [];
  for (const jws of jwss) {
    const approval = await signedAbout(request, jws, 'approve', keys);
    // It approves this, and not the request or another extension.
    if (approval.about !== about) noEvidence('An approval is about something else.');
    // Nobody approves for themselves.
    if (isParty(approval.actor, request)) noEvidence('Requester or subject approved for themselves.');
    // A service cannot approve.
    if (!approval.actor.startsWith('person:')) noEvidence('An approval is not by a person.');
    approvals.push(approval);
  }
  return approvals;
}

export function isParty(actor: Ref, request: RequestStatement): boolean {
  return actor === request.actor || actor === request.subject;
}

/** One person counts once, only with a group that the ceiling names, and where it says `attested` only with a passkey of theirs. */
export async function refuseUnlessEnough(
  approvals: ApprovalStatement[],
  { approvals: { least, groups }, attested }: Ceiling,
  known: KnownPasskeys,
): Promise<void> {
  const people = new Set<Ref>();
  const passkeys = new Set<string>();
  let missing: TargetError | undefined;
  for (const approval of approvals) {
    if (!hasOneOf(groups, approval)) continue;
    const proof = attested ? await passkeyOf(approval, known) : undefined;
    if (proof instanceof TargetError) {
      missing ??= proof;
      continue;
    }
    people.add(approval.actor);
    if (proof) passkeys.add(proof);
  }
  const count = attested ? Math.min(people.size, passkeys.size) : people.size;
  if (count >= least) return;
  if (missing) throw missing;
  aboveCeiling(`The ceiling wants ${least} of ${groups.join(', ')} to approve, and the approvals of ${count} count.`);
}

export function refuseUnlessAutomatic(durationMs: Ms, { automatic }: Ceiling): void {
  if (!automatic) aboveCeiling('The ceiling allows nothing without an approval here.');
  else if (durationMs > automatic.longestMs) {
    aboveCeiling(`Without an approval, the ceiling allows ${minutes(automatic.longestMs)} at most.`);
  }
}

/** Nobody is asked in an emergency: it is for those on duty, for themselves, and for as long as the ceiling says. */
export async function refuseUnlessEmergency(
  request: RequestStatement,
  durationMs: Ms,
  { emergency, attested }: Ceiling,
  known: KnownPasskeys,
): Promise<void> {
  if (!emergency) return aboveCeiling('The ceiling allows no emergency here.');
  if (durationMs > emergency.longestMs) {
    return aboveCeiling(`In an emergency, the ceiling allows ${minutes(emergency.longestMs)} at most.`);
  }
  if (!hasOneOf(emergency.groups, request)) {
    return aboveCeiling(
      `The ceiling allows emergencies to ${emergency.groups.join(', ')}, and the requester is in none.`,
    );
  }
  // Of the subject no groups are stated.
  if (request.subject !== request.actor)
    return aboveCeiling('An emergency is for whoever asks, not for somebody else.');
  const proof = attested ? await passkeyOf(request, known) : undefined;
  if (proof instanceof TargetError) throw proof;
}

function hasOneOf(groups: string[], { signIn }: Attestable): boolean {
  return signIn.groups.some((group) => groups.includes(group));
}

/**
 * The passkey that signed this, the same text for the same passkey. Where there is none, or none that the zone knows, it does not
 * count; an assertion that does not hold is thrown: somebody tried.
 */
async function passkeyOf(statement: Attestable, { passkeys, page }: KnownPasskeys): Promise<string | TargetError> {
  const { actor, assertion } = statement;
  const refused = (code: TargetError['code'], because: string) => new TargetError('refused', code, because);
  if (!assertion) return refused('passkey-required', 'The ceiling wants this signed with a passkey, and it is not.');
  const known = passkeys.find((it) => it.person === actor && it.credentialId === assertion.credentialId);
  if (!known) return refused('passkey-unknown', `The zone file does not list the passkey for ${actor}.`);
  const challenge = challengeOf(statement, assertion.nonce);
  await verifyAssertion({ assertion, challenge, passkey: known, ...page }).catch((error: unknown) => {
    throw error instanceof PasskeyError ? refused(error.code, error.message) : error;
  });
  return readPasskeyKey(known.publicKey).material;
}

/**
 * Judges a widening decision: is it signed by the API, does it say what the message says, and may its actor still decide
 * today? Needs no network. Anything that is not plainly right is refused.
 */
import type { Judgement, JudgeInput, Judges } from './contract.js';
import { whyNotAttested } from './attested.js';
import { keysAt, type KeyWatch } from './platform/keys.js';
import { verifyStatement } from './platform/jws.js';
import type { PolicyWatch } from './policy/load.js';
import type { Policy } from './policy/policy.js';
import { UNVERIFIED, type Ref, type Selector } from '../workflows/domain/actor.js';
import type { DecisionStatement, RequestStatement, Statement } from '../workflows/domain/evidence.js';
import { isRefusal, refuse, type Refusal } from '../workflows/domain/failure.js';
import type { Request } from '../workflows/domain/request.js';
import type { Instant, Ms } from '../workflows/domain/time.js';

/** A renewal that was held back must not make a credential that nobody waits for any more. */
const renewalFreshMs: Ms = 2 * 60_000;
/** The API's clock may be a little ahead of ours. */
const clockToleranceMs: Ms = 5_000;

export interface JudgeDeps {
  policy: Pick<PolicyWatch, 'current'>;
  /** The API's public signing keys. */
  apiKeys: Pick<KeyWatch, 'current'>;
  installation: string;
  now?: () => Instant;
}

export function createJudges({ policy, apiKeys, installation, now = Date.now }: JudgeDeps): Judges {
  async function judge(input: JudgeInput): Promise<Judgement> {
    let statement: Statement;
    try {
      statement = await verifyStatement(input.evidence, keysAt(now(), apiKeys.current()));
    } catch (error) {
      const because = error instanceof Error ? error.message : 'The decision cannot be verified.';
      return { ok: false, by: UNVERIFIED, code: 'bad-evidence', because };
    }
    const by = 'actor' in statement ? statement.actor : UNVERIFIED;
    const matching = match(statement, input, installation);
    const no = (refusal: Refusal): Judgement => ({
      ok: false,
      by,
      code: refusal.refused,
      because: refusal.because,
    });
    if (isRefusal(matching)) return no(matching);

    const today = policy.current();
    const standing = (input.votes ?? []).filter((vote) => mayDecide(today, vote, input, now()) === undefined);
    const refusal = refusalOf(matching, standing);
    if (refusal !== undefined) return no(refusal);
    return {
      ok: true,
      by,
      name: today.nameOf(by),
      human: today.human(by),
      ...('durationMs' in matching && matching.durationMs !== undefined ? { durationMs: matching.durationMs } : {}),
      ...('totalMs' in matching ? { totalMs: matching.totalMs } : {}),
      ...('verdict' in matching ? { verdict: matching.verdict } : {}),
      standing,
    };

    function refusalOf(decision: Decision, standing: Ref[]): Refusal | undefined {
      switch (decision.type) {
        case 'approve':
          return (
            mayDecide(today, by, input, now()) ??
            votedBefore(today, by, standing) ??
            whyNotAttested(decision, input.passkey === true)
          );
        case 'extend':
          return mayExtend(today, by, input);
        case 'renew':
          return mayRenew(today, by, input) ?? stale(decision.issuedAt, now());
        case 'review':
          return mayReview(today, by, input, now());
      }
    }
  }
  return { judge };
}

type Decision = Exclude<DecisionStatement, RequestStatement>;

function isDecision(statement: Statement): statement is Decision {
  return statement.type !== 'request' && statement.type !== 'passkey' && statement.type !== 'note';
}

/** A signature is worth nothing for another grant, another wording of the request, another step or another decision. */
function match(statement: Statement, input: JudgeInput, installation: string): Decision | Refusal {
  const other = (what: string) => refuse('bad-evidence', `The signed decision is about another ${what}.`);
  if (!isDecision(statement) || statement.type !== input.action) {
    return refuse('bad-evidence', 'The signed statement is of another kind.');
  }
  if (statement.installation !== installation) return other('installation');
  if (statement.grantId !== input.grantId || input.request.grantId !== input.grantId) return other('grant');
  if (statement.requestDigest !== input.requestDigest) return other('request');
  if (statement.decisionId !== input.decisionId) return other('decision');
  if (statement.type === 'approve') {
    if (statement.about !== input.about) return other('question');
    if (statement.step !== input.step) return refuse('already-decided', 'That step is over; another one is open now.');
  }
  return statement;
}

/** Why `ref` may not decide on the open step today; undefined where they may. */
function mayDecide(policy: Policy, ref: Ref, input: JudgeInput, now: Instant): Refusal | undefined {
  if (isBarred(policy, ref, input, now)) {
    return refuse(
      'own-request',
      'Nobody approves for themselves: not the requester, the subject, a service’s owner, nor who acts for one of them.',
    );
  }
  if (!isAmong(policy, ref, input.asked ?? [])) {
    return refuse('not-an-approver', `${policy.nameOf(ref)} is not among those who are asked for this step.`);
  }
  return undefined;
}

function isBarred(policy: Policy, ref: Ref, input: JudgeInput, now: Instant): boolean {
  const barred = [...input.barred, ...policy.barred(input.request, now)].map((other) => policy.human(other));
  return barred.includes(policy.human(ref));
}

/** An active person whom one of the selectors means today. */
function isAmong(policy: Policy, ref: Ref, selectors: Selector[]): boolean {
  const groups = policy.groupsOf(ref).map((group) => `group:${group}`);
  const isMeant = selectors.some((selector) => selector === ref || groups.includes(selector));
  return ref.startsWith('person:') && policy.isActive(ref) && isMeant;
}

function votedBefore(policy: Policy, by: Ref, standing: Ref[]): Refusal | undefined {
  if (standing.includes(by)) return refuse('already-decided', 'You approved this step before.');
  if (standing.some((vote) => policy.human(vote) === policy.human(by))) {
    return refuse('same-human', 'The same person approved this step with another account.');
  }
  return undefined;
}

/** Only whose access it is, or who asked for it, and only while the subject could still be given it. */
function mayExtend(policy: Policy, by: Ref, { request }: JudgeInput): Refusal | undefined {
  if (by !== request.requester && by !== request.subject) {
    return refuse('forbidden', 'Only whoever asked for this access, or has it, may ask for more time.');
  }
  if (!policy.isActive(by)) return refuse('forbidden', `${policy.nameOf(by)} is not active in the directory.`);
  return noLongerEligible(policy, request);
}

function noLongerEligible(policy: Policy, { subject, entitlement, emergency }: Request): Refusal | undefined {
  if (policy.isEligible(subject, entitlement, emergency ? 'emergency' : 'ordinary')) return undefined;
  return refuse('not-eligible', `${policy.nameOf(subject)} is no longer eligible for ${entitlement}.`);
}

/** The credential is the subject's alone. */
function mayRenew(policy: Policy, by: Ref, { request }: JudgeInput): Refusal | undefined {
  if (by !== request.subject) {
    return refuse('not-the-subject', 'Only whose access it is may have another credential for it.');
  }
  return noLongerEligible(policy, request);
}

function stale(issuedAt: Instant, now: Instant): Refusal | undefined {
  if (issuedAt <= now + clockToleranceMs && now - issuedAt <= renewalFreshMs) return undefined;
  return refuse('bad-evidence', 'It was asked for more than two minutes ago; ask again.');
}

/** Somebody whom the entitlement named, and none of those whom the emergency was for. */
function mayReview(policy: Policy, by: Ref, input: JudgeInput, now: Instant): Refusal | undefined {
  if (isBarred(policy, by, input, now)) {
    return refuse('own-request', 'Nobody reviews their own emergency, nor that of somebody they stand in for.');
  }
  if (isAmong(policy, by, input.reviewers ?? [])) return undefined;
  return refuse('not-an-approver', `${policy.nameOf(by)} is not among those who review this emergency.`);
}

/**
 * Judges a widening decision: is it signed by the API, does it say what the message says, and may its actor still decide
 * today? Needs no network. Anything that is not plainly right is refused.
 */
import type { Judgement, JudgeInput, Judges } from './contract.js';
import type { JwkSet } from './platform/keys.js';
import { verifyStatement } from './platform/jws.js';
import type { PolicyWatch } from './policy/load.js';
import type { Policy } from './policy/policy.js';
import { UNVERIFIED, type Ref } from '../workflows/domain/actor.js';
import type { ApprovalStatement, ExtensionStatement, Statement } from '../workflows/domain/evidence.js';
import { isRefusal, refuse, type Refusal } from '../workflows/domain/failure.js';
import type { Instant } from '../workflows/domain/time.js';

export interface JudgeDeps {
  policy: Pick<PolicyWatch, 'current'>;
  /** The API's public signing keys. */
  apiKeys: JwkSet;
  installation: string;
  now?: () => Instant;
}

export function createJudges({ policy, apiKeys, installation, now = Date.now }: JudgeDeps): Judges {
  async function judge(input: JudgeInput): Promise<Judgement> {
    let statement: Statement;
    try {
      statement = await verifyStatement(input.evidence, apiKeys);
    } catch (error) {
      const because = error instanceof Error ? error.message : 'The decision cannot be verified.';
      return { ok: false, by: UNVERIFIED, code: 'bad-evidence', because };
    }
    const by = statement.actor;
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
    const refusal =
      matching.type === 'approve'
        ? (mayDecide(today, by, input, now()) ?? votedBefore(today, by, standing))
        : mayExtend(today, by, input);
    if (refusal !== undefined) return no(refusal);
    return {
      ok: true,
      by,
      name: today.nameOf(by),
      human: today.human(by),
      ...('durationMs' in matching && matching.durationMs !== undefined ? { durationMs: matching.durationMs } : {}),
      ...('totalMs' in matching ? { totalMs: matching.totalMs } : {}),
      standing,
    };
  }
  return { judge };
}

/** A signature is worth nothing for another grant, another wording of the request, another step or another decision. */
function match(
  statement: Statement,
  input: JudgeInput,
  installation: string,
): ApprovalStatement | ExtensionStatement | Refusal {
  const other = (what: string) => refuse('bad-evidence', `The signed decision is about another ${what}.`);
  if (statement.type === 'request' || statement.type !== input.action) {
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
  const barred = [...input.barred, ...policy.barred(input.request, now)].map((other) => policy.human(other));
  if (barred.includes(policy.human(ref))) {
    return refuse(
      'own-request',
      'Nobody approves for themselves: not the requester, the subject, a service’s owner, nor who acts for one of them.',
    );
  }
  const asked = input.asked ?? [];
  const groups = policy.groupsOf(ref).map((group) => `group:${group}`);
  const isAsked = ref.startsWith('person:') && asked.some((selector) => selector === ref || groups.includes(selector));
  if (!policy.isActive(ref) || !isAsked) {
    return refuse('not-an-approver', `${policy.nameOf(ref)} is not among those who are asked for this step.`);
  }
  return undefined;
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
  if (!policy.isEligible(request.subject, request.entitlement)) {
    return refuse(
      'not-eligible',
      `${policy.nameOf(request.subject)} is no longer eligible for ${request.entitlement}.`,
    );
  }
  return undefined;
}

/** What is shown of a grant: the memo `view`, always within its bound, and the details for the Temporal UI. */
import { inWords } from './durations.js';
import { isReviewPending, reviewersOf } from './emergency.js';
import { headOf } from './record.js';
import type { Factor } from './rule.js';
import type { State, Vote } from './state.js';
import { isTerminal, type Condition } from './states.js';
import type { Instant } from './time.js';
import type { GrantView, StepView, VoteView } from './view.js';

/** design bound of the memo `view`, in bytes of JSON. Temporal terminates a workflow whose memo outgrows 2 MB. */
export const viewBytesMax = 8_000;

const outcomesShown = 20;
const votesShown = 10;
const textShown = 200;
const textBrief = 60;

/** What goes first when a view is too large. The last ones leave ids, states and instants alone, whatever was written. */
const shorter: ((view: GrantView) => GrantView)[] = [
  (view) => ({ ...view, outcomes: view.outcomes.slice(-10) }),
  (view) => ({ ...view, outcomes: view.outcomes.slice(-5) }),
  (view) => ({ ...view, outcomes: view.outcomes.slice(-1) }),
  (view) => ({ ...view, risk: view.risk && { ...view.risk, factors: view.risk.factors.map(withoutEvidence) } }),
  (view) => ({ ...view, step: view.step && { ...view.step, votes: view.step.votes.map(withoutComment) } }),
  ({ step, ...view }) => ({ ...view, step: step && { ...step, votes: step.votes.slice(-3).map(briefVote) } }),
  brief,
];

/** The view of this state, at most `viewBytesMax` bytes. */
export function viewOf(state: State): GrantView {
  let view = whole(state);
  for (const shorten of shorter) {
    if (bytes(view) <= viewBytesMax) break;
    view = shorten(view);
  }
  return view;
}

function withoutEvidence(factor: Factor): Factor {
  return { ...factor, evidence: '' };
}

function withoutComment({ by, name, at }: VoteView): VoteView {
  return { by, name, at };
}

function briefVote({ by, name, at }: VoteView): VoteView {
  return { by, name: clip(name, textBrief), at };
}

function brief(view: GrantView): GrantView {
  const { requesterName, subjectName, entitlementTitle, flow, step, extension, ending } = view;
  return {
    ...view,
    requesterName: clip(requesterName, textBrief),
    subjectName: clip(subjectName, textBrief),
    entitlementTitle: entitlementTitle && clip(entitlementTitle, textBrief),
    flow: flow && clip(flow, textBrief),
    step: step && { ...step, name: clip(step.name, textBrief) },
    extension: extension && { ...extension, reason: clip(extension.reason, textBrief) },
    ending: ending && { ...ending, reason: clip(ending.reason, textBrief) },
  };
}

function whole(state: State): GrantView {
  const { request, rule, risk, ending, pendingExtension: extension, provisioned, removal } = state;
  const view: GrantView = {
    grantId: request.grantId,
    changes: state.changes,
    changedAt: state.changedAt,
    state: state.phase,
    conditions: conditionsOf(state),
    requester: request.requester,
    subject: request.subject,
    requesterName: request.requesterName,
    subjectName: request.subjectName,
    entitlement: request.entitlement,
    entitlementTitle: rule?.title,
    target: request.target,
    requestedDurationMs: request.requestedDurationMs,
    grantedDurationMs: isAgreed(state) ? state.grantedDurationMs : undefined,
    maximumMs: rule?.maximumMs,
    requestTime: request.requestTime,
    scheduledActivationTime: request.scheduledActivationTime,
    decisionDeadline: state.approval?.opening?.expireAt,
    accessGrantTime: state.accessGrantTime,
    expireTime: state.expireTime,
    accessRemoveTime: removal?.removedAt,
    removalVerifiedTime: removal?.verifiedAt,
    flow: rule?.flow.name,
    automatic: state.automatic,
    policyVersion: rule?.policyVersion,
    risk: risk && {
      ...risk,
      factors: risk.factors.slice(0, 12).map((factor) => ({ ...factor, evidence: clip(factor.evidence) })),
    },
    step: stepView(state),
    extension: extension && {
      decisionId: extension.decisionId,
      by: extension.by,
      totalMs: extension.totalMs,
      reason: clip(extension.reason),
    },
    account: provisioned?.account,
    credential: credentialOf(state),
    stepUpAtCollection: rule?.stepUpAtCollection,
    renewal: renewalView(state),
    review: reviewView(state),
    ending: ending && { ...ending, reason: clip(ending.reason) },
    asked: state.asked,
    outcomes: state.outcomes.slice(-outcomesShown),
    head: headOf(state.records),
  };
  return view;
}

function stepView({ approval, attested }: State): StepView | undefined {
  const step = approval?.flow.steps[approval.step];
  if (!approval || !step) return undefined;
  const { opening } = approval;
  return {
    about: approval.about,
    index: approval.step,
    of: approval.flow.steps.length,
    name: step.name,
    needed: step.needed,
    asked: opening?.selectors ?? [],
    votes: [...approval.earlier, ...approval.votes].slice(-votesShown).map(voteView),
    given: approval.votes.length,
    escalated: approval.escalated,
    remindAt: approval.reminded ? undefined : opening?.remindAt,
    escalateAt: approval.escalated ? undefined : opening?.escalateAt,
    expireAt: opening?.expireAt,
    ...(step.passkey || attested ? { passkey: true } : {}),
  };
}

function renewalView({ phase, renewal }: State): GrantView['renewal'] {
  if (phase !== 'ACTIVE' || !renewal) return undefined;
  const { decisionId, failed } = renewal;
  return { decisionId, ...(failed ? { failed: clip(failed.because) } : {}) };
}

function reviewView(state: State): GrantView['review'] {
  const { request, review } = state;
  if (!request.emergency) return undefined;
  const given = review?.given && { ...review.given, comment: clip(review.given.comment) };
  return { reviewers: reviewersOf(state), since: review?.since, given };
}

function voteView({ by, name, at, comment }: Vote): VoteView {
  return { by, name, at, ...(comment ? { comment: clip(comment, 100) } : {}) };
}

function conditionsOf(state: State): Condition[] {
  const found: Condition[] = [];
  if (state.approval?.escalated) found.push('escalated');
  if (state.request.emergency) found.push('emergency');
  if (isReviewPending(state)) found.push('reviewPending');
  if (state.removing?.overdue) found.push('revocationOverdue');
  if (state.externallyModified) found.push('externallyModified');
  if (state.pendingExtension) found.push('extensionPending');
  return found;
}

function credentialOf(state: State): GrantView['credential'] {
  if (state.collected) return 'collected';
  return state.phase === 'ACTIVE' && state.provisioned?.sealedCredential ? 'waiting' : 'none';
}

function isAgreed(state: State): boolean {
  return state.accessGrantTime !== undefined || state.phase === 'SCHEDULED' || state.phase === 'ACTIVATING';
}

function clip(text: string, most = textShown): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

function bytes(view: GrantView): number {
  return new TextEncoder().encode(JSON.stringify(view)).length;
}

/** Markdown for the Temporal UI: state, who is asked, until when, what is owed. No free text from people. */
export function detailsOf(state: State): string {
  const { phase, approval, request } = state;
  const lines = [`**${phase}** since ${iso(state.changedAt)}`];
  lines.push(`${request.entitlement} for ${inWords(state.grantedDurationMs)}`);
  for (const condition of conditionsOf(state)) lines.push(`condition: ${condition}`);
  const step = approval?.flow.steps[approval.step];
  if (approval && step) {
    const { opening } = approval;
    lines.push(
      `step ${approval.step + 1} of ${approval.flow.steps.length}: ${approval.votes.length} of ${step.needed} approvals`,
    );
    if (opening) lines.push(`asked: ${opening.selectors.join(', ')}, until ${iso(opening.expireAt)}`);
  }
  if (phase === 'SCHEDULED' && request.scheduledActivationTime)
    lines.push(`starts ${iso(request.scheduledActivationTime)}`);
  if (phase === 'ACTIVE' && state.expireTime) lines.push(`ends ${iso(state.expireTime)}`);
  if (state.removalOwed) lines.push(`owed: removal at ${request.target}`);
  if (state.planting) lines.push(`owed: a tombstone at ${request.target}`);
  if (isTerminal(phase))
    lines.push(state.removal ? `removal read back ${iso(state.removal.verifiedAt)}` : 'nothing was made');
  return lines.join('  \n');
}

function iso(instant: Instant): string {
  return new Date(instant).toISOString();
}

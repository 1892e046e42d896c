/** What the page of one grant shows, worked out from the grant as the API answers it. */
import { isTerminal } from '../../workflows/domain/states.js';
import type { RecordBody } from '../schemas/answers.js';
import type { GrantBody } from '../schemas/grant.js';
import { durationMs } from '../schemas/time.js';
import { shortTimeline, timeline } from './timeline.js';
import { conditionLabels, endingSentences, labelOf, lasting, listed, stateLabels, type NameOf } from './words.js';

export interface Mark {
  text: string;
  is: 'done' | 'now' | 'stopped' | 'ahead';
}

export interface ShownStep {
  name: string;
  index: number;
  of: number;
  needed: number;
  asked: string;
  escalated: boolean;
  until?: string;
  votes: { name: string; at: string; comment?: string }[];
  missing: number;
  aboutExtension: boolean;
}

/** The facts of a grant that cards and its own page share. */
export function shownGrant(grant: GrantBody, name: NameOf) {
  const { step } = grant;
  return {
    ...grant,
    label: labelOf(grant.state, grant.accessGrantTime !== undefined),
    live: !isTerminal(grant.state),
    title: grant.entitlementTitle ?? grant.entitlement,
    marks: grant.conditions.map((condition) => conditionLabels[condition]),
    risk: grant.risk && { ...grant.risk, factors: grant.risk.factors.toSorted((a, b) => b.points - a.points) },
    forOther: grant.requester !== grant.subject,
    lasts: lasting(grant.grantedDuration ?? grant.requestedDuration),
    shortened:
      grant.grantedDuration !== undefined &&
      (durationMs(grant.grantedDuration) ?? 0) < (durationMs(grant.requestedDuration) ?? 0),
    shownStep: step && shownStep(step, name),
    endingSentence: grant.ending && endingSentence(grant.ending, grant.accessGrantTime !== undefined),
    endedBy: grant.ending && isPerson(grant.ending.by) ? name(grant.ending.by) : undefined,
    endingReason: grant.ending && isPerson(grant.ending.by) ? grant.ending.reason : undefined,
  };
}
export type ShownGrant = ReturnType<typeof shownGrant>;

/** What the engine itself says is more exact than the general sentence; what people say is quoted beside it. */
function endingSentence(ending: NonNullable<GrantBody['ending']>, wasActive: boolean): string {
  const isTakenBack = ending.code === 'withdrawn' && !wasActive;
  const general = isTakenBack ? 'The request was taken back.' : endingSentences[ending.code];
  return isPerson(ending.by) ? general : ending.reason || general;
}

/** Of this step alone; those of earlier steps are in the timeline. */
function votesOf({ votes, given = votes.length }: NonNullable<GrantBody['step']>) {
  return given === 0 ? [] : votes.slice(-given);
}

export function missingIn(step: NonNullable<GrantBody['step']>): number {
  return Math.max(0, step.needed - (step.given ?? step.votes.length));
}

function shownStep(step: NonNullable<GrantBody['step']>, name: NameOf): ShownStep {
  return {
    name: step.name,
    index: step.index + 1,
    of: step.of,
    needed: step.needed,
    asked: listed(step.asked.map(name)) || 'nobody who is left',
    escalated: step.escalated,
    until: step.expireTime,
    votes: votesOf(step).map(({ name: voter, at, comment }) => ({ name: voter, at, comment })),
    missing: missingIn(step),
    aboutExtension: step.about !== 'request',
  };
}

/** How far it is: asked, approved, active, removed. */
export function path(grant: GrantBody): Mark[] {
  const asked: Mark = { text: 'Asked', is: 'done' };
  const approvedText = grant.review ? 'Emergency' : grant.automatic === true ? 'Checked' : 'Approved';
  const ahead = (text: string): Mark => ({ text, is: 'ahead' });
  const done = (text: string): Mark => ({ text, is: 'done' });
  const now = (text: string): Mark => ({ text, is: 'now' });
  const wasUsable = grant.accessGrantTime !== undefined;
  switch (grant.state) {
    case 'REQUESTED':
      return [asked, now('Being checked'), ahead('Active'), ahead('Removed')];
    case 'APPROVAL_AWAITED':
      return [asked, now(approvalMark(grant)), ahead('Active'), ahead('Removed')];
    case 'SCHEDULED':
      return [asked, done(approvedText), now('Starts later'), ahead('Removed')];
    case 'ACTIVATING':
      return [asked, done(approvedText), now('Being set up'), ahead('Removed')];
    case 'ACTIVE':
      return [asked, done(approvedText), now('Active'), ahead('Removed')];
    case 'REVOKING':
    case 'WITHDRAWING':
      return [asked, done(approvedText), done(wasUsable ? 'Active' : 'Set up'), now('Being removed')];
    case 'DENIED':
      return [asked, { text: 'Denied', is: 'stopped' }, ahead('Active'), ahead('Removed')];
    case 'EXPIRED':
      return [asked, { text: 'No decision', is: 'stopped' }, ahead('Active'), ahead('Removed')];
    case 'ACTIVATION_FAILED':
      return [asked, done(approvedText), { text: 'Failed', is: 'stopped' }, done('Nothing left')];
    case 'ENDED':
      return [asked, done(approvedText), done('Active'), done('Removed')];
    case 'REVOKED':
    case 'WITHDRAWN': {
      if (wasUsable) return [asked, done(approvedText), done('Active'), done('Removed')];
      const text = stateLabels[grant.state].text === 'Revoked' ? 'Revoked' : 'Withdrawn';
      return [asked, { text, is: 'stopped' }, ahead('Active'), ahead('Removed')];
    }
  }
}

function approvalMark({ step }: GrantBody): string {
  return step && step.of > 1 ? `Approval ${step.index + 1} of ${step.of}` : 'Approval';
}

/** Whole percent of the access time that is used up. */
export function usedPercent(grant: GrantBody, now: number): number | undefined {
  if (grant.accessGrantTime === undefined || grant.expireTime === undefined) return undefined;
  const from = Date.parse(grant.accessGrantTime);
  const to = Date.parse(grant.expireTime);
  return Math.min(100, Math.max(0, Math.round(((now - from) / Math.max(1, to - from)) * 100)));
}

export interface GrantPageParts {
  grant: GrantBody;
  /** Undefined when no worker answered. */
  records: RecordBody['records'] | undefined;
  viewerRef: string;
  name: NameOf;
  now: number;
}

export function grantPage({ grant, records, viewerRef, name, now }: GrantPageParts) {
  const mine = grant.requester === viewerRef || grant.subject === viewerRef;
  const mayDecide = grant.may.includes('decide') && !mine && grant.step !== undefined;
  return {
    grant: shownGrant(grant, name),
    path: path(grant),
    used: usedPercent(grant, now),
    lines: (records ? timeline(records, name) : shortTimeline(grant, name)).toReversed(),
    whole: records !== undefined,
    mine,
    isSubject: grant.subject === viewerRef,
    mayDecide,
    mayWithdraw: grant.may.includes('withdraw'),
    // Who decides now denies; one way to say no is enough.
    mayRevoke: grant.may.includes('revoke') && !(mayDecide && grant.step?.about === 'request'),
    mayExtend: grant.may.includes('extend') && !grant.conditions.includes('extensionPending'),
    mayCollect: grant.may.includes('collect') && grant.credential === 'waiting',
    mayRenew: grant.may.includes('renew'),
    mayReview: grant.may.includes('review'),
    reviewers: listed(grant.review?.reviewers.map(name) ?? []),
    extensionBy: grant.extension && name(grant.extension.by),
  };
}

function isPerson(ref: string): boolean {
  return ref.startsWith('person:') || ref.startsWith('service:');
}

/** The search attributes of a grant: ids only, since Temporal does not encrypt them. */
import { defineSearchAttributeKey, SearchAttributeType, type SearchAttributeUpdatePair } from '@temporalio/common';
import type { Selector } from './domain/actor.js';
import { union } from './domain/approval.js';
import { isReviewPending, reviewersOf } from './domain/emergency.js';
import type { State } from './domain/state.js';

export const GrantState = defineSearchAttributeKey('GrantState', SearchAttributeType.KEYWORD);
export const Requester = defineSearchAttributeKey('Requester', SearchAttributeType.KEYWORD);
export const Subject = defineSearchAttributeKey('Subject', SearchAttributeType.KEYWORD);
export const Entitlement = defineSearchAttributeKey('Entitlement', SearchAttributeType.KEYWORD);
export const Target = defineSearchAttributeKey('Target', SearchAttributeType.KEYWORD);
export const Approvers = defineSearchAttributeKey('Approvers', SearchAttributeType.KEYWORD_LIST);
export const RiskScore = defineSearchAttributeKey('RiskScore', SearchAttributeType.INT);
export const ExpireTime = defineSearchAttributeKey('ExpireTime', SearchAttributeType.DATETIME);
/** When it was told, which may be half a minute after it was so: who asks what changed since must not pass it by. */
export const ChangedAt = defineSearchAttributeKey('ChangedAt', SearchAttributeType.DATETIME);
/** Set at the start, for those that are one. */
export const Emergency = defineSearchAttributeKey('Emergency', SearchAttributeType.BOOL);
export const RevocationOverdue = defineSearchAttributeKey('RevocationOverdue', SearchAttributeType.BOOL);

/** The server terminates a workflow with an attribute above 2 kB. */
const listBytesMax = 1_900;

/**
 * What changes in a grant's life, beside `ChangedAt`; the rest is set once at its start. `Approvers` is who is asked now, to decide
 * or to review.
 */
export function attributesOf(state: State): SearchAttributeUpdatePair[] {
  // A review that is owed waits for people as a decision does, also when the access is long over.
  const reviewers = isReviewPending(state) ? reviewersOf(state) : [];
  const asked = fitting(union(state.approval?.opening?.selectors ?? [], reviewers));
  return [
    { key: GrantState, value: state.phase },
    { key: Approvers, value: asked.length > 0 ? asked : null },
    { key: RiskScore, value: state.risk?.score ?? null },
    { key: ExpireTime, value: state.expireTime === undefined ? null : new Date(state.expireTime) },
    { key: RevocationOverdue, value: state.removing?.overdue ?? false },
  ];
}

function fitting(selectors: Selector[]): Selector[] {
  return selectors.filter((_, index) => JSON.stringify(selectors.slice(0, index + 1)).length <= listBytesMax);
}

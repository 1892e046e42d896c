/** Votes against steps: how a decision is opened, counted, escalated and completed. */
import { SYSTEM, type Selector } from './actor.js';
import type { Approved } from './event.js';
import { refuse, type Refusal } from './failure.js';
import type { Flow, Opening } from './rule.js';
import { noted, type Approval, type State, type Vote } from './state.js';
import type { Instant } from './time.js';

/** Selectors shown and indexed; groups are never expanded, so this bounds every attribute and memo. */
export const askedMax = 20;

/** Opens the first step of a flow about the request, or about an extension. */
export function opening(state: State, about: string, flow: Flow, now: Instant): State {
  const approval: Approval = {
    about,
    flow,
    step: 0,
    openedAt: now,
    reminded: false,
    escalated: false,
    votes: [],
    earlier: [],
  };
  return { ...state, approval };
}

/** Who is asked for this step, and its clocks; at escalation only who is asked changes, never the last clock. */
export function stepOpened(state: State, approval: Approval, found: Opening, now: Instant): State {
  const first = approval.opening;
  const selectors = union(first?.selectors ?? [], found.selectors);
  const opened: Opening = { ...(first ?? found), selectors };
  const asked = union(state.asked, opened.selectors);
  const { about, step } = approval;
  const next: State = { ...state, asked, approval: { ...approval, opening: opened } };
  if (first) return noted(next, now, 'step-escalated', SYSTEM, { about, step, asked: opened.selectors });
  const { name, needed } = stepOf(approval);
  const { expireAt, usedFallback } = opened;
  return noted(next, now, 'step-opened', SYSTEM, {
    about,
    step,
    name,
    asked: opened.selectors,
    needed,
    expireAt,
    usedFallback,
  });
}

/** Was it answered who else is asked? The same answer once more would be recorded once more. */
export function wasEscalated({ records }: State, { about, step }: Approval): boolean {
  return records.some(
    ({ type, detail }) => type === 'step-escalated' && detail.about === about && detail.step === step,
  );
}

/** Counts one approval. The answer says whether it completed its step. */
export function voted(state: State, event: Approved, now: Instant): State | Refusal {
  const { approval } = state;
  if (!approval) return refuse('already-decided', 'This was decided before.');
  if (event.about !== approval.about || event.step !== approval.step) {
    return refuse('already-decided', 'This step was decided before.');
  }
  if (!approval.opening) return refuse('not-now', 'Approvers are not asked yet.');
  if (state.barred.includes(event.by)) return refuse('own-request', 'Nobody approves for themselves.');
  const all = [...approval.earlier, ...approval.votes];
  if (all.some((vote) => vote.by === event.by)) return refuse('already-decided', 'You approved this before.');
  if (all.some((vote) => vote.human === event.human)) {
    return refuse('same-human', 'The same person approved this with another account.');
  }
  const { durationMs } = event;
  if (durationMs !== undefined && !(durationMs > 0 && durationMs <= state.grantedDurationMs)) {
    return refuse('duration-not-shorter', 'An approval can shorten the duration, never lengthen it.');
  }
  if (durationMs !== undefined && approval.about !== 'request') {
    return refuse('duration-not-shorter', 'An extension is approved as it was asked, or denied.');
  }
  const { by, name, human, comment, evidence } = event;
  const vote: Vote = {
    by,
    name,
    human,
    at: now,
    comment,
    evidence,
    ...(durationMs === undefined ? {} : { durationMs }),
  };
  // A vote whose holder lost the role before quorum no longer counts, and neither does the duration it chose.
  const votes = [...approval.votes.filter((earlier) => event.standing.includes(earlier.by)), vote];
  const { about, step } = approval;
  const detail = { decisionId: event.decisionId, about, step, comment, durationMs, evidence };
  return noted({ ...state, approval: { ...approval, votes } }, now, 'approved', by, detail);
}

export function hasQuorum(approval: Approval): boolean {
  return approval.votes.length >= stepOf(approval).needed;
}

/** Moves on to the next step; undefined when the last one is complete. */
export function nextStep(approval: Approval, now: Instant): Approval | undefined {
  const step = approval.step + 1;
  if (step >= approval.flow.steps.length) return undefined;
  const earlier = [...approval.earlier, ...approval.votes];
  return {
    ...approval,
    step,
    openedAt: now,
    opening: undefined,
    reminded: false,
    escalated: false,
    votes: [],
    earlier,
  };
}

export function stepOf(approval: Approval): Flow['steps'][number] {
  const step = approval.flow.steps[approval.step];
  if (!step) throw new Error(`flow ${approval.flow.name} has no step ${approval.step}`);
  return step;
}

/** Everyone of both lists, as many as are shown. */
export function union(some: Selector[], more: Selector[]): Selector[] {
  return [...new Set([...some, ...more])].slice(0, askedMax);
}

/** Keeps what is seen of a grant true: memo, search attributes, details for the Temporal UI, and the news. */
import { setCurrentDetails, upsertMemo, upsertSearchAttributes } from '@temporalio/workflow';
import { tell } from './calls.js';
import { digest } from './domain/digest.js';
import { fitting, pageOf } from './domain/record.js';
import { detailsOf, viewOf } from './domain/shown.js';
import type { State } from './domain/state.js';
import type { GrantState } from './domain/states.js';
import { tells } from './domain/tells.js';
import type { Instant, Ms } from './domain/time.js';
import { attributesOf, ChangedAt } from './attributes.js';

/**
 * What the target answers within this time is told with its answer, which saves a fifth of a grant's events.
 * A state that lasts longer is told by itself. A removal has longer: its memo and the answer to whoever asked for it say so at
 * once, and where a thousand are removed together, telling that would take the time that removing needs.
 */
const brisk: { [state in GrantState]?: Ms } = { ACTIVATING: 500, REVOKING: 30_000, WITHDRAWING: 30_000 };

/**
 * Records in one tell: beside a view (8 kB) and a request (24 kB) they stay below the 64 kB at which the server terminates who
 * schedules more. What is longer, or a burst, is published after it, without either.
 */
const tellBytesMax = 20_000;
const publishBytesMax = 48_000;

export class Showing {
  private shown: State | undefined;
  private unshownSince: Instant | undefined;
  private memoOf: number | undefined;
  private attributes = '';
  private pending = 0;

  /** Is every change told? */
  get isTold(): boolean {
    return this.pending === 0;
  }

  /** Shows what changed, now or, while the target is about to answer, at the instant that it returns. */
  showWhenDue(state: State): Instant | undefined {
    // The workers that run this workflow also answer here, so a state of its own would only show that they are busy.
    if (state === this.shown || isBeingOpened(state)) return undefined;
    const now = Date.now();
    this.unshownSince ??= now;
    // What is told of already and goes on differently, as a removal that is overdue, is told at once.
    const waits = state.phase === this.shown?.phase ? 0 : (brisk[state.phase] ?? 0);
    const dueAt = this.unshownSince + waits;
    if (now >= dueAt) {
      this.show(state);
      return undefined;
    }
    // Reconcile asks the memo: what may stand at the target is owed there before it is made.
    this.upsertView(state);
    return dueAt;
  }

  show(state: State): void {
    if (state === this.shown) return;
    const before = this.shown;
    this.shown = state;
    this.unshownSince = undefined;
    this.upsertView(state);
    const pairs = attributesOf(state);
    const seen = digest({ changedAt: state.changedAt, pairs: pairs.map(({ key, value }) => [key.name, value]) });
    if (seen !== this.attributes) upsertSearchAttributes([...pairs, { key: ChangedAt, value: new Date() }]);
    this.attributes = seen;
    setCurrentDetails(detailsOf(state));
    this.tell(before, state);
  }

  private upsertView(state: State): void {
    if (this.memoOf === state.changes) return;
    this.memoOf = state.changes;
    upsertMemo({ view: viewOf(state) });
  }

  private tell(before: State | undefined, state: State): void {
    const view = viewOf(state);
    const fresh = state.records.slice(before?.records.length ?? 0);
    const records = fitting(fresh, tellBytesMax);
    const change = { view, request: state.request, news: tells(before, state), records };
    this.started(tell.tell.executeWithOptions({ summary: `tell ${view.state}` }, [change]));
    let rest = fresh.slice(records.length);
    while (rest.length > 0) {
      const page = pageOf(rest, publishBytesMax);
      rest = rest.slice(page.length);
      this.started(tell.publish.executeWithOptions({ summary: 'publish records' }, [{ records: page }]));
    }
  }

  private started(telling: Promise<void>): void {
    this.pending += 1;
    void telling
      .catch(() => {
        // A day of attempts has failed. The record stays in this history, and the grant must not hang on mail.
      })
      .finally(() => (this.pending -= 1));
  }
}

function isBeingOpened({ phase, approval }: State): boolean {
  return phase === 'REQUESTED' || (approval !== undefined && !approval.opening);
}

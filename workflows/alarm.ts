/** One timer at a time, kept while its instant stays, so that waking up for other things costs no events. */
import { CancellationScope, isCancellation, sleep } from '@temporalio/workflow';
import type { Instant } from './domain/time.js';

interface Ring {
  at: Instant;
  /** Shown beside the timer in the Temporal UI. */
  summary: string;
}

export class Alarm {
  private running: { ring: Ring; scope: CancellationScope; struck: boolean } | undefined;

  get hasStruck(): boolean {
    return this.running?.struck ?? false;
  }

  /** Rings at `ring.at`; at once when that is past; never when undefined. */
  set(ring: Ring | undefined): void {
    const { running } = this;
    if (running && !running.struck && running.ring.at === ring?.at) return;
    if (running && !running.struck) running.scope.cancel();
    this.running = ring && this.started(ring);
  }

  private started(ring: Ring): NonNullable<Alarm['running']> {
    const scope = new CancellationScope({ cancellable: true });
    const running = { ring, scope, struck: false };
    const ms = Math.max(1, ring.at - Date.now());
    void scope
      .run(() => sleep(ms, { summary: ring.summary }))
      .then(() => (running.struck = true))
      .catch((error: unknown) => {
        // Cancelled by `set`: another instant counts now.
        if (!isCancellation(error)) throw error;
      });
    return running;
  }
}

/** When this machine had no time for anybody: how late a timer of our own was, which no promise of ours can answer for. */
import type { Instant, Ms } from '../../../workflows/domain/time.js';

const everyMs = 50;
/** Less is what timers are late anyway. */
const leastMs = 50;

export class Stalls {
  private readonly seen: { at: Instant; ms: Ms }[] = [];
  private readonly timer: NodeJS.Timeout;

  constructor() {
    let due = Date.now() + everyMs;
    this.timer = setInterval(() => {
      const now = Date.now();
      if (now - due > leastMs) this.seen.push({ at: now, ms: now - due });
      due = now + everyMs;
    }, everyMs);
  }

  /** In all, between these. */
  between(from: Instant, to: Instant): Ms {
    return this.seen.reduce((sum, { at, ms }) => (at > from && at - ms < to ? sum + ms : sum), 0);
  }

  get longest(): Ms {
    return Math.max(0, ...this.seen.map(({ ms }) => ms));
  }

  stop(): void {
    clearInterval(this.timer);
  }
}

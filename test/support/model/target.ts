/** A target as a connector leaves it: one account at most, and a tombstone after which nothing is made. It does what it is told, late or twice. */
import type { Provisioned, Removal } from '../../../workflows/domain/target.js';
import type { Instant, Ms } from '../../../workflows/domain/time.js';
import { gone, provisioned } from '../histories.js';

export class ModelTarget {
  stands = false;
  tombstone = false;
  /** How often something was made where nothing stood. */
  made = 0;
  private endsAt: Instant = 0;

  /** Undefined: refused, because of the tombstone. A repeat finds its own work, with the end that it had. */
  provision(durationMs: Ms, now: Instant): Provisioned | undefined {
    if (this.tombstone) return undefined;
    if (!this.stands) {
      this.stands = true;
      this.made += 1;
      this.endsAt = now + durationMs;
    }
    return provisioned({ endsAt: this.endsAt }).provisioned;
  }

  setEnd(endsAt: Instant): Provisioned | undefined {
    if (!this.stands) return undefined;
    this.endsAt = endsAt;
    return provisioned({ endsAt }).provisioned;
  }

  remove(now: Instant): Removal {
    const wasPresent = this.stands;
    this.tombstone = true;
    this.stands = false;
    return gone({ wasPresent, removedAt: now, verifiedAt: now }).removal;
  }
}

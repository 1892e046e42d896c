/** Looks at the target itself, as its superuser: which accounts of grants stand, since when, and when they were gone. */
import { setTimeout as pause } from 'node:timers/promises';
import { accountOf, type System } from '../support/system.js';

export class TargetWatch {
  /** Instants (of `Date.now`) by grant. */
  readonly came = new Map<string, number>();
  readonly went = new Map<string, number>();
  private readonly system: System;
  private readonly waiting = new Map<string, { want: boolean; resolve: (at: number) => void }>();
  private readonly stopped = new AbortController();
  private standing = new Set<string>();
  private readonly looking: Promise<void>;

  /** `everyMs` is how far off an instant may be. */
  constructor(system: System, everyMs: number) {
    this.system = system;
    this.looking = this.look(everyMs);
  }

  /** Resolves once the account stands, with the instant. */
  usable(grantId: string): Promise<number> {
    return this.wait(grantId, true, this.came);
  }

  /** Resolves once the account that stood is gone. */
  gone(grantId: string): Promise<number> {
    return this.wait(grantId, false, this.went);
  }

  async stop(): Promise<void> {
    this.stopped.abort();
    await this.looking;
  }

  private async wait(grantId: string, want: boolean, times: Map<string, number>): Promise<number> {
    return times.get(grantId) ?? new Promise((resolve) => this.waiting.set(accountOf(grantId), { want, resolve }));
  }

  private async look(everyMs: number): Promise<void> {
    const prefix = accountOf('');
    while (!this.stopped.signal.aborted) {
      // While the target is away nothing of it can be seen, and nothing is noted.
      const roles = await this.system.roles().catch(() => undefined);
      if (roles)
        this.note(
          new Set(roles.filter(({ mayLogIn }) => mayLogIn).map(({ name }) => name)),
          new Set(roles.map(({ name }) => name)),
          prefix,
        );
      await pause(everyMs, undefined, { signal: this.stopped.signal }).catch(() => undefined);
    }
  }

  private note(usable: Set<string>, present: Set<string>, prefix: string): void {
    const now = Date.now();
    for (const name of usable) if (!this.standing.has(name)) this.tell(name, true, now, this.came, prefix);
    for (const name of this.standing) if (!present.has(name)) this.tell(name, false, now, this.went, prefix);
    this.standing = new Set([...[...this.standing].filter((name) => present.has(name)), ...usable]);
  }

  private tell(name: string, stands: boolean, now: number, times: Map<string, number>, prefix: string): void {
    times.set(name.slice(prefix.length), now);
    const waiting = this.waiting.get(name);
    if (waiting?.want !== stands) return;
    this.waiting.delete(name);
    waiting.resolve(now);
  }
}

/** Looks at the target itself, as its superuser, for the accounts that somebody waits for: whether each stands yet, or is gone. */
import { setTimeout as pause } from 'node:timers/promises';
import { accountOf, type System } from '../support/system.js';

interface Wait {
  /** To stand and be let in, or to be gone. */
  want: 'usable' | 'gone';
  resolve: (at: number) => void;
}

export class TargetWatch {
  private readonly system: System;
  /** By account, one each: asked by name, so that a look costs the same however many stand. */
  private readonly waits = new Map<string, Wait>();
  private readonly stopped = new AbortController();
  private readonly looking: Promise<void>;

  /** `everyMs` is how far off an instant may be. */
  constructor(system: System, everyMs: number) {
    this.system = system;
    this.looking = this.look(everyMs);
  }

  /** Resolves once the account stands, with the instant. */
  usable(grantId: string): Promise<number> {
    return this.wait(grantId, 'usable');
  }

  /** Resolves once the account is gone. Ask while it stands. */
  gone(grantId: string): Promise<number> {
    return this.wait(grantId, 'gone');
  }

  async stop(): Promise<void> {
    this.stopped.abort();
    await this.looking;
  }

  private wait(grantId: string, want: Wait['want']): Promise<number> {
    return new Promise((resolve) => this.waits.set(accountOf(grantId), { want, resolve }));
  }

  private async look(everyMs: number): Promise<void> {
    while (!this.stopped.signal.aborted) {
      await pause(everyMs, undefined, { signal: this.stopped.signal }).catch(() => undefined);
      const asked = [...this.waits];
      if (asked.length === 0) continue;
      // While the target is away nothing of it can be seen, and nothing is noted.
      const usable = await this.roles(asked.map(([name]) => name)).catch(() => undefined);
      if (usable) this.note(asked, usable);
    }
  }

  /** Those that stand, and whether each is let in. */
  private async roles(names: string[]): Promise<Map<string, boolean>> {
    const { rows } = await this.system.superuser.query<{ name: string; in: boolean }>(
      'SELECT rolname AS name, rolcanlogin AS in FROM pg_roles WHERE rolname = ANY ($1)',
      [names],
    );
    return new Map(rows.map((row) => [row.name, row.in]));
  }

  /** A wait that came since is for the next look. */
  private note(asked: [name: string, wait: Wait][], usable: Map<string, boolean>): void {
    const now = Date.now();
    for (const [name, wait] of asked) {
      const isSo = wait.want === 'usable' ? usable.get(name) === true : !usable.has(name);
      if (!isSo || this.waits.get(name) !== wait) continue;
      this.waits.delete(name);
      wait.resolve(now);
    }
  }
}

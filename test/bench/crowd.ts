/** Many people at once: asking, and ending what was asked for, as fast as the API lets them. */
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { ApiProblem } from '../../api/client/client.js';
import { inParallel } from '../support/in-parallel.js';
import type { Accepted } from '../support/invariants.js';
import { isTerminal } from '../../workflows/domain/states.js';
import type { Bench } from './bench.js';
import type { TargetWatch } from './target-watch.js';

export class Crowd {
  /** How often the API asked somebody to come back later: its own limits per minute, kept. */
  sentAway = 0;
  /** How often Temporal was too busy to say in time that it took something: the same was sent again, as the API asks for. */
  sentAgain = 0;
  /** How many did not pass by themselves, because the connector was too busy to say within 3 s that it allows it. */
  approvedByHand = 0;
  /** What the API took, as those who asked were told. Where dozens end at once, removals start later than the 2 s of one. */
  readonly accepted: Accepted = { grants: [], decisions: [], removalStartsWithinMs: 10_000 };
  private readonly bench: Bench;
  private asked = 0;
  private ended = 0;

  constructor(bench: Bench) {
    this.bench = bench;
  }

  /** Signs everyone in, so that no figure has it in. */
  async signIn(): Promise<void> {
    const { engineers, securityPeople, system, manager } = this.bench;
    await inParallel(
      [...engineers, ...securityPeople, manager],
      8,
      async (account) => void (await system.token(account)),
    );
  }

  /** A grant that passes by itself. */
  async ask(seconds: number): Promise<string> {
    const { engineers, system } = this.bench;
    const account = turn(engineers, this.asked++);
    // One key, so that what is sent again is the same request.
    const key = randomUUID();
    const wish = {
      entitlement: 'orders-db/read',
      justification: 'Measure how much everything bears.',
      requestedDuration: `PT${seconds}S`,
    };
    const { grantId } = await this.patiently(() => system.as(account).ask(wish, key));
    this.accepted.grants.push({ grantId, by: `person:${account}` });
    return grantId;
  }

  /** A grant that is usable. */
  async make(watch: TargetWatch, seconds: number): Promise<string> {
    const grantId = await this.ask(seconds);
    const there = new AbortController();
    const helping = this.help(grantId, there.signal);
    await Promise.race([watch.usable(grantId), helping]);
    there.abort();
    await helping;
    return grantId;
  }

  /** What the crowd was told of its waits, for a note. */
  get waits(): string {
    return `The API sent somebody away for its own limits ${this.sentAway} times, and asked ${this.sentAgain} times to send the same again, because Temporal did not answer in time; ${this.approvedByHand} grants needed a person, because the connector did not say within 3 s that its ceiling lets them pass.`;
  }

  /** The manager approves what does not pass by itself. */
  private async help(grantId: string, there: AbortSignal): Promise<void> {
    const { system, manager, security } = this.bench;
    for (;;) {
      await pause(5_000, undefined, { signal: there }).catch(() => undefined);
      if (there.aborted) return;
      const { state, ending } = await system.as(security).see(grantId);
      if (isTerminal(state)) throw new Error(`${grantId} is ${state}: ${ending?.reason ?? 'no reason'}`);
      if (state !== 'APPROVAL_AWAITED') continue;
      const decisionId = randomUUID();
      await system.as(manager).approve(grantId, { decisionId });
      this.approvedByHand += 1;
      const by = `person:${manager}`;
      this.accepted.decisions.push({ grantId, decisionId, action: 'approve', by, status: 200 });
    }
  }

  async revoke(grantId: string): Promise<void> {
    const { securityPeople, system } = this.bench;
    const account = turn(securityPeople, this.ended++);
    const decisionId = randomUUID();
    const answer = await this.patiently(() => system.as(account).revoke(grantId, { decisionId, reason: 'Measured.' }));
    const status = 'recorded' in answer ? 202 : 200;
    this.accepted.decisions.push({ grantId, decisionId, action: 'revoke', by: `person:${account}`, status });
  }

  /** What the API has no room for in this minute, or cannot be sure of, is asked again, as it says. */
  private async patiently<T>(call: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await call();
      } catch (error) {
        if (!(error instanceof ApiProblem)) throw error;
        const { type } = error.problem;
        if (type === 'rate-limited') this.sentAway += 1;
        else if (type === 'temporal-unavailable') this.sentAgain += 1;
        else throw error;
        await pause(1_000);
      }
    }
  }
}

function turn(accounts: readonly string[], number: number): string {
  return accounts[number % accounts.length] ?? '';
}

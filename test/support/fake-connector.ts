/** A connector that answers as told and keeps what it was asked, for what stands around every connector. */
import {
  TargetError,
  type Connector,
  type Order as CheckedOrder,
  type Page,
  type Provision,
  type Removed,
} from '../../activities/connectors/connector.js';
import type { StandingAccount } from '../../activities/contract.js';
import { pageOf } from './memory-target.js';

/** By the clock of this target. */
export const now = 1_800_000_000_000;

export class FakeConnector implements Connector<string> {
  readonly can = { endsLiveSessions: 'yes', movesEnd: true, reportsUse: false, perSecond: 10 } as const;
  targetNow = now;
  fails: Error | undefined;
  made: CheckedOrder<string>[] = [];
  standing: StandingAccount[] = [];
  signals: AbortSignal[] = [];

  parsePrivilege(value: unknown): string {
    return String(value);
  }
  async check(): Promise<void> {}
  async now(): Promise<number> {
    return this.targetNow;
  }
  async provision(order: CheckedOrder<string>, signal: AbortSignal): Promise<Provision> {
    this.called(signal);
    this.made.push(order);
    const credential = {
      kind: 'postgres',
      host: 'h',
      port: 1,
      database: 'd',
      username: 'u',
      password: 'hunter2',
    } as const;
    return { ...this.account(order), credential };
  }
  async renew(order: CheckedOrder<string>, signal: AbortSignal): Promise<Provision> {
    return this.provision(order, signal);
  }
  async setEnd(order: CheckedOrder<string>, signal: AbortSignal): Promise<StandingAccount> {
    this.called(signal);
    return this.account(order);
  }
  async shorten(id: string, endsAt: number, signal: AbortSignal): Promise<StandingAccount> {
    this.called(signal);
    const [order] = this.made;
    if (!order) throw new TargetError('refused', 'target-refused', 'It is not there.');
    const found = this.account(order);
    return { ...found, grantId: id, endsAt: Math.min(found.endsAt, endsAt) };
  }
  remarks: string[] = [];

  async remove(id: string, signal: AbortSignal): Promise<Removed> {
    this.called(signal);
    const at = { removedAt: now, verifiedAt: now };
    return {
      grantId: id,
      account: 'a',
      ...at,
      wasPresent: false,
      sessionsEnded: 0,
      targetIdentity: '1',
      remarks: this.remarks,
    };
  }
  async list(signal: AbortSignal, page?: Page): Promise<StandingAccount[]> {
    this.called(signal);
    return pageOf(this.standing, page);
  }
  async close(): Promise<void> {}

  private called(signal: AbortSignal): void {
    this.signals.push(signal);
    if (this.fails) throw this.fails;
  }
  private account(order: CheckedOrder<string>): StandingAccount {
    const endsAt = now + order.durationMs;
    return {
      grantId: order.grantId,
      account: 'daypass_x',
      endsAt,
      evidenceDigest: order.evidenceDigest,
      targetIdentity: '1',
      signedBy: order.signedBy,
    };
  }
}

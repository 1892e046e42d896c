/** What the outside world answers to one grant in a workflow test: a target in memory on the grant's own clock. */
import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { Changes, Judges, Reads, Tells, Undos, Change } from '../../activities/contract.js';
import type { ReceiptKey } from '../../workflows/domain/receipt.js';
import type { AuditRecord } from '../../workflows/domain/record.js';
import type { Rule, Step } from '../../workflows/domain/rule.js';
import type { Provisioned, Removal } from '../../workflows/domain/target.js';
import type { Instant, Ms } from '../../workflows/domain/time.js';
import { receiptSigner } from './receipts.js';
import { installation } from './statements.js';

export type Activities = Omit<Reads & Judges & Changes & Undos & Tells, 'list'>;

/** Of the scripted target; grants are told to believe its key. */
export const receipts = receiptSigner(installation, 'orders-db');

/** An activity that never answers; it ends with its worker. */
export const silence = (): Promise<never> => Context.current().cancelled;

export const hour: Ms = 3_600_000;

export function step(approvers: string[], more: Partial<Step> = {}): Step {
  return {
    name: 'approval',
    approvers,
    needed: 1,
    escalateTo: [],
    fallback: [],
    expireAfterMs: 24 * hour,
    clock: 'always',
    ...more,
  };
}

export function rule(more: Partial<Rule> = {}): Rule {
  return {
    entitlement: 'orders-db/read',
    title: 'Read the orders database',
    target: 'orders-db',
    sensitivity: 'medium',
    maximumMs: 8 * hour,
    automatic: false,
    flow: { name: 'light', steps: [step(['person:manager'])] },
    extension: { automaticUpToMs: 2 * hour, byApproval: true },
    policyVersion: 'p1',
    ...more,
  };
}

/** Evidence of the scripted judge: what it will find. */
export interface ScriptedEvidence {
  by: string;
  human?: string;
  durationMs?: Ms;
  totalMs?: Ms;
  standing?: string[];
  verdict?: 'justified' | 'not-justified';
  refuse?: 'own-request' | 'not-an-approver' | 'bad-evidence';
}

export class Script implements Activities {
  rule: Rule;
  /** How far the grant's clock is ahead of ours. */
  aheadMs: Ms = 0;
  readonly calls: string[] = [];
  readonly told: Change[] = [];
  readonly published: AuditRecord[] = [];
  /** All evidence that was asked about, whether it still counts. */
  readonly checked: string[] = [];
  /** Whose receipts the decisions side has pinned. */
  receiptKeys: ReceiptKey[] = [receipts.key];
  /** Stands at the target now. */
  standing = false;
  /** The target's own account of it, on the grant's clock. */
  line: { madeAt?: Instant; overAt?: Instant; removedAt?: Instant } = {};
  private readonly overrides: Partial<Activities>;

  constructor(more: { rule?: Rule } & Partial<Activities> = {}) {
    const { rule: given, ...overrides } = more;
    this.rule = given ?? rule();
    this.overrides = overrides;
  }

  get tombstone(): boolean {
    return this.line.overAt !== undefined;
  }

  now(): Instant {
    return Date.now() + this.aheadMs;
  }

  /** Runs the override when there is one; it may call back into the script. */
  async call<Name extends keyof Activities>(name: Name, input: Parameters<Activities[Name]>[0]): Promise<unknown> {
    this.calls.push(name);
    const override = this.overrides[name] as ((input: unknown) => Promise<unknown>) | undefined;
    return override ? override(input) : (this[name] as (input: unknown) => Promise<unknown>)(input);
  }

  /** Comes with its first step opened, as the real one does; a script with an `openStep` of its own is asked for it. */
  assess: Activities['assess'] = async ({ request }) => {
    const risk = { score: 20, band: 'elevated' as const, factors: [], missing: [] };
    const barred = ['person:engineer'];
    const { receiptKeys } = this;
    const found = { verdict: 'pass', rule: this.rule, risk, barred, receiptKeys } as const;
    const [first] = this.rule.flow.steps;
    if (!first || this.overrides.openStep) return found;
    return {
      ...found,
      opening: await this.openStep({ step: first, request, barred, escalated: false, openedAt: this.now() }),
    };
  };

  openStep: Activities['openStep'] = async ({ step: asked, escalated, openedAt }) => ({
    selectors: escalated ? [...asked.approvers, ...asked.escalateTo] : asked.approvers,
    usedFallback: false,
    ...(asked.remindAfterMs === undefined ? {} : { remindAt: openedAt + asked.remindAfterMs }),
    ...(asked.escalateAfterMs === undefined ? {} : { escalateAt: openedAt + asked.escalateAfterMs }),
    expireAt: openedAt + asked.expireAfterMs,
  });

  stillEligible: Activities['stillEligible'] = async ({ evidence }) => {
    this.checked.push(...evidence);
    return this.eligible();
  };

  judge: Activities['judge'] = async ({ evidence, votes }) => {
    const { by, human = by, refuse, standing = votes ?? [], ...rest } = JSON.parse(evidence) as ScriptedEvidence;
    if (refuse) return { ok: false, by, code: refuse, because: 'scripted' };
    return { ok: true, by, name: by, human, standing, ...rest };
  };

  ceiling: Activities['ceiling'] = async () => ({
    allows: true,
    automatic: true,
    leastApprovals: 0,
    attested: false,
  });

  provision: Activities['provision'] = async ({ grantId }) => {
    if (this.tombstone) throw ApplicationFailure.nonRetryable('It is over here.', 'tombstone');
    this.standing = true;
    this.line = { madeAt: this.now(), ...this.line };
    return this.account(grantId, this.now() + this.rule.maximumMs / 8);
  };

  setEnd: Activities['setEnd'] = async ({ grantId }) => {
    const { sealedCredential: _, ...made } = this.account(grantId, this.now() + this.rule.maximumMs / 2);
    return receipts.made(grantId, made, 'end-moved');
  };

  renew: Activities['renew'] = async ({ grantId }) =>
    receipts.made(grantId, { ...this.account(grantId, this.now()), sealedCredential: 'sealed anew' }, 'renewed');

  remove: Activities['remove'] = async ({ grantId }) => {
    const wasPresent = this.standing;
    const now = this.now();
    this.line = { overAt: now, ...(wasPresent && { removedAt: now }), ...this.line };
    this.standing = false;
    return this.removal(grantId, { wasPresent });
  };

  tell: Activities['tell'] = async (change) => void this.told.push(change);

  publish: Activities['publish'] = async ({ records }) => void this.published.push(...records);

  eligible(eligible = true, because = 'eligible') {
    return { eligible, because, receiptKeys: this.receiptKeys };
  }

  /** What stands, with its receipt. */
  account(grantId: string, endsAt: Instant, more: Partial<Provisioned> = {}): Provisioned {
    const made = { account: `daypass_${grantId}`, endsAt, evidenceDigest: 'e', targetIdentity: 'system-1' };
    return receipts.made(grantId, { ...made, sealedCredential: 'sealed', ...more });
  }

  /** That nothing stands, with its receipt. */
  removal(grantId: string, more: Partial<Removal> = {}): Removal {
    const at = this.now();
    return receipts.removed({
      grantId,
      account: `daypass_${grantId}`,
      removedAt: at,
      verifiedAt: at,
      wasPresent: false,
      sessionsEnded: 0,
      targetIdentity: 'system-1',
      remarks: [],
      ...more,
    });
  }
}

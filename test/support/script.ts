/** What the outside world answers to one grant in a workflow test: a target in memory on the grant's own clock. */
import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { Changes, Judges, Reads, Tells, Undos, Change } from '../../activities/contract.js';
import type { Rule, Step } from '../../workflows/domain/rule.js';
import type { Instant, Ms } from '../../workflows/domain/time.js';

export type Activities = Omit<Reads & Judges & Changes & Undos & Tells, 'list'>;

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
  refuse?: 'own-request' | 'not-an-approver' | 'bad-evidence';
}

export class Script implements Activities {
  rule: Rule;
  /** How far the grant's clock is ahead of ours. */
  aheadMs: Ms = 0;
  readonly calls: string[] = [];
  readonly told: Change[] = [];
  /** Stands at the target now. */
  standing = false;
  tombstone = false;
  private readonly overrides: Partial<Activities>;

  constructor(more: { rule?: Rule } & Partial<Activities> = {}) {
    const { rule: given, ...overrides } = more;
    this.rule = given ?? rule();
    this.overrides = overrides;
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
    const found = { verdict: 'pass', rule: this.rule, risk, barred } as const;
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

  stillEligible: Activities['stillEligible'] = async () => ({ eligible: true, because: 'eligible' });

  judge: Activities['judge'] = async ({ evidence, votes }) => {
    const { by, human = by, refuse, standing = votes ?? [], ...rest } = JSON.parse(evidence) as ScriptedEvidence;
    if (refuse) return { ok: false, by, code: refuse, because: 'scripted' };
    return { ok: true, by, name: by, human, standing, ...rest };
  };

  ceiling: Activities['ceiling'] = async () => ({ allows: true, automatic: true, leastApprovals: 0 });

  provision: Activities['provision'] = async ({ grantId }) => {
    if (this.tombstone) throw ApplicationFailure.nonRetryable('It is over here.', 'tombstone');
    this.standing = true;
    return this.account(grantId, this.now() + this.rule.maximumMs / 8);
  };

  setEnd: Activities['setEnd'] = async ({ grantId }) => this.account(grantId, this.now() + this.rule.maximumMs / 2);

  remove: Activities['remove'] = async ({ grantId }) => {
    const wasPresent = this.standing;
    this.tombstone = true;
    this.standing = false;
    const at = this.now();
    return {
      grantId,
      account: `daypass_${grantId}`,
      removedAt: at,
      verifiedAt: at,
      wasPresent,
      sessionsEnded: 0,
      targetIdentity: 'system-1',
      remarks: [],
    };
  };

  tell: Activities['tell'] = async (change) => void this.told.push(change);

  account(grantId: string, endsAt: Instant) {
    const sealedCredential = 'sealed';
    return { account: `daypass_${grantId}`, endsAt, evidenceDigest: 'e', sealedCredential, targetIdentity: 'system-1' };
  }
}

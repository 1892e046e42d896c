/**
 * What workflows may have done at one target. Evidence is checked here, around every connector, so that none can forget it;
 * a credential is sealed before it leaves. Removing and listing need no evidence: they only narrow.
 */
import { ApplicationFailure, Context } from '@temporalio/activity';
import { Counter } from 'prom-client';
import { RateLimiterMemory, RateLimiterQueue } from 'rate-limiter-flexible';
import type { Ref } from '../workflows/domain/actor.js';
import type { Instant, Ms } from '../workflows/domain/time.js';
import { isGrantId } from '../workflows/ids.js';
import { answer } from './ceiling.js';
import { TargetError, type Connector, type Credential } from './connectors/connector.js';
import { checkOrder, type Believed } from './connectors/evidence.js';
import type { Changes, Order, Provisioned, StandingAccount, Undos } from './contract.js';
import { abortsWithin } from './platform/deadline.js';
import { sealCredential } from './platform/jwe.js';
import type { Log } from './platform/log.js';

export interface AccountDeps<Privilege> {
  believed: Believed<Privilege>;
  connector: Connector<Privilege>;
  /** Its share of what the target bears. */
  perSecond: number;
  log: Log;
  clock?: () => Instant;
  /** The activity's own, unless a test says otherwise. */
  attempt?: () => Attempt;
}

export interface Attempt {
  /** From 1. */
  number: number;
  /** Aborts before Temporal gives the attempt up, so that nothing of it is still under way when the next one starts. */
  signal: AbortSignal;
}

const remarksMax = 50;
const remarkMax = 300;
/** Each answer of `list` is at most this long. */
const pageMax = 100;

const calls = new Counter({
  name: 'daypass_target_calls_total',
  help: 'Calls of a target, by what came of them.',
  labelNames: ['target', 'call', 'outcome'],
});

export function createAccounts<Privilege>(deps: AccountDeps<Privilege>): Changes & Undos {
  const { believed, connector, log, clock = Date.now, attempt = attemptOfActivity } = deps;
  const { target, ceilings } = believed;
  const pace = new RateLimiterQueue(new RateLimiterMemory({ points: deps.perSecond, duration: 1 }));

  async function checked(order: Order, purpose: 'provision' | 'setEnd', { number, signal }: Attempt) {
    const skewMs = (): Promise<Ms> => skewOf(connector, clock, signal);
    return checkOrder(order, purpose, { now: clock(), skewMs, attempt: number }, believed);
  }

  /** One call: paced, bounded, counted, logged once, and its failure told in a way that the workflow can act upon. */
  async function call<T>(name: keyof (Changes & Undos), work: (attempt: Attempt) => Promise<T>): Promise<T> {
    try {
      const at = attempt();
      await pace.removeTokens(1);
      const done = await work(at);
      calls.inc({ target, call: name, outcome: 'done' });
      return done;
    } catch (error) {
      const failure = asTargetError(error);
      calls.inc({ target, call: name, outcome: failure.outcome });
      log.warn({ err: error, target, call: name, outcome: failure.outcome, code: failure.code }, 'target call failed');
      throw ApplicationFailure.create({
        message: failure.message,
        type: failure.code,
        // Removal never gives up: what looks final to a target today may not tomorrow.
        nonRetryable: failure.outcome === 'refused' && name !== 'remove' && name !== 'list',
      });
    }
  }

  return {
    async ceiling({ entitlement, durationMs }) {
      return answer(ceilings, entitlement, durationMs);
    },

    provision: (order) =>
      call('provision', async (at) => {
        const allowed = await checked(order, 'provision', at);
        const { credential, ...made } = await connector.provision(allowed, at.signal);
        const { grantId, subject, evidenceDigest, automaticPerHour } = allowed;
        const automatic = automaticPerHour !== undefined;
        log.info(
          { target, grantId, account: made.account, endsAt: made.endsAt, evidenceDigest, automatic },
          'provisioned',
        );
        return provisioned(made, credential && (await sealed(credential, { grantId, subject }, allowed.recipientKey)));
      }),

    setEnd: (order) =>
      call('setEnd', async (at) => {
        if (!connector.setEnd) {
          throw new TargetError('refused', 'target-refused', `${target} cannot move the end of what stands.`);
        }
        const allowed = await checked(order, 'setEnd', at);
        const moved = await connector.setEnd(allowed, at.signal);
        log.info({ target, grantId: allowed.grantId, account: moved.account, endsAt: moved.endsAt }, 'end moved');
        return provisioned(moved);
      }),

    remove: (ref) =>
      call('remove', async (at) => {
        refuseStrangeTarget(ref.target, target);
        // The names at a target derive from it.
        if (!isGrantId(ref.grantId))
          throw new TargetError('refused', 'target-refused', 'This is not the id of a grant.');
        const removal = await connector.remove(ref.grantId, at.signal);
        log.info({ target, ...removal }, 'removed');
        return { ...removal, remarks: bounded(removal.remarks) };
      }),

    list: (input) =>
      call('list', async (at) => {
        refuseStrangeTarget(input.target, target);
        const { after = '' } = input;
        const standing = await connector.list(at.signal);
        return standing
          .filter((it) => it.grantId > after)
          .sort((one, other) => (one.grantId < other.grantId ? -1 : 1))
          .slice(0, pageMax);
      }),
  };
}

/** A user can leave a thousand things behind; an answer that outgrew Temporal's payloads would never prove the removal. */
function bounded(remarks: string[]): string[] {
  if (remarks.length <= remarksMax) return remarks.map((remark) => remark.slice(0, remarkMax));
  const more = `${remarks.length - remarksMax + 1} more, in the log of the connector.`;
  return [...bounded(remarks.slice(0, remarksMax - 1)), more];
}

/** Field by field, so that nothing more than this ever leaves the process. */
function provisioned(made: StandingAccount, sealedCredential?: string): Provisioned {
  const { account, endsAt, evidenceDigest, targetIdentity } = made;
  return { account, endsAt, evidenceDigest, targetIdentity, ...(sealedCredential ? { sealedCredential } : {}) };
}

/** Zero where the target's instant lies between our two readings around it, so that a slow answer is no skew. */
async function skewOf(connector: Connector, clock: () => Instant, signal: AbortSignal): Promise<Ms> {
  const before = clock();
  const theirs = await connector.now(signal);
  const after = clock();
  return Math.max(before - theirs, theirs - after, 0);
}

function sealed(
  credential: Credential,
  owner: { grantId: string; subject: Ref },
  key: Parameters<typeof sealCredential>[1],
): Promise<string> {
  return sealCredential({ ...credential, ...owner }, key);
}

function refuseStrangeTarget(named: string, served: string): void {
  if (named !== served)
    throw new TargetError('refused', 'target-refused', 'This connector does not serve that target.');
}

/** What a connector did not translate may have worked, and may say things that are for the log alone. */
function asTargetError(error: unknown): TargetError {
  if (error instanceof TargetError) return error;
  return new TargetError('unknown', 'target-unavailable', 'The connector failed; its log says how.', { cause: error });
}

function attemptOfActivity(): Attempt {
  const { info, cancellationSignal } = Context.current();
  const withinMs = Math.floor(info.startToCloseTimeoutMs * 0.8);
  return { number: info.attempt, signal: abortsWithin(withinMs, cancellationSignal) };
}

/**
 * What workflows may have done at one target. Evidence is checked here, around every connector, so that none can forget it;
 * a credential is sealed before it leaves, and a receipt says what was done. Removing, listing and an earlier end need no
 * evidence: they only narrow.
 */
import { createHash } from 'node:crypto';
import { ApplicationFailure, Context } from '@temporalio/activity';
import { Counter } from 'prom-client';
import type { Instant, Ms } from '../workflows/domain/time.js';
import { isGrantId } from '../workflows/ids.js';
import { answer } from './ceiling.js';
import { removalEntry, type Book } from './connectors/book.js';
import { TargetError, type Connector, type Credential, type Order as CheckedOrder } from './connectors/connector.js';
import { checkOrder, type Believed } from './connectors/evidence.js';
import type { Turn } from './connectors/pace.js';
import { readTargetClock } from './connectors/target-clock.js';
import { digest } from '../workflows/domain/digest.js';
import type { StandingReceipt } from '../workflows/domain/receipt.js';
import type { AccountRef, Changes, Earlier, Order, Provisioned, StandingAccount, Undos } from './contract.js';
import { abortsWithin } from './platform/deadline.js';
import { sealCredential } from './platform/jwe.js';
import type { Log } from './platform/log.js';

export interface AccountDeps<Privilege> {
  believed: Believed<Privilege>;
  connector: Connector<Privilege>;
  /** Holds a receipt of everything that is done. */
  book: Book;
  /** Holds each call back until the target bears one more. */
  pace: Turn;
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

/** A removal that meets a target which moves just then goes through with the next of these. */
const quickTries = 5;
const resistedMs: Ms = 15_000;
const remarksMax = 50;
const remarkMax = 300;
/** Each answer of `list` is at most this long. */
const pageMax = 100;

const calls = new Counter({
  name: 'daypass_target_calls_total',
  help: 'Calls of a target, by what came of them.',
  labelNames: ['target', 'call', 'outcome'],
});

const refusals = new Counter({
  name: 'daypass_orders_refused_total',
  help: 'Orders that the connector would not follow, by code. Each is an alarm: the decisions side checks the same before it orders.',
  labelNames: ['target', 'call', 'code'],
});

/** What makes something, or lets it stand: checked against evidence, and refused loudly. */
type OrderCall = 'provision' | 'setEnd' | 'renew';

export function createAccounts<Privilege>(deps: AccountDeps<Privilege>): Changes & Undos {
  const { believed, connector, book, pace, log, clock = Date.now, attempt = attemptOfActivity } = deps;
  const { target } = believed;

  /** Nothing is made that no book could tell of. */
  async function checked(order: Order, purpose: OrderCall, { number, signal }: Attempt) {
    const skewMs = async (): Promise<Ms> => Math.abs((await readTargetClock(connector, clock, signal)).skewMs);
    const allowed = await checkOrder(order, purpose, { now: clock(), skewMs, attempt: number }, believed);
    await book.ready();
    return allowed;
  }

  async function order<Answer>(
    name: OrderCall,
    given: Order,
    work: (order: CheckedOrder<Privilege>, at: Attempt) => Promise<Answer>,
  ): Promise<Answer> {
    return tellingOfRefusal(name, given, async (at) => work(await checked(given, name, at), at));
  }

  async function tellingOfRefusal<Answer>(
    name: OrderCall,
    given: Order | Earlier,
    work: (at: Attempt) => Promise<Answer>,
  ): Promise<Answer> {
    return call(name, async (at) => {
      try {
        return await work(at);
      } catch (error) {
        const { outcome, code, message } = asTargetError(error);
        if (outcome === 'refused') await refused(name, given, code, message);
        throw error;
      }
    });
  }

  /** Whoever reaches this queue can do it, and can do no more than make something end. */
  async function shortened(given: Earlier): Promise<Provisioned> {
    return tellingOfRefusal('setEnd', given, async (at) => {
      const { grantId, endsAt } = given;
      refuseStrange(given, target);
      if (!Number.isSafeInteger(endsAt) || endsAt < 0) {
        throw new TargetError('refused', 'target-refused', 'This is not an end that access could have.');
      }
      if (!connector.shorten) throw cannotMove(target);
      return movedTo(await connector.shorten(grantId, endsAt, at.signal));
    });
  }

  async function movedTo(moved: StandingAccount): Promise<Provisioned> {
    log.info({ target, grantId: moved.grantId, account: moved.account, endsAt: moved.endsAt }, 'end moved');
    return stands('end-moved', moved);
  }

  async function refused(
    name: OrderCall,
    given: Order | Earlier,
    code: TargetError['code'],
    because: string,
  ): Promise<void> {
    refusals.inc({ target, call: name, code });
    const grantId = clipped(given?.grantId, 64);
    log.error({ target, call: name, grantId, code, because }, 'an order was refused');
    await book.sign({ kind: 'refused', grantId, call: name, code, because: clipped(because, remarkMax) });
  }

  /** Field by field, so that nothing more than this ever leaves the process. */
  async function stands(
    kind: StandingReceipt['kind'],
    made: StandingAccount,
    sealedCredential?: string,
  ): Promise<Provisioned> {
    const { grantId, account, endsAt, evidenceDigest, targetIdentity } = made;
    const said = { account, endsAt, evidenceDigest, targetIdentity };
    if (sealedCredential === undefined) return { ...said, receipt: await book.sign({ kind, grantId, ...said }) };
    const credentialDigest = createHash('sha256').update(sealedCredential).digest('hex');
    return { ...said, sealedCredential, receipt: await book.sign({ kind, grantId, ...said, credentialDigest }) };
  }

  /** One call: paced, bounded, counted, logged once, and its failure told in a way that the workflow can act upon. */
  async function call<T>(name: keyof (Changes & Undos), work: (attempt: Attempt) => Promise<T>): Promise<T> {
    const at = attempt();
    try {
      await pace(at.signal);
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
        ...(name === 'remove' && resists(failure) && at.number > quickTries ? { nextRetryDelay: resistedMs } : {}),
      });
    }
  }

  return {
    async ceiling(question) {
      return answer(believed, question);
    },

    provision: (given) =>
      order('provision', given, async (allowed, at) => {
        const { credential, ...made } = await connector.provision(allowed, at.signal);
        const { grantId, evidenceDigest, automaticPerHour } = allowed;
        const automatic = automaticPerHour !== undefined;
        log.info(
          { target, grantId, account: made.account, endsAt: made.endsAt, evidenceDigest, automatic },
          'provisioned',
        );
        return stands('made', made, credential && (await sealed(credential, allowed)));
      }),

    renew: (given) =>
      order('renew', given, async (allowed, at) => {
        const { credential, ...standing } = await connector.renew(allowed, at.signal);
        log.info({ target, grantId: allowed.grantId, account: standing.account }, 'credential renewed');
        return stands('renewed', standing, credential && (await sealed(credential, allowed)));
      }),

    setEnd: (given) =>
      isEarlier(given)
        ? shortened(given)
        : order('setEnd', given, async (allowed, at) => {
            if (!connector.setEnd) throw cannotMove(target);
            return movedTo(await connector.setEnd(allowed, at.signal));
          }),

    remove: (ref) =>
      call('remove', async (at) => {
        refuseStrange(ref, target);
        const removal = await connector.remove(ref.grantId, at.signal);
        log.info({ target, ...removal }, 'removed');
        const receipt = await book.sign(removalEntry('removed', removal));
        return { ...removal, remarks: bounded(removal.remarks), receipt };
      }),

    list: (input) =>
      call('list', async (at) => {
        refuseStrangeTarget(input.target, target);
        const { after = '' } = input;
        const standing = await connector.list(at.signal, { after, most: pageMax });
        const page = { after, count: standing.length, standingDigest: digest({ standing }) };
        return { standing, receipt: await book.sign({ kind: 'listed', ...page }) };
      }),
  };
}

/** It answered, and another try alone will not help it: somebody has to. One that is away is asked again sooner. */
function resists({ code }: TargetError): boolean {
  return code !== 'target-unavailable';
}

/** What brings evidence along is an order, and is checked as one. */
function isEarlier(given: Order | Earlier): given is Earlier {
  // What could not be opened is neither.
  return typeof given === 'object' && given !== null && 'endsAt' in given && !('request' in given);
}

function cannotMove(target: string): TargetError {
  return new TargetError('refused', 'target-refused', `${target} cannot move the end of what stands.`);
}

/** A user can leave a thousand things behind; an answer that outgrew Temporal's payloads would never prove the removal. */
function bounded(remarks: string[]): string[] {
  if (remarks.length <= remarksMax) return remarks.map((remark) => remark.slice(0, remarkMax));
  const more = `${remarks.length - remarksMax + 1} more, in the log of the connector.`;
  return [...bounded(remarks.slice(0, remarksMax - 1)), more];
}

/** Anybody's text, for a record: one short line. */
function clipped(text: unknown, charactersMax: number): string {
  return String(text ?? '')
    .slice(0, charactersMax)
    .replaceAll(/\p{C}/gu, ' ');
}

function sealed(credential: Credential, { grantId, subject, recipientKey }: CheckedOrder<unknown>): Promise<string> {
  return sealCredential({ ...credential, grantId, subject }, recipientKey);
}

function refuseStrangeTarget(named: string, served: string): void {
  if (named !== served)
    throw new TargetError('refused', 'target-refused', 'This connector does not serve that target.');
}

function refuseStrange(ref: AccountRef, served: string): void {
  refuseStrangeTarget(ref.target, served);
  // The names at a target derive from it.
  if (!isGrantId(ref.grantId)) throw new TargetError('refused', 'target-refused', 'This is not the id of a grant.');
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

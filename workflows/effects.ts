/** Has others do what the state owes. Every effect ends as one event, also when it fails: nothing is swallowed. */
import { ActivityFailure, ApplicationFailure, TimeoutFailure, log, rootCause } from '@temporalio/workflow';
import type { Order } from '../activities/contract.js';
import { ceilingFrom, findingFrom, openingFrom, provisionedFrom, removalFrom } from './answers.js';
import { ask, change, read, undo, undoLater } from './calls.js';
import type { Event } from './domain/event.js';
import { failureCodes, type FailureCode } from './domain/failure.js';
import type { Effect } from './domain/owed.js';
import type { ReceiptKey } from './domain/receipt.js';
import type { Extension, State } from './domain/state.js';
import type { CeilingAnswer, Removal } from './domain/target.js';
import { plainText } from './domain/text.js';
import { stillEligible } from './eligibility.js';
import { removalClaim, standingClaim, unknownKey, whyUnproved, type Claim } from './receipts.js';

/** The receipt keys of the grant, which may change while an effect runs. */
export interface Pinned {
  current(): ReceiptKey[];
  learn(keys: ReceiptKey[]): void;
}

/** Runs one effect to its event. Never rejects: a grant that cannot take a turn could not be ended either. */
export async function run(effect: Effect, state: State, pinned: Pinned): Promise<Event> {
  try {
    return await outcome(effect, state, pinned);
  } catch (error) {
    return failed(effect, reasonOf(error));
  }
}

async function outcome(effect: Effect, state: State, pinned: Pinned): Promise<Event> {
  const { request, evidence } = state;
  const { target } = request;
  switch (effect.kind) {
    case 'assess': {
      const [finding, ceiling] = await Promise.all([
        read.assess.executeWithOptions({ summary: 'assess' }, [{ request, evidence }]),
        askCeiling(state),
      ]);
      return { type: 'assessed', finding: findingFrom(finding), ceiling };
    }
    case 'open-step': {
      const { about, index, step, escalated, openedAt } = effect;
      const input = { step, request, barred: state.barred, escalated, openedAt };
      const summary = `${escalated ? 'escalate' : 'open'} step ${index + 1}`;
      const opening = await read.openStep.executeWithOptions({ summary }, [input]);
      return { type: 'step-opened', about, step: index, escalated, opening: openingFrom(opening) };
    }
    case 'check-eligibility': {
      // Ours last: what an answer has more cannot pass for another event.
      const answer = await stillEligible(state, 'still eligible?');
      return { ...answer, type: 'eligibility', check: effect.check };
    }
    case 'provision': {
      const { provision } = change(target);
      const made = await provision.executeWithOptions({ summary: `provision at ${target}` }, [orderOf(state)]);
      const provisioned = provisionedFrom(made);
      await prove(standingClaim('made', provisioned, state), state, pinned);
      return { type: 'provisioned', provisioned };
    }
    case 'set-end': {
      const { setEnd } = change(target);
      const order = orderOf(state, { moved: effect.extension });
      const made = await setEnd.executeWithOptions({ summary: `move the end at ${target}` }, [order]);
      const moved = provisionedFrom(made);
      await prove(standingClaim('end-moved', moved, state), state, pinned);
      return { type: 'end-set', extension: effect.extension.decisionId, moved };
    }
    case 'renew': {
      const { renew } = change(target);
      const order = orderOf(state, { renewal: effect.renewal.evidence });
      const made = provisionedFrom(await renew.executeWithOptions({ summary: `renew at ${target}` }, [order]));
      await prove(standingClaim('renewed', made, state), state, pinned);
      return { type: 'renewed', renewal: effect.renewal.decisionId, made };
    }
    case 'remove': {
      const { remove } = undo(target);
      return { type: 'removed', removal: await removal(remove, state, pinned, `remove at ${target}`) };
    }
    case 'plant': {
      const { remove } = undoLater(target);
      const summary = `plant a tombstone at ${target}`;
      return { type: 'tombstone-planted', removal: await removal(remove, state, pinned, summary) };
    }
  }
}

/** Removing what never was plants the tombstone alone. */
async function removal(
  remove: ReturnType<typeof undo>['remove'],
  state: State,
  pinned: Pinned,
  summary: string,
): Promise<Removal> {
  const { request, provisioned } = state;
  const { grantId, target } = request;
  const answer = removalFrom(await remove.executeWithOptions({ summary }, [{ grantId, target }]));
  if (answer.grantId !== grantId) throw ApplicationFailure.nonRetryable('It proved nothing.', 'bad-receipt');
  if (provisioned && provisioned.targetIdentity !== answer.targetIdentity) {
    const because = 'Another system answered than the one that holds the account.';
    throw ApplicationFailure.nonRetryable(because, 'target-unavailable');
  }
  await prove(removalClaim(answer, state), state, pinned);
  return answer;
}

/** Throws unless the receipt proves the answer. One by an unknown key is looked at again with the keys that are pinned by now. */
async function prove(claim: Claim, state: State, pinned: Pinned): Promise<void> {
  let because = whyUnproved(claim, pinned.current());
  if (because === unknownKey) {
    const { receiptKeys } = await stillEligible(state, 'whose receipts count?');
    pinned.learn(receiptKeys);
    because = whyUnproved(claim, receiptKeys);
  }
  if (because !== undefined) throw ApplicationFailure.nonRetryable(because, 'bad-receipt');
}

/** How an effect that failed for good ends. */
function failed(effect: Effect, { code, because }: Reason): Event {
  switch (effect.kind) {
    case 'assess':
      return { type: 'assess-failed', because };
    case 'open-step':
      return { type: 'step-open-failed', about: effect.about, step: effect.index, because };
    case 'check-eligibility':
      return { type: 'eligibility', check: effect.check, because };
    case 'provision':
      return { type: 'provision-failed', code, because };
    case 'set-end':
      return { type: 'end-set-failed', extension: effect.extension.decisionId, code, because };
    case 'renew':
      return { type: 'renewal-failed', renewal: effect.renewal.decisionId, code, because };
    case 'remove':
      return { type: 'removal-failed', attempt: effect.attempt, code, because };
    case 'plant':
      return { type: 'tombstone-failed', attempt: effect.attempt, code, because };
  }
}

async function askCeiling({ request }: State): Promise<CeilingAnswer | 'silent'> {
  const { entitlement, requestedDurationMs, target, emergency = false } = request;
  const input = { entitlement, durationMs: requestedDurationMs, emergency };
  try {
    return ceilingFrom(
      await ask(target).ceiling.executeWithOptions({ summary: `ask the ceiling of ${target}` }, [input]),
    );
  } catch (error) {
    // Going on is safe: without an answer nothing passes automatically, and the connector checks again before it creates.
    log.warn('the ceiling gave no answer', { reason: reasonOf(error).code });
    return 'silent';
  }
}

/** Evidence is ASCII, so characters are bytes. The server takes payloads of about 64 kB. */
const orderBytesMax = 60_000;

function orderOf(state: State, { moved, renewal }: { moved?: Extension; renewal?: string } = {}): Order {
  const { request, evidence, approvals, extensions } = state;
  const { grantId, target, entitlement } = request;
  const all = moved ? [...extensions, moved] : extensions;
  const order: Order = {
    grantId,
    target,
    entitlement,
    request: evidence,
    approvals,
    extensions: all.map((extension) => ({ extension: extension.evidence, approvals: extension.approvals })),
    ...(renewal === undefined ? {} : { renewal }),
  };
  if (JSON.stringify(order).length <= orderBytesMax) return order;
  // A larger one could not be scheduled, and every later turn of the grant would fail with it, its end included.
  throw ApplicationFailure.nonRetryable('There are more signed decisions than a target can be sent.', 'too-large');
}

interface Reason {
  code: FailureCode;
  because: string;
}

/** Sentences of other machines are kept in the record: as long as a sentence is. */
const becauseMax = 300;

/** The code and the safe sentence of a failed effect. */
function reasonOf(error: unknown): Reason {
  if (!(error instanceof ActivityFailure) && !(error instanceof ApplicationFailure)) {
    log.error('an effect failed in a way that nobody thought of', { error: String(error) });
    return { code: 'internal', because: 'Something failed that should not have.' };
  }
  const cause = error instanceof ActivityFailure ? (error.cause ?? error) : error;
  if (cause instanceof ApplicationFailure)
    return { code: codeOf(cause.type), because: plainText(cause.message, becauseMax) };
  if (cause instanceof TimeoutFailure) return { code: 'target-unavailable', because: 'No answer came in time.' };
  return { code: 'target-unavailable', because: plainText(rootCause(error) ?? 'It failed.', becauseMax) };
}

function codeOf(type: string | undefined | null): FailureCode {
  return failureCodes.find((code) => code === type) ?? 'target-unavailable';
}

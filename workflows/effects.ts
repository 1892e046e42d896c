/** Has others do what the state owes. Every effect ends as one event, also when it fails: nothing is swallowed. */
import { ActivityFailure, ApplicationFailure, TimeoutFailure, log, rootCause } from '@temporalio/workflow';
import type { Order } from '../activities/contract.js';
import { ceilingFrom, eligibilityFrom, findingFrom, openingFrom, provisionedFrom, removalFrom } from './answers.js';
import { ask, change, read, undo } from './calls.js';
import type { Event } from './domain/event.js';
import { failureCodes, type FailureCode } from './domain/failure.js';
import type { Effect } from './domain/owed.js';
import type { Extension, State } from './domain/state.js';
import type { CeilingAnswer, Removal } from './domain/target.js';
import { plainText } from './domain/text.js';

/** Runs one effect to its event. Never rejects: a grant that cannot take a turn could not be ended either. */
export async function run(effect: Effect, state: State): Promise<Event> {
  try {
    return await outcome(effect, state);
  } catch (error) {
    return failed(effect, reasonOf(error));
  }
}

async function outcome(effect: Effect, state: State): Promise<Event> {
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
      const answer = await read.stillEligible.executeWithOptions({ summary: 'still eligible?' }, [{ request }]);
      const { eligible, because } = eligibilityFrom(answer);
      return { type: 'eligibility', check: effect.check, eligible, because };
    }
    case 'provision': {
      const { provision } = change(target);
      const made = await provision.executeWithOptions({ summary: `provision at ${target}` }, [orderOf(state)]);
      return { type: 'provisioned', provisioned: provisionedFrom(made) };
    }
    case 'set-end': {
      const { setEnd } = change(target);
      const order = orderOf(state, effect.extension);
      const moved = await setEnd.executeWithOptions({ summary: `move the end at ${target}` }, [order]);
      return { type: 'end-set', extension: effect.extension.decisionId, endsAt: provisionedFrom(moved).endsAt };
    }
    case 'remove': {
      const ref = { grantId: request.grantId, target };
      const removal = await undo(target).remove.executeWithOptions({ summary: `remove at ${target}` }, [ref]);
      return { type: 'removed', removal: believed(removalFrom(removal), state) };
    }
  }
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
      return { type: 'end-set-failed', extension: effect.extension.decisionId, because };
    case 'remove':
      return { type: 'removal-failed', attempt: effect.attempt, because };
  }
}

async function askCeiling({ request }: State): Promise<CeilingAnswer | 'silent'> {
  const { entitlement, requestedDurationMs, target } = request;
  const input = { entitlement, durationMs: requestedDurationMs };
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

function orderOf(state: State, moved?: Extension): Order {
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
  };
  if (JSON.stringify(order).length <= orderBytesMax) return order;
  // A larger one could not be scheduled, and every later turn of the grant would fail with it, its end included.
  throw ApplicationFailure.nonRetryable('There are more signed decisions than a target can be sent.', 'too-large');
}

/** A removal counts only when it says that this grant's account was looked for, at the system that holds it, and not found. */
function believed(removal: Removal, { request, provisioned }: State): Removal {
  const sameGrant = removal.grantId === request.grantId;
  const sameTarget = !provisioned || provisioned.targetIdentity === removal.targetIdentity;
  if (sameGrant && sameTarget) return removal;
  const because = sameGrant ? 'Another system answered than the one that holds the account.' : 'It proved nothing.';
  throw ApplicationFailure.nonRetryable(because, 'target-unavailable');
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

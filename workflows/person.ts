/**
 * The passkeys of one person, for as long as they are with us. The workflow keeps the list and what was proven lately; whether an
 * entry counts at all, its evidence says.
 *
 * 1. Every change is one step of `domain/passkeys.ts`, recorded in the person's own audit chain and shown in the memo at once.
 * 2. Taking a passkey away is never refused, and waits for nothing.
 * 3. What was recorded is published before it is let go; a run that has grown long hands everything on to the next.
 */
import {
  ApplicationFailure,
  CancellationScope,
  condition,
  makeContinueAsNewFunc,
  setCurrentDetails,
  setHandler,
  sleep,
  upsertMemo,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { UpdateDefinition } from '@temporalio/common';
import { ChangedAt } from './attributes.js';
import { resume } from './audit-calls.js';
import { tell } from './calls.js';
import { isContinued } from './continued.js';
import { refuse } from './domain/failure.js';
import {
  enrolled,
  goingOn,
  handedOn,
  isBehind,
  noPasskeys,
  personView,
  removed,
  renamed,
  unpublished,
  used,
  type PersonState,
  type Step,
} from './domain/passkeys.js';
import { pageOf, type Head } from './domain/record.js';
import type { Instant } from './domain/time.js';
import { personIdOf } from './ids.js';
import { isUnreadable } from './messages.js';
import * as messages from './passkey-messages.js';

/** Of one publication, and of one answer. */
const recordBytesMax = 20_000;
/** Updates of one run: the server takes at most 2,000. */
const changesUsual = 300;
const changesMost = 1_500;

export async function person(handed?: PersonState): Promise<void> {
  const personId = personIdOf(workflowInfo().workflowId);
  const continued = isContinued() ? handed : undefined;
  if (personId === undefined || isUnreadable(continued) || (continued && continued.personId !== personId)) {
    throw ApplicationFailure.nonRetryable('This workflow was not started by the API for this person.', 'bad-evidence');
  }
  const life = new PersonLife(continued ?? noPasskeys(personId), continued !== undefined);
  // Cancelling it changes nothing: there is nothing here that a cancellation could end.
  await CancellationScope.nonCancellable(async () => {
    // The first run of all, or one after somebody ended the last by force: the chain goes on where it was.
    if (!continued) life.goesOn(await resume.lastHead({ workflowId: workflowInfo().workflowId }));
    await life.untilLong();
  });
  const next = handedOn(life.state);
  await makeContinueAsNewFunc<typeof person>({ memo: { view: personView(next) } })(next);
}

class PersonLife {
  state: PersonState;
  private changes = 0;
  private isPublishing = false;
  /** Before that it is not known where the chain goes on. */
  private isBegun: boolean;

  constructor(state: PersonState, isBegun: boolean) {
    this.state = state;
    this.isBegun = isBegun;
    if (this.isBegun) this.show(Date.now());
    this.listen();
  }

  goesOn(last: Head): void {
    this.state = goingOn(this.state.personId, last);
    this.isBegun = true;
    this.show(Date.now());
  }

  /** Until this run has grown long; publishing goes on meanwhile, and is not waited for without end. */
  async untilLong(): Promise<void> {
    void this.keepPublishing();
    await condition(
      () => this.changes >= changesMost || (this.changes >= changesUsual && !this.isPublishing && this.isTold()),
    );
  }

  private isTold(): boolean {
    return unpublished(this.state).length === 0;
  }

  private async keepPublishing(): Promise<void> {
    for (;;) {
      await condition(() => !this.isTold());
      this.isPublishing = true;
      const records = pageOf(unpublished(this.state), recordBytesMax);
      const published = records.at(-1)?.sequence ?? 0;
      try {
        await tell.publish.executeWithOptions({ summary: `publish ${records.length}` }, [{ records }]);
        this.state = { ...this.state, published };
      } catch {
        // A day of attempts has failed. The records stay in this state, and are tried again.
        await sleep('5m');
      }
      this.isPublishing = false;
    }
  }

  private listen(): void {
    this.on(messages.enrol, messages.readEnrolment, enrolled);
    this.on(messages.rename, messages.readRenaming, renamed);
    this.on(messages.use, messages.readUsing, used);
    this.on(messages.remove, messages.readRemoving, removed, { always: true });
    setHandler(messages.record, (after) => {
      const from = typeof after === 'number' ? after : 0;
      return pageOf(
        this.state.records.filter(({ sequence }) => sequence > from),
        recordBytesMax,
      );
    });
  }

  private on<Message>(
    definition: UpdateDefinition<void, [Message]>,
    read: (raw: unknown) => Message | undefined,
    step: (state: PersonState, message: Message, now: Instant) => Step,
    { always = false } = {},
  ): void {
    const next = (raw: unknown): Step => {
      const message = read(raw);
      if (message === undefined) return { state: this.state, refusal: unreadable };
      if (!always && isBehind(this.state)) return { state: this.state, refusal: behind };
      return step(this.state, message, Date.now());
    };
    setHandler(
      definition,
      async (raw: Message) => {
        if (!this.isBegun) await CancellationScope.nonCancellable(() => condition(() => this.isBegun));
        const { state, refusal } = next(raw);
        this.become(state);
        if (refusal) throw ApplicationFailure.nonRetryable(refusal.because, refusal.refused);
      },
      {
        // Synchronous, as the SDK demands. What leaves no trace is refused here, and so costs no history.
        validator: (raw: Message) => {
          if (!this.isBegun && read(raw) !== undefined) return;
          const { state, refusal } = next(raw);
          if (refusal && state === this.state) throw ApplicationFailure.nonRetryable(refusal.because, refusal.refused);
        },
      },
    );
  }

  private become(state: PersonState): void {
    this.changes += 1;
    if (state === this.state) return;
    this.state = state;
    this.show(Date.now());
  }

  private show(now: Instant): void {
    const view = personView(this.state);
    upsertMemo({ view });
    upsertSearchAttributes([{ key: ChangedAt, value: new Date(now) }]);
    const { passkeys, head } = view;
    // No free text from people.
    setCurrentDetails(`${passkeys.length} passkeys, ${head.sequence} records`);
  }
}

const unreadable = refuse('unreadable', 'The message could not be read.');
const behind = refuse('not-now', 'The record of your passkeys cannot be kept up just now; try again soon.');

/** What became of a click: one heading and one sentence, also when someone else was quicker. */
import type { FailureCode } from '../../workflows/domain/failure.js';
import { isTerminal } from '../../workflows/domain/states.js';
import type { GrantBody, OutcomeBody } from '../schemas/grant.js';
import { missingIn } from './grant-page.js';
import { actionsDone, counted, lasting, listed, labelOf, refusalSentence, type NameOf, type Tone } from './words.js';
import { relative } from './time.js';

/** The clicks that a form can send. */
export const formActions = ['approve', 'deny', 'withdraw', 'revoke', 'extend', 'review'] as const;
export type FormAction = (typeof formActions)[number];

/** A click as the address of the page after it names it. */
export interface Click {
  action: FormAction;
  decisionId: string;
  /** Set where the API itself refused, so that the grant never heard of it. */
  refused?: FailureCode;
}

export interface Happened {
  heading: string;
  sentence: string;
  tone: Tone;
  /** Nobody has judged it yet: the page goes on asking. */
  open?: true;
}

export interface Telling {
  viewerRef: string;
  name: NameOf;
  now: number;
}

/** A grant that takes no more decisions is ended by cancelling its workflow, which keeps no outcome of the click. */
export function isCancelled({ ending }: GrantBody): boolean {
  return ending?.code === 'cancelled';
}

/** Nothing can become of this click any more. A review is taken for as long as it is owed. */
export function isOver({ action }: Click, grant: GrantBody): boolean {
  return isTerminal(grant.state) && (action !== 'review' || !grant.conditions.includes('reviewPending'));
}

const nothingSetUp = 'Nothing had been set up, so there is nothing to remove.';

/** Success is only ever told from the grant itself; the address alone can claim no more than a refusal. */
export function whatHappened(click: Click, grant: GrantBody, telling: Telling): Happened {
  const outcome = grant.outcomes.findLast((item) => item.decisionId === click.decisionId);
  if (outcome?.result === 'applied') return applied(click.action, grant, telling);
  const code = outcome?.result ?? click.refused;
  if (code !== undefined) return unchanged(code, click, grant, telling);
  if (isCancelled(grant) && (click.action === 'deny' || click.action === 'withdraw' || click.action === 'revoke')) {
    return {
      heading: 'It is ended',
      sentence: `It could take no more decisions, so yours ended it as a whole. ${removal(grant, nothingSetUp)}`,
      tone: 'leaving',
    };
  }
  if (isOver(click, grant)) return unchanged('already-over', click, grant, telling);
  return {
    heading: 'Recorded',
    sentence:
      'Your click is stored safely, but nothing was there to carry it out within two seconds. It will be carried out as soon as a worker is back; you need not click again.',
    tone: 'waiting',
    open: true,
  };
}

function applied(action: FormAction, grant: GrantBody, { name }: Telling): Happened {
  const subject = grant.subjectName;
  switch (action) {
    case 'approve':
      return { heading: 'You approved', sentence: afterApproval(grant, name), tone: 'active' };
    case 'deny': {
      const onExtension = !isTerminal(grant.state) && grant.accessGrantTime !== undefined;
      return onExtension
        ? {
            heading: 'You denied the extension',
            sentence: 'The access itself goes on until its present end.',
            tone: 'over',
          }
        : { heading: 'You denied', sentence: `${subject} gets no access, and has been told why.`, tone: 'over' };
    }
    case 'withdraw':
      return {
        heading: grant.accessGrantTime === undefined ? 'Withdrawn' : 'Thank you for giving it back',
        sentence: removal(grant, nothingSetUp),
        tone: 'leaving',
      };
    case 'revoke':
      return {
        heading: 'You revoked it',
        sentence: removal(grant, nothingSetUp),
        tone: 'leaving',
      };
    case 'review':
      return {
        heading: 'You reviewed it',
        sentence: `Your review is signed and in the record, and ${grant.requesterName} is told.`,
        tone: 'active',
      };
    case 'extend':
      return grant.conditions.includes('extensionPending')
        ? {
            heading: 'Extension asked for',
            sentence: `${waitsFor(grant, name)} Your access goes on until then.`,
            tone: 'waiting',
          }
        : {
            heading: 'Extension accepted',
            sentence: 'The end below is moved as soon as the target confirms it.',
            tone: 'active',
          };
  }
}

function afterApproval(grant: GrantBody, name: NameOf): string {
  const { subjectName } = grant;
  switch (grant.state) {
    case 'REQUESTED':
    case 'APPROVAL_AWAITED':
      return `Your approval counts. ${waitsFor(grant, name)}`;
    case 'SCHEDULED':
      return `${subjectName} gets access at the scheduled start.`;
    case 'ACTIVATING':
      return `${subjectName}'s access is being set up now.`;
    case 'ACTIVE':
      return grant.step
        ? `Your approval counts. ${waitsFor(grant, name)}`
        : `${subjectName} has access now, for ${lasting(grant.grantedDuration)}.`;
    default:
      return `Since then: ${stateOf(grant)}.`;
  }
}

function waitsFor(grant: GrantBody, name: NameOf): string {
  const { step } = grant;
  if (!step) return 'It waits for approval.';
  const missing = missingIn(step);
  if (step.asked.length === 0 || missing === 0) return 'Those who decide next are being asked.';
  return `It still needs ${counted(missing, 'approval')} from ${listed(step.asked.map(name))}.`;
}

function removal(grant: GrantBody, otherwise: string): string {
  if (grant.state === 'REVOKING' || grant.state === 'WITHDRAWING') {
    return 'The access is being removed at the target now; this page shows when the target has confirmed it.';
  }
  if (grant.removalVerifiedTime !== undefined) return 'The access is gone: the target itself has confirmed it.';
  return otherwise;
}

function unchanged(code: FailureCode, click: Click, grant: GrantBody, telling: Telling): Happened {
  const quicker = lastWord(click, grant);
  const mine = quicker?.by === telling.viewerRef;
  const late = code === 'already-decided' || code === 'already-over' || code === 'not-now';
  const heading = !late
    ? 'Nothing was changed'
    : mine
      ? 'You had already decided'
      : quicker
        ? 'Someone else was quicker'
        : 'It was already over';
  const who =
    late && quicker
      ? `${mine ? 'You' : telling.name(quicker.by)} ${doneBy(quicker, grant)} ${relative(Date.parse(quicker.at), telling.now)}. `
      : '';
  const sentence = who === '' ? refusalSentence(code) : 'Your click changed nothing.';
  return {
    heading,
    sentence: `${who}${sentence} The grant is now: ${stateOf(grant)}.`,
    tone: 'waiting',
  };
}

function stateOf(grant: GrantBody): string {
  return labelOf(grant.state, grant.accessGrantTime !== undefined).text.toLowerCase();
}

function doneBy({ action }: OutcomeBody, grant: GrantBody): string {
  return action === 'withdraw' && grant.accessGrantTime === undefined ? 'took it back' : actionsDone[action];
}

/** The newest decision that counted, other than this click. */
function lastWord(click: Click, grant: GrantBody): OutcomeBody | undefined {
  const decisive = click.action === 'review' ? ['review'] : ['approve', 'deny', 'withdraw', 'revoke', 'cancel'];
  return grant.outcomes.findLast(
    (item) => item.result === 'applied' && item.decisionId !== click.decisionId && decisive.includes(item.action),
  );
}

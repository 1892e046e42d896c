/** The form that asks: what was typed becomes the body of `POST /v1/grants`, or sentences beside the fields that need another look. */
import { Temporal } from 'temporal-polyfill';
import type { FailureCode } from '../../workflows/domain/failure.js';
import type { EntitlementBody } from '../schemas/answers.js';
import { durationMs, isoDuration } from '../schemas/time.js';
import { typedDuration, typedText, type Typed, type Wrong } from './forms.js';
import { counted, lasting, listed, type NameOf } from './words.js';

/** As `AskGrant` reads it; still unchecked. */
export interface AskDraft {
  entitlement: string;
  justification?: string;
  emergency?: true;
  bypassReason?: string;
  requestedDuration: string;
  subject?: string;
  ticket?: { system: string; number: string };
  scheduledActivationTime?: string;
}

export function readAskForm(typed: Typed, entitlement: EntitlementBody): { draft: AskDraft; wrong: Wrong } {
  const wrong: Wrong = {};
  const emergency = typed['emergency'] === 'yes' ? entitlement.emergency : undefined;
  const longest = emergency?.longestDuration ?? entitlement.maximumDuration;
  const duration = askedDuration(typed, longest, wrong);
  const justification = typedText(typed['justification']);
  if (justification === '') wrong.justification = 'Say why you need it.';
  else if (justification.length < entitlement.justificationLeast) {
    wrong.justification = `Say a little more: at least ${counted(entitlement.justificationLeast, 'character')}.`;
  }
  const draft: AskDraft = {
    entitlement: entitlement.id,
    ...(emergency ? { emergency: true, bypassReason: justification } : { justification }),
    requestedDuration: duration,
  };
  const ticket = { system: typedText(typed['ticketSystem']), number: typedText(typed['ticketNumber']) };
  if (ticket.system !== '' && ticket.number !== '') draft.ticket = ticket;
  else if (ticket.system !== '' || ticket.number !== '') {
    wrong.ticket = 'A ticket needs both its system and its number.';
  } else if (entitlement.ticketRequired && !emergency)
    wrong.ticket = 'This entitlement requires a ticket: give its system and number.';
  const subject = typedText(typed['subject']);
  if (subject !== '') draft.subject = subject;
  else if (!entitlement.forSelf && !emergency)
    wrong.subject = 'Choose who gets it: you may ask for others, not for yourself.';
  const start = startTime(typed, wrong);
  if (start !== undefined) draft.scheduledActivationTime = start;
  return { draft, wrong };
}

function askedDuration(typed: Typed, longestDuration: string, wrong: Wrong): string {
  const chosen = typed['duration'] ?? '';
  if (chosen !== 'own') {
    if (chosen === '') wrong.duration = 'Choose for how long, or “Other”.';
    return chosen;
  }
  const own = typedDuration(typed['hours'], typed['minutes']);
  const longestMs = durationMs(longestDuration) ?? Infinity;
  const longest = lasting(longestDuration);
  if (own === 'empty') wrong.duration = 'Type how many hours and minutes you need.';
  else if (own === 'wrong') wrong.duration = 'Hours and minutes are whole numbers, like 1 and 30.';
  else if (own <= 0) wrong.duration = 'Ask for at least one minute.';
  else if (own > longestMs)
    wrong.duration = `The longest is ${longest}. Ask for less; it may be extended where the rules allow.`;
  else return isoDuration(own);
  return '';
}

/** The local time of a form in the zone that script names; UTC without script. */
function startTime(typed: Typed, wrong: Wrong): string | undefined {
  const start = typedText(typed['start']);
  if (start === '') return undefined;
  try {
    const zone = typedText(typed['zone']) || 'UTC';
    return Temporal.PlainDateTime.from(start).toZonedDateTime(zone).toInstant().toString();
  } catch {
    wrong.start = 'Give the start as a date and a time, like 2027-01-31 09:00.';
    return undefined;
  }
}

/** Which field of the form a pointer of the API speaks of. */
export const askFields: Record<string, string> = {
  '/justification': 'justification',
  '/bypassReason': 'justification',
  '/requestedDuration': 'duration',
  '/subject': 'subject',
  '/ticket': 'ticket',
  '/ticket/system': 'ticket',
  '/ticket/number': 'ticket',
  '/scheduledActivationTime': 'start',
};

/** Which field a refusal of the rules speaks of. */
export const askCodes: Partial<Record<FailureCode, string>> = {
  'duration-too-long': 'duration',
  'justification-too-short': 'justification',
  'ticket-required': 'ticket',
  'may-not-request-for': 'subject',
  'inactive-subject': 'subject',
  'emergency-refused': 'emergency',
};

/** An entitlement as the pages show it. */
export function shownEntitlement(entitlement: EntitlementBody, name: NameOf) {
  return {
    ...entitlement,
    presets: entitlement.presets.length > 0 ? entitlement.presets : [entitlement.defaultDuration],
    paths: paths(entitlement, name),
    longest: lasting(entitlement.maximumDuration),
    emergency: entitlement.emergency && {
      longest: lasting(entitlement.emergency.longestDuration),
      reviewers: listed(entitlement.emergency.reviewers.map(name)),
      passkey: entitlement.emergency.passkey,
      // Whoever may not have it in any other way is offered nothing else.
      only: !entitlement.forSelf && entitlement.others.length === 0,
    },
    usually: entitlement.usualWait === undefined ? undefined : lasting(entitlement.usualWait),
    takes: takes(entitlement),
    words: `${entitlement.title} ${entitlement.description} ${entitlement.id}`.toLowerCase(),
  };
}

/** What is needed, by risk. */
function paths(entitlement: EntitlementBody, name: NameOf): { when: string; steps: string[] }[] {
  const asked = entitlement.flows.map((flow) => ({
    bands: flow.bands,
    steps: flow.steps.map((step) => {
      const who = listed(step.approvers.map(name));
      return step.needed > 1 ? `${step.needed} approvals from ${who}` : upperFirst(who);
    }),
  }));
  const all = entitlement.automatic ? [{ bands: ['low'], steps: ['Nobody: you have it at once'] }, ...asked] : asked;
  if (all.length === 1) return all.map(({ steps }) => ({ when: 'Whatever the risk', steps }));
  return all.map(({ bands, steps }) => ({ when: `When the risk is ${listed(bands)}`, steps }));
}

function takes(entitlement: EntitlementBody): string {
  const steps = entitlement.flows.map((flow) => flow.steps.length);
  const fewest = Math.min(...steps);
  const most = Math.max(...steps);
  if (steps.length === 0)
    return entitlement.automatic ? 'No approval is needed when the risk is low.' : 'It is checked by the rules.';
  const approval =
    most === 1
      ? 'one approval step'
      : fewest === most
        ? `${most} approval steps`
        : `${fewest} to ${most} approval steps`;
  if (entitlement.automatic) return `At once when the risk is low; otherwise ${approval}, depending on the risk.`;
  return fewest === most ? `Takes ${approval}.` : `Takes ${approval}, depending on the risk.`;
}

function upperFirst(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** What each piece of news says: short, in the reader's time zone, with a link that opens the page and decides nothing. */
import { SYSTEM, type Ref } from '../../workflows/domain/actor.js';
import type { GrantView } from '../../workflows/domain/view.js';
import type { Request } from '../../workflows/domain/request.js';
import type { NewsKind } from '../contract.js';
import type { Letter } from './letter.js';
import type { Recipient } from './recipients.js';
import { lengthOf, oneLine, timeIn } from './words.js';

export interface Story {
  view: GrantView;
  request: Request;
  portalUrl: string;
  nameOf(ref: Ref): string;
}

/** One piece of news, ready to be written for one reader. */
interface Case extends Story {
  reader: Recipient;
  /** The entitlement's title, or its id. */
  what: string;
  /** `you`, or the subject's name. */
  whose: string;
  isSubject: boolean;
  at(instant: number | undefined): string;
}

export function letterFor(story: Story, reader: Recipient): Letter {
  const { view } = story;
  const isSubject = reader.ref === view.subject;
  const it: Case = {
    ...story,
    reader,
    isSubject,
    what: oneLine(view.entitlementTitle ?? view.entitlement, 80),
    whose: isSubject ? 'Your' : `${oneLine(view.subjectName, 60)}’s`,
    at: (instant) => (instant === undefined ? 'an unknown time' : timeIn(reader.timeZone, instant)),
  };
  const { link, footer, ...rest } = texts[reader.kind](it);
  return {
    ...rest,
    link: {
      label: link?.label ?? 'Open the grant',
      url: grantUrl(story.portalUrl, view.grantId) + (link?.place ?? ''),
    },
    footer:
      footer ?? 'You get this mail because you are part of this access grant. Nothing happens by opening the link.',
  };
}

export function grantUrl(portalUrl: string, grantId: string): string {
  return new URL(`grants/${encodeURIComponent(grantId)}`, portalUrl.endsWith('/') ? portalUrl : `${portalUrl}/`).href;
}

/** `place` is a fragment of the grant's page. */
type Text = Omit<Letter, 'link' | 'footer'> & { link?: { label: string; place?: string }; footer?: string };

const texts: Record<NewsKind, (it: Case) => Text> = {
  asked: (it) => decide(it, 'Please decide', []),
  reminded: (it) => decide(it, 'Still waiting for you', ['This is a reminder: nobody has decided yet.']),
  escalated: (it) => decide(it, 'Escalated to you', ['Nobody has decided in time, so you are asked as well.']),

  decided: (it) => ({
    subject: `Decided: ${it.what} for ${it.view.subjectName}`,
    sentences: [decidedBy(it), 'There is nothing left for you to do.'],
    facts: [],
  }),

  denied: (it) => ({
    subject: `Denied: ${it.what}`,
    sentences: [`The request for ${it.what} was denied by ${who(it, it.view.ending?.by ?? SYSTEM)}.`],
    quote: it.view.ending && { label: 'Why', text: it.view.ending.reason },
    facts: [],
  }),

  expired: (it) => ({
    subject: `No decision in time: ${it.what}`,
    sentences: [`Nobody decided in time about the request for ${it.what}, so it is closed. Nothing was granted.`],
    facts: [{ label: 'Asked', value: it.at(it.view.requestTime) }],
  }),

  scheduled: (it) => ({
    subject: `Approved: ${it.what}, from ${it.at(it.view.scheduledActivationTime)}`,
    sentences: [
      `${it.whose} access to ${it.what} is approved and starts by itself at ${it.at(it.view.scheduledActivationTime)}.`,
    ],
    facts: length(it),
  }),

  'activation-failed': (it) => ({
    subject: `Could not be set up: ${it.what}`,
    sentences: [`${it.whose} access to ${it.what} could not be set up at ${it.view.target}.`],
    quote: it.view.ending && { label: 'Why', text: it.view.ending.reason },
    facts: [],
  }),

  active: (it) => ({
    subject: `Ready: ${it.what} until ${it.at(it.view.expireTime)}`,
    sentences: [
      `${it.whose} access to ${it.what} is ready and ends by itself at ${it.at(it.view.expireTime)}.`,
      ...(it.isSubject && it.view.credential === 'waiting'
        ? ['Open the grant and collect the credential there. It is shown once, to you alone, and never sent by mail.']
        : []),
      ...(it.isSubject ? ['Done sooner? Give it back on the same page.'] : []),
    ],
    facts: length(it),
    link: it.isSubject && it.view.credential === 'waiting' ? { label: 'Open the grant and collect' } : undefined,
  }),

  extended: (it) => ({
    subject: `Extended: ${it.what} until ${it.at(it.view.expireTime)}`,
    sentences: [`${it.whose} access to ${it.what} now ends at ${it.at(it.view.expireTime)}.`],
    facts: length(it),
  }),

  'not-extended': (it) => ({
    subject: `Not extended: ${it.what}`,
    sentences: [
      `More time for ${it.what} was not granted; the grant’s page says why.`,
      `${it.whose} access ends as planned: ${it.at(it.view.expireTime)}.`,
    ],
    facts: [],
  }),

  over: (it) => ({
    subject: `Over: ${it.what}`,
    sentences: [`${it.whose} access to ${it.what} is over: ${ended(it)}.`, ...removed(it)],
    quote: reasonOf(it),
    facts: [],
  }),

  'removal-overdue': (it) => ({
    subject: `Removal overdue at ${it.view.target}: ${it.what} for ${it.view.subjectName}`,
    sentences: [
      `Access at ${it.view.target} should be gone, but the target has not confirmed it. Daypass keeps trying without end.`,
      'Please look at the target and at the connector: until it is confirmed, the access may still work.',
    ],
    facts: [
      { label: 'Subject', value: it.view.subjectName },
      { label: 'Account', value: it.view.account ?? 'not known' },
      { label: 'Over since', value: it.at(it.view.ending?.at ?? it.view.expireTime) },
    ],
    footer: 'You get this mail because you operate Daypass. Nothing happens by opening the link.',
  }),

  emergency: (it) => ({
    subject: `Emergency: ${it.what} for ${it.view.subjectName}`,
    sentences: [
      `${it.view.requesterName} took ${it.what} as an emergency: nobody approved it, and it starts now.`,
      'Look at it now; operators and security can end it at once. When it is over, look back and say whether it was justified.',
    ],
    quote: { label: 'Reason', text: it.request.justification },
    facts: [...length(it), ...risk(it)],
    list: riskList(it),
    link: { label: 'Open the emergency', place: '#review' },
    footer: reviewerFooter,
  }),

  'review-reminded': (it) => ({
    subject: `Not reviewed yet: the emergency of ${it.view.subjectName}`,
    sentences: [
      `${it.view.requesterName} took ${it.what} as an emergency at ${it.at(it.view.review?.since)}, and nobody has reviewed it yet.`,
      'This is a reminder, and one follows every day until somebody says whether it was justified.',
    ],
    quote: { label: 'Reason', text: it.request.justification },
    facts: [],
    link: { label: 'Review it', place: '#review' },
    footer: reviewerFooter,
  }),

  reviewed: (it) => {
    const given = it.view.review?.given;
    const verdict = given?.verdict === 'justified' ? 'justified' : 'not justified';
    return {
      subject: `Reviewed: the emergency of ${it.view.subjectName} was ${verdict}`,
      sentences: [`${given ? who(it, given.by) : 'Somebody'} looked back at ${it.what}: it was ${verdict}.`],
      quote: given?.comment.trim() ? { label: 'Comment', text: given.comment } : undefined,
      facts: [],
    };
  },

  'evidence-refused': (it) => ({
    subject: `Evidence refused: ${it.what} for ${it.view.subjectName}`,
    sentences: [
      `Somebody tried to widen this grant without the proof that it takes, or a machine answered without it. It was refused.`,
      'Please look at its record: somebody may have got hold of Temporal, of a worker, or of an account. Further attempts of the same kind on this grant are recorded without another mail.',
    ],
    facts: [
      { label: 'Target', value: it.view.target },
      { label: 'Requester', value: it.view.requesterName },
      { label: 'Subject', value: it.view.subjectName },
    ],
    footer: 'You get this mail because you look after security. Nothing happens by opening the link.',
  }),
};

function decide(it: Case, opening: string, first: string[]): Text {
  const { view, request, what } = it;
  const extension = view.step && view.step.about !== 'request' ? view.extension : undefined;
  const behalf = view.requester === view.subject ? '' : ` for ${view.subjectName}`;
  const asks = extension
    ? `${who(it, extension.by)} asks to keep ${what}${behalf} longer: ${lengthOf(extension.totalMs)} in all.`
    : `${view.requesterName} asks for ${what}${behalf}: ${lengthOf(view.grantedDurationMs ?? view.requestedDurationMs)}.`;
  const start = view.scheduledActivationTime;
  const ticket = request.ticket;
  return {
    subject: `${opening}: ${what} for ${view.subjectName}`,
    sentences: [...first, asks],
    quote: { label: 'Reason', text: extension ? extension.reason : request.justification },
    facts: [
      { label: 'Target', value: view.target },
      ...(start !== undefined && !extension ? [{ label: 'Starts', value: it.at(start) }] : []),
      ...(ticket ? [{ label: 'Ticket', value: `${ticket.system} ${ticket.number}` }] : []),
      ...risk(it),
      ...(view.step?.expireAt === undefined ? [] : [{ label: 'Decide by', value: it.at(view.step.expireAt) }]),
    ],
    list: riskList(it),
    link: { label: 'Open the request', place: '#decide' },
    footer:
      'You get this mail because you may decide on this request. Opening the link decides nothing; the page asks you.',
  };
}

const reviewerFooter =
  'You get this mail because you watch over security or review this emergency. Nothing happens by opening the link.';

function risk({ view }: Case): Letter['facts'] {
  return view.risk ? [{ label: 'Risk', value: `${view.risk.score} of 100 (${view.risk.band})` }] : [];
}

function riskList({ view }: Case): Letter['list'] {
  return view.risk && { label: 'What the risk is made of', items: view.risk.factors.map(factor) };
}

function factor({ points, evidence }: { points: number; evidence: string }): string {
  return `${points} ${points === 1 ? 'point' : 'points'}: ${evidence}`;
}

function decidedBy(it: Case): string {
  const last = it.view.outcomes.findLast(
    ({ action, result }) => result === 'applied' && (action === 'approve' || action === 'deny'),
  );
  if (!last) return `The request for ${it.what} needs no decision any more.`;
  return `${who(it, last.by)} ${last.action === 'deny' ? 'denied' : 'approved'} ${it.what} for ${it.view.subjectName}.`;
}

function ended(it: Case): string {
  const { ending } = it.view;
  switch (ending?.code) {
    case 'time-up':
      return 'its time was up';
    case 'withdrawn':
      return `${who(it, ending.by)} gave it back`;
    case 'revoked':
      return `${who(it, ending.by)} ended it`;
    case 'cancelled':
      return 'an operator cancelled it';
    case 'lost-eligibility':
      return 'the policy does not allow it any more';
    default:
      return 'it was ended';
  }
}

function removed({ view, at }: Case): string[] {
  if (view.removalVerifiedTime === undefined) return view.accessGrantTime === undefined ? ['It had not started.'] : [];
  return [`The access was removed, and the target confirmed that at ${at(view.removalVerifiedTime)}.`];
}

function reasonOf({ view }: Case): Letter['quote'] {
  const reason = view.ending?.code === 'time-up' ? '' : (view.ending?.reason ?? '');
  return reason.trim() ? { label: 'Reason given', text: reason } : undefined;
}

function length({ view }: Case): Letter['facts'] {
  const ms = view.grantedDurationMs ?? view.requestedDurationMs;
  return [
    { label: 'Target', value: view.target },
    { label: 'For', value: lengthOf(ms) },
  ];
}

function who(it: Case, ref: Ref): string {
  if (ref === it.reader.ref) return 'you';
  if (ref === SYSTEM) return 'Daypass';
  if (ref === 'unverified:signal') return 'someone whose name could not be verified';
  return oneLine(it.nameOf(ref), 60);
}

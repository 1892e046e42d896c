/** What every form shares: reading what was typed, keeping it, and naming the fields that need another look. */
import { z } from 'zod';
import type { FailureCode } from '../../workflows/domain/failure.js';
import type { Ms } from '../../workflows/domain/time.js';
import type { Problem } from '../problem.js';
import { durationMs, isoDuration } from '../schemas/time.js';
import type { GrantBody } from '../schemas/grant.js';
import { lasting } from './words.js';

/** Fields of a form by name, as the browser sent them. */
export type Typed = Partial<Record<string, string>>;

/** One sentence for each field that is wrong, by the id of the field. */
export type Wrong = Partial<Record<string, string>>;

/** A form sends every field once; what came twice or nested is dropped. */
export function readTyped(body: unknown): Typed {
  const found = z.record(z.string(), z.unknown()).safeParse(body);
  const typed: Typed = {};
  for (const [field, value] of Object.entries(found.data ?? {})) if (typeof value === 'string') typed[field] = value;
  return typed;
}

export function typedText(value: string | undefined): string {
  return (value ?? '').trim();
}

/** Two fields, hours and minutes, either of which may be left empty. */
export function typedDuration(hours: string | undefined, minutes: string | undefined): Ms | 'empty' | 'wrong' {
  const parts = [typedText(hours), typedText(minutes)];
  if (parts.every((part) => part === '')) return 'empty';
  if (!parts.every((part) => /^\d{0,4}$/.test(part))) return 'wrong';
  return (Number(parts[0]) * 60 + Number(parts[1])) * 60_000;
}

/** The list at the top of the page: what is wrong, each with a link to its field. */
export function errorSummary(wrong: Wrong): { field?: string; text: string }[] {
  return Object.entries(wrong).map(([field, text]) => ({
    field: field === '' ? undefined : field,
    text: text ?? '',
  }));
}

/** Sorts a refusal of the API to the fields it speaks of; what speaks of none stands under ''. */
export function wrongFrom(
  problem: Problem,
  fields: Record<string, string>,
  codes: Partial<Record<FailureCode, string>>,
): Wrong {
  const wrong: Wrong = {};
  for (const { pointer, detail } of problem.errors ?? []) {
    const field = fields[pointer ?? ''] ?? '';
    wrong[field] ??= sentence(detail);
  }
  if (Object.keys(wrong).length === 0) wrong[codes[problem.code] ?? ''] = sentence(problem.message);
  return wrong;
}

function sentence(detail: string): string {
  const text = detail.charAt(0).toUpperCase() + detail.slice(1);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

/** What the page showed when it was decided on: without it nothing is, since an old page must not decide on what came later. */
export interface Seen {
  about: string;
  step: number;
  totalDuration?: string;
}

export function readSeen(typed: Typed): { seen: Seen; wrong: Wrong } {
  const { about = '', step = '', totalDuration } = typed;
  const isTold = about !== '' && /^\d{1,3}$/.test(step) && (about === 'request' || totalDuration !== undefined);
  const wrong: Wrong = isTold ? {} : { '': 'This form did not say what it was about. Look at it again, and decide.' };
  return { seen: { about, step: Number(step), ...(totalDuration === undefined ? {} : { totalDuration }) }, wrong };
}

/** Approve: a comment, and a shorter duration if one is typed. */
export function readApproval(
  typed: Typed,
  grant: GrantBody,
): { body: Seen & { comment?: string; duration?: string }; wrong: Wrong } {
  const { seen, wrong } = readSeen(typed);
  const comment = typedText(typed['comment']);
  const body: Seen & { comment?: string; duration?: string } = { ...seen, ...(comment === '' ? {} : { comment }) };
  const shorter = typedDuration(typed['hours'], typed['minutes']);
  const asked = durationMs(grant.requestedDuration) ?? 0;
  if (shorter === 'wrong') wrong.duration = 'Hours and minutes are whole numbers, like 0 and 30.';
  else if (shorter !== 'empty') {
    if (shorter <= 0) wrong.duration = 'Approve at least one minute, or deny.';
    else if (shorter > asked) wrong.duration = `You can shorten the ${lasting(asked)}, never lengthen it.`;
    else if (shorter < asked) body.duration = isoDuration(shorter);
  }
  return { body, wrong };
}

export function readDenial(typed: Typed): { body: { reason: string; about: string }; wrong: Wrong } {
  const reason = typedText(typed['reason']);
  const { seen, wrong } = readSeen(typed);
  if (reason === '') wrong.reason = 'Say why you deny it; the requester reads this.';
  return { body: { reason, about: seen.about }, wrong };
}

export function readExtension(typed: Typed): { body: { reason: string; duration: string }; wrong: Wrong } {
  const wrong: Wrong = {};
  const reason = typedText(typed['reason']);
  if (reason === '') wrong['extend-reason'] = 'Say why you need more time.';
  const longer = typedDuration(typed['hours'], typed['minutes']);
  if (longer === 'empty') wrong['extend-duration'] = 'Type how many hours and minutes more you need.';
  else if (longer === 'wrong') wrong['extend-duration'] = 'Hours and minutes are whole numbers, like 0 and 30.';
  else if (longer <= 0) wrong['extend-duration'] = 'Ask for at least one minute more.';
  return { body: { reason, duration: typeof longer === 'number' ? isoDuration(longer) : '' }, wrong };
}

export function readReview(typed: Typed): { body: { verdict: string; comment: string }; wrong: Wrong } {
  const wrong: Wrong = {};
  const verdict = typed['verdict'] ?? '';
  if (verdict === '') wrong['review-verdict'] = 'Say whether it was justified.';
  const comment = typedText(typed['comment']);
  if (comment === '') wrong['review-comment'] = 'Say what you found; whoever asked for it reads this.';
  return { body: { verdict, comment }, wrong };
}

/** Withdraw and revoke: a reason is welcome, never demanded. */
export function readEnding(typed: Typed): { reason?: string } {
  const reason = typedText(typed['reason']);
  return reason === '' ? {} : { reason };
}

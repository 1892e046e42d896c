/** Who should hear about a change, and what: derived from the records that it added. */
import type { Ref, Selector } from './actor.js';
import { failureCodes, type FailureCode } from './failure.js';
import { reviewersOf } from './emergency.js';
import type { AuditRecord } from './record.js';
import type { State } from './state.js';

/** What people are told of. */
export const newsKinds = [
  'asked', // please decide
  'reminded',
  'escalated',
  'decided', // by someone else: nothing left to do
  'denied',
  'expired',
  'scheduled',
  'activation-failed',
  'active',
  'extended',
  'not-extended',
  'over',
  'removal-overdue',
  'evidence-refused', // somebody tried without proof, or with somebody else's
  'emergency', // please look at it now, and back at it later
  'review-reminded',
  'reviewed',
] as const;

export type NewsKind = (typeof newsKinds)[number];

/** Recipients are refs or `group:` selectors, expanded by the activity that sends. */
export interface News {
  kind: NewsKind;
  to: Selector[];
}

/** Stands for everyone whom the directory calls an operator. */
export const operators: Selector = 'group:operators';

/** Stands for everyone whom the directory calls security. */
export const security: Selector = 'group:security';

/** The news in the records that came since `before`. */
export function tells(before: State | undefined, after: State): News[] {
  const count = before?.records.length ?? 0;
  const fresh = after.records.slice(count);
  const news = fresh.flatMap((record) => about(record, before, after));
  if (isAlarming(after.records.slice(0, count), fresh)) news.push({ kind: 'evidence-refused', to: [security] });
  return merged(news.filter(({ to }) => to.length > 0));
}

function about(record: AuditRecord, before: State | undefined, state: State): News[] {
  const owners = [...new Set<Ref>([state.request.requester, state.request.subject])];
  const asked = before?.approval?.opening?.selectors ?? [];
  switch (record.type) {
    case 'step-opened':
      return [{ kind: 'asked', to: asList(record.detail.asked) }];
    case 'step-reminded':
      return [{ kind: 'reminded', to: state.approval?.opening?.selectors ?? [] }];
    case 'step-escalated':
      return [
        { kind: 'escalated', to: asList(record.detail.asked).filter((selector) => !asked.includes(selector)) },
        { kind: 'reminded', to: asked },
      ];
    case 'step-completed':
      return [{ kind: 'decided', to: asked }];
    case 'denied':
      return [...aboutRequest(record, { kind: 'denied', to: owners }), { kind: 'decided', to: asked }];
    case 'withdrawn':
    case 'revoked':
      return [{ kind: 'decided', to: asked }];
    case 'step-expired':
      return aboutRequest(record, { kind: 'expired', to: owners });
    case 'extension-ended':
      return [{ kind: 'not-extended', to: owners }];
    case 'scheduled':
      return [{ kind: 'scheduled', to: owners }];
    case 'activation-failed':
      return [{ kind: 'activation-failed', to: owners }];
    case 'activation-started':
      return state.request.emergency ? [{ kind: 'emergency', to: [security, ...reviewersOf(state)] }] : [];
    case 'review-reminded':
      return [{ kind: 'review-reminded', to: reviewersOf(state) }];
    case 'reviewed':
      return [{ kind: 'reviewed', to: [...owners, security] }];
    case 'activated':
      return [{ kind: 'active', to: owners }];
    case 'extended':
      return [{ kind: 'extended', to: owners }];
    case 'removal-overdue':
      return [{ kind: 'removal-overdue', to: [operators] }];
    case 'closed':
      return closedNews(state, owners);
    default:
      return [];
  }
}

/** What comes of trying to widen access without the proof for it; people who err by the forms that are made for them get others. */
const withoutProof: readonly FailureCode[] = [
  'unreadable',
  'bad-evidence',
  'bad-receipt',
  'ceiling-refused',
  'clock-skew',
  'tombstone',
  ...failureCodes.filter((code) => code.startsWith('passkey-')),
];

/** The code of a record that says that evidence was refused; undefined for all others. */
export function evidenceRefusedBy({ detail }: AuditRecord): FailureCode | undefined {
  return withoutProof.find((code) => code === detail.code);
}

/** Once for each code, so that a flood is one mail. */
function isAlarming(earlier: AuditRecord[], fresh: AuditRecord[]): boolean {
  const codes = fresh.map(evidenceRefusedBy).filter((code) => code !== undefined);
  return codes.some((code) => !earlier.some((record) => record.detail.code === code));
}

/** An extension has an end of its own, which is told once. */
function aboutRequest(record: AuditRecord, news: News): News[] {
  return record.detail.about === 'request' ? [news] : [];
}

/** Endings that were told when they were decided are not told again. */
function closedNews(state: State, owners: Ref[]): News[] {
  switch (state.phase) {
    case 'EXPIRED':
    case 'ACTIVATION_FAILED':
      return [];
    case 'DENIED':
      return state.ending?.code === 'denied' ? [] : [{ kind: 'denied', to: owners }];
    default:
      return [{ kind: 'over', to: owners }];
  }
}

function asList(value: unknown): Selector[] {
  return Array.isArray(value) ? value.filter((item): item is Selector => typeof item === 'string') : [];
}

function merged(news: News[]): News[] {
  const byKind = new Map<NewsKind, Set<Selector>>();
  for (const { kind, to } of news) byKind.set(kind, new Set([...(byKind.get(kind) ?? []), ...to]));
  return [...byKind].map(([kind, to]) => ({ kind, to: [...to] }));
}

/** An installation's whole audit, for tests: grants as they happen with real keys, passkeys and receipts, sealed and exported. */
import { createHash } from 'node:crypto';
import { exportType } from '../../api/audit/verify/verify.js';
import type { ExportHeader } from '../../api/audit/verify/audit-file.js';
import type { AuditKeys } from '../../api/audit/verify/keys.js';
import { sealType } from '../../api/audit/verify/seals.js';
import { signAs, signStatement } from '../../activities/platform/jws.js';
import type { PrivateJwk } from '../../activities/platform/keys.js';
import { digest } from '../../workflows/domain/digest.js';
import type { Assertion, PublicJwk } from '../../workflows/domain/evidence.js';
import { receiptType, type Receipt } from '../../workflows/domain/receipt.js';
import { firstPrevious, following, headOf, noHead, type AuditRecord } from '../../workflows/domain/record.js';
import type { Request } from '../../workflows/domain/request.js';
import type { Seal } from '../../workflows/domain/seal.js';
import { createPasskey, page, type Passkey } from './authenticator.js';
import { privateKey } from './signer.js';

export const installation = 'test';
const start = Date.parse('2026-11-02T09:00:00Z');
const minute = 60_000;

type Entry = Pick<AuditRecord, 'at' | 'type' | 'detail'> & { by?: string };

export interface Said {
  kind: 'made' | 'end-moved' | 'removed' | 'swept';
  at: number;
  grantId: string;
  /** Of what stands. */
  more?: { account?: string; evidenceDigest?: string };
}

/** As it comes, before it is part of a file. */
export type Link = { record: AuditRecord } | { seal: string };

export interface AuditWorld {
  keys: AuditKeys;
  private: { api: PrivateJwk; receipts: PrivateJwk; seals: PrivateJwk };
  /** Of the manager, enrolled in `person/manager`. */
  passkey: Passkey;
  chains: Map<string, AuditRecord[]>;
  seals: string[];
  /** Of orders-db: its lines, and one more receipt in it. */
  book: string[];
  receipt(said: Said): Promise<{ whole: Receipt; jws: string }>;
  /** The lines of an export of all of it. */
  export(change?: Partial<ExportHeader>): Promise<string[]>;
}

/** Two grants that ran their course, one approved with a passkey and one automatic, and the chains beside them. */
export async function auditWorld(): Promise<AuditWorld> {
  const [api, receipts, seals] = (await Promise.all(
    ['api', 'receipts', 'seals'].map(async (kid) => ({ ...(await privateKey('Ed25519')), kid })),
  )) as [PrivateJwk, PrivateJwk, PrivateJwk];
  const passkey = createPasskey();
  const book = { number: 0, previous: firstPrevious };
  const written: string[] = [];
  /** A repeated attempt brings the same evidence. */
  const stoodOn = new Map<string, string>();
  const receipt = async ({ kind, at, grantId, more }: Said) => {
    book.number += 1;
    const entry = {
      installation,
      target: 'orders-db',
      book: 'book-1',
      number: book.number,
      previous: book.previous,
      at,
    };
    const evidenceDigest = more?.evidenceDigest ?? stoodOn.get(grantId) ?? 'e'.repeat(64);
    if (kind === 'made') stoodOn.set(grantId, evidenceDigest);
    const of = { grantId, account: `daypass_${grantId}`, targetIdentity: 'pg-1' };
    const whole = (
      kind === 'removed' || kind === 'swept'
        ? { ...entry, ...of, kind, removedAt: at, verifiedAt: at + 5, wasPresent: true, sessionsEnded: 1 }
        : { ...entry, ...of, kind, endsAt: at + 60 * minute, ...more, evidenceDigest }
    ) satisfies Receipt;
    book.previous = digest(whole);
    const jws = await signAs(receiptType, whole, receipts);
    written.push(`${jws}\n`);
    return { whole, jws };
  };

  const chains = new Map<string, AuditRecord[]>();
  chains.set('grant/00000000000000000000000001', await approved({ api, passkey, receipt }));
  chains.set('grant/00000000000000000000000002', await automatic({ api, receipt }));
  chains.set('person/manager', await person(api, passkey));
  chains.set('journal', await journal(api));

  const sealed: string[] = [];
  let previous = firstPrevious;
  for (const [index, count] of [4, 8, Infinity].entries()) {
    const heads = [...chains].map(([chain, records]) => ({ chain, ...headOf(records.slice(0, count)) }));
    const seal: Seal = { installation, number: index + 1, previous, at: start + (index + 1) * 60 * minute, heads };
    previous = digest(seal);
    sealed.push(await signAs(sealType, seal, seals));
  }
  return {
    keys: {
      signing: [publicPart(api)],
      seals: [pinned(seals)],
      receipts: [{ ...pinned(receipts), targets: ['orders-db'] }],
    },
    private: { api, receipts, seals },
    passkey,
    chains,
    seals: sealed,
    book: written,
    receipt,
    export: (change) => exported([...chains.values()].flat(), sealed, api, change),
  };
}

/** The lines of an export as the API writes it. */
export async function exported(
  records: readonly AuditRecord[],
  seals: readonly string[],
  key: PrivateJwk,
  change: Partial<ExportHeader> = {},
): Promise<string[]> {
  const body = [...records.map((record) => JSON.stringify(record)), ...seals.map((seal) => JSON.stringify({ seal }))];
  const lines = body.map((line) => `${line}\n`);
  const header: ExportHeader = {
    version: 1,
    installation,
    portal: page.origin,
    by: 'person:auditor',
    at: start + 300 * minute,
    from: start,
    to: start + 300 * minute,
    filter: {},
    chains: new Set(records.map(({ chain }) => chain)).size,
    records: records.length,
    seals: seals.length,
    ...(seals.length > 0 ? { firstSeal: 1, lastSeal: seals.length } : {}),
    begins: {},
    unreadable: [],
    content: createHash('sha256').update(lines.join('')).digest('hex'),
    ...change,
  };
  const signature = await signAs(exportType, { digest: digest(header) }, key);
  return [`${JSON.stringify({ export: header, signature })}\n`, ...lines];
}

function chainOf(chain: string, entries: readonly Entry[]): AuditRecord[] {
  const records: AuditRecord[] = [];
  for (const entry of entries) records.push(following(headOf(records, noHead), { chain, ...entry }));
  // As it comes back from Temporal: members that are undefined are gone.
  return JSON.parse(JSON.stringify(records)) as AuditRecord[];
}

export function requestFor(grantId: string, change: Partial<Request> = {}): Request {
  return {
    grantId,
    requester: 'person:engineer',
    subject: 'person:engineer',
    requesterName: 'Edda Engineer',
    subjectName: 'Edda Engineer',
    entitlement: 'orders-db/read',
    target: 'orders-db',
    justification: 'Look into a late order.',
    requestedDurationMs: 60 * minute,
    requestTime: start,
    ...change,
  };
}

/** The first record of a grant. */
export async function asking(api: PrivateJwk, request: Request): Promise<Entry> {
  const { requestedDurationMs, requester, subject, entitlement, target, requestTime } = request;
  const evidence = await signStatement(
    {
      type: 'request',
      ...signed(request, requester),
      entitlement,
      target,
      subject,
      notBefore: requestTime,
      activateBy: requestTime + 60 * minute,
      endBy: requestTime + 120 * minute,
      longestMs: requestedDurationMs,
    },
    api,
  );
  const detail = { requestedDurationMs, request, requestDigest: digest(request), evidence };
  return { at: requestTime, type: 'requested', by: requester, detail };
}

function signed(request: Request, actor: string) {
  const { grantId, requestTime } = request;
  return {
    installation,
    grantId,
    requestDigest: digest(request),
    actor,
    signIn: { time: requestTime - minute, methods: ['pwd'], groups: [] },
    issuedAt: requestTime,
  };
}

interface Making {
  api: PrivateJwk;
  receipt: AuditWorld['receipt'];
}

async function approved({ api, passkey, receipt }: Making & { passkey: Passkey }): Promise<AuditRecord[]> {
  const request = requestFor('00000000000000000000000001', { entitlement: 'orders-db/write' });
  const step = { about: 'request', step: 0 };
  const by = 'person:manager';
  const approval = { type: 'approve' as const, ...signed(request, by), decisionId: 'd-1', ...step };
  const extension = { type: 'extend' as const, ...signed(request, request.subject), decisionId: 'x-1' };
  const assertion: Assertion = passkey.assert(approval);
  const evidence = await signStatement({ ...approval, assertion }, api);
  const longer = await signStatement({ ...extension, totalMs: 90 * minute, endBy: start + 180 * minute }, api);
  const stands = { name: 'owner', asked: [by], needed: 1, expireAt: start + 20 * minute, usedFallback: false };
  const asked = { decisionId: 'x-1', totalMs: 90 * minute };
  const opening = await asking(api, request);
  const first = { request: opening.detail['evidence'], approvals: [evidence], extensions: [] };
  const more = { ...first, extensions: [{ extension: longer, approvals: [] }] };
  return chainOf(`grant/${request.grantId}`, [
    opening,
    { at: start + 1, type: 'assessed', detail: { verdict: 'pass', score: 20, automatic: false, flow: 'owners' } },
    { at: start + 2, type: 'step-opened', detail: { ...step, ...stands } },
    { at: start + minute, type: 'approved', by, detail: { decisionId: 'd-1', ...step, comment: 'Go on.', evidence } },
    { at: start + minute, type: 'step-completed', detail: step },
    { at: start + minute, type: 'activation-started', detail: {} },
    { at: start + minute + 9, type: 'activated', detail: await made(receipt, request.grantId, start + minute, first) },
    {
      at: start + 30 * minute,
      type: 'extension-asked',
      by: request.subject,
      detail: { ...asked, reason: 'Not done yet.', evidence: longer },
    },
    {
      at: start + 30 * minute + 9,
      type: 'extended',
      detail: { ...asked, ...(await moved(receipt, request.grantId, start + 30 * minute, more)) },
    },
    { at: start + 90 * minute, type: 'time-up', detail: { expireTime: start + 90 * minute } },
    { at: start + 90 * minute, type: 'removal-started', detail: {} },
    { at: start + 90 * minute + 9, type: 'removed', detail: await gone(receipt, request.grantId, start + 90 * minute) },
    { at: start + 90 * minute + 9, type: 'closed', detail: { state: 'ENDED' } },
  ]);
}

async function automatic({ api, receipt }: Making): Promise<AuditRecord[]> {
  const request = requestFor('00000000000000000000000002');
  const opening = await asking(api, request);
  const basis = { request: opening.detail['evidence'], approvals: [], extensions: [] };
  return chainOf(`grant/${request.grantId}`, [
    opening,
    { at: start + 1, type: 'assessed', detail: { verdict: 'pass', score: 5, automatic: true, flow: 'owners' } },
    { at: start + 1, type: 'activation-started', detail: {} },
    { at: start + 9, type: 'activated', detail: await made(receipt, request.grantId, start + 2, basis) },
    { at: start + 20 * minute, type: 'withdrawn', by: request.subject, detail: { decisionId: 'w-1', reason: '' } },
    { at: start + 20 * minute, type: 'removal-started', detail: {} },
    { at: start + 20 * minute + 9, type: 'removed', detail: await gone(receipt, request.grantId, start + 20 * minute) },
    { at: start + 20 * minute + 9, type: 'closed', detail: { state: 'WITHDRAWN' } },
  ]);
}

async function made(
  receipt: Making['receipt'],
  grantId: string,
  at: number,
  basis: object,
): Promise<AuditRecord['detail']> {
  const evidenceDigest = digest(basis);
  const { jws } = await receipt({ kind: 'made', at, grantId, more: { evidenceDigest } });
  const stands = { account: `daypass_${grantId}`, targetIdentity: 'pg-1', evidenceDigest };
  return { ...stands, expireTime: at + 60 * minute, receipt: jws };
}

async function moved(
  receipt: Making['receipt'],
  grantId: string,
  at: number,
  basis: object,
): Promise<AuditRecord['detail']> {
  const { jws } = await receipt({ kind: 'end-moved', at, grantId, more: { evidenceDigest: digest(basis) } });
  return { expireTime: at + 60 * minute, receipt: jws };
}

async function gone(receipt: Making['receipt'], grantId: string, at: number): Promise<AuditRecord['detail']> {
  const { jws } = await receipt({ kind: 'removed', at, grantId });
  const read = { removedAt: at, verifiedAt: at + 5, wasPresent: true, sessionsEnded: 1, remarks: [] };
  return { account: `daypass_${grantId}`, ...read, receipt: jws };
}

async function person(api: PrivateJwk, { credentialId, publicKey }: Passkey): Promise<AuditRecord[]> {
  const by = 'person:manager';
  const signIn = { time: start - 2 * minute, methods: ['pwd'], groups: [] };
  const evidence = await signStatement(
    { type: 'passkey', installation, actor: by, signIn, issuedAt: start - minute, credentialId, publicKey },
    api,
  );
  return chainOf('person/manager', [
    { at: start - minute, type: 'passkey-enrolled', by, detail: { credentialId, name: 'Key', publicKey, evidence } },
    { at: start + minute, type: 'passkey-used', by, detail: { credentialId, for: 'approve', counter: 1 } },
  ]);
}

async function journal(api: PrivateJwk): Promise<AuditRecord[]> {
  const by = 'person:operator';
  const detail = { workflows: ['grant/00000000000000000000000001'], payloads: 3 };
  const note = { type: 'note' as const, installation, noteId: 'n-1', issuedAt: start, event: 'payloads-opened' };
  const evidence = await signStatement({ ...note, by, detail }, api);
  return chainOf('journal', [
    { at: start, type: 'payloads-opened', by, detail: { ...detail, noteId: 'n-1', evidence } },
  ]);
}

function publicPart({ d: _private, ...rest }: PrivateJwk): PublicJwk {
  return rest;
}

function pinned({ kid = '', x = '' }: PrivateJwk): { kid: string; x: string } {
  return { kid, x };
}

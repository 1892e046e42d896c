/**
 * One person's passkeys: everything that can be done to them, as pure steps that say what to record. Whose a passkey is, the API
 * signed at its enrolment; these steps keep the list, let every proof count once, and see when a passkey seems to be copied.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import type { Ref } from './actor.js';
import { refuse, type Refusal } from './failure.js';
import { digest } from './digest.js';
import {
  following,
  headOf,
  noHead,
  pageOf,
  type AuditRecord,
  type Detail,
  type Head,
  type PersonRecordType,
} from './record.js';
import type { Instant, Ms } from './time.js';

export interface Passkey {
  /** base64url, as the authenticator named it. */
  credentialId: string;
  /** COSE key (RFC 9052) in base64url. */
  publicKey: string;
  /** What the person calls it. */
  name: string;
  /** Of the newest proof. Many passkeys always say 0. */
  counter: number;
  transports: string[];
  /** Synced by its maker, so that it may be on other devices too. */
  backedUp: boolean;
  enrolledAt: Instant;
  lastUsedAt?: Instant;
  fingerprint: string;
  /** JWS over a `PasskeyStatement` of the API: without it an entry counts for nothing. */
  evidence: string;
}

/** What a proof was for. */
export const passkeyUses = ['step-up', 'approve', 'request'] as const;
export type PasskeyUse = (typeof passkeyUses)[number];

/** The whole of what is known of a person's passkeys. Plain JSON, handed on from run to run. */
export interface PersonState {
  /** Of the directory. */
  personId: string;
  passkeys: Passkey[];
  /** Digests of removed ones, newest last: they do not come back, whoever still has their statement. */
  removed: string[];
  /** Which challenges were answered, and when: each counts once. Oldest first. */
  answered: { challenge: string; at: Instant }[];
  /** Newest records of the chain, and where it stood before them. */
  records: AuditRecord[];
  before: Head;
  /** Up to which `sequence` records are published. */
  published: number;
}

export const passkeysMax = 10;
/** Together with what else is handed on, below the 64 kB at which Temporal refuses a payload. */
const passkeyBytesMax = 20_000;
const recordBytesMax = 12_000;
const removedMax = 50;
/** Longer than any challenge lives, so that nothing that could still count is forgotten. */
export const answeredForMs: Ms = 15 * 60_000;
const answeredMax = 120;

export function noPasskeys(personId: string): PersonState {
  return { personId, passkeys: [], removed: [], answered: [], records: [], before: noHead, published: 0 };
}

/** After a run that handed nothing on: its passkeys are gone with it, but the chain is not begun a second time. */
export function goingOn(personId: string, { sequence, hash }: Head): PersonState {
  return { ...noPasskeys(personId), before: { sequence, hash }, published: sequence };
}

/** Changed, or only noted, or refused and noted; a refusal without a new state leaves no trace. */
export interface Step {
  state: PersonState;
  refusal?: Refusal;
}

export interface Enrolment extends Pick<
  Passkey,
  'credentialId' | 'publicKey' | 'name' | 'counter' | 'transports' | 'backedUp' | 'evidence'
> {
  by: Ref;
}

export function enrolled(state: PersonState, { by, ...given }: Enrolment, now: Instant): Step {
  const { credentialId, publicKey, name, evidence } = given;
  const isKnown = state.passkeys.some((passkey) => passkey.credentialId === credentialId);
  if (isKnown || state.removed.includes(digest({ credentialId }))) {
    const because = isKnown
      ? 'This passkey is enrolled already.'
      : 'This passkey was removed and does not come back; make a new one on your device.';
    return { state, refusal: refuse('passkey-exists', because) };
  }
  const fingerprint = fingerprintOf(given);
  const passkeys = [...state.passkeys, { ...given, enrolledAt: now, fingerprint }];
  if (passkeys.length > passkeysMax || JSON.stringify(passkeys).length > passkeyBytesMax) {
    const because = `There are ${state.passkeys.length} passkeys already, and no room for more; remove one that you do not use.`;
    return { state, refusal: refuse('too-many-passkeys', because) };
  }
  const detail = { credentialId, name, publicKey, fingerprint, evidence };
  return { state: noted({ ...state, passkeys }, now, 'passkey-enrolled', by, detail) };
}

export function renamed(state: PersonState, { credentialId, name, by }: Renaming, now: Instant): Step {
  const found = find(state, credentialId);
  if (!found) return { state, refusal: unknown };
  if (found.name === name) return { state };
  const passkeys = state.passkeys.map((passkey) => (passkey === found ? { ...passkey, name } : passkey));
  return { state: noted({ ...state, passkeys }, now, 'passkey-renamed', by, { credentialId, name }) };
}

/** Takes away, so it is never refused: what is not there is removed already. */
export function removed(state: PersonState, { credentialId, by }: Removing, now: Instant): Step {
  const found = find(state, credentialId);
  if (!found) return { state };
  const passkeys = state.passkeys.filter((passkey) => passkey !== found);
  const gone = [...state.removed, digest({ credentialId })].slice(-removedMax);
  return { state: noted({ ...state, passkeys, removed: gone }, now, 'passkey-removed', by, { credentialId }) };
}

/** Lets a proof count: once, and only while its counter does not speak of a copy. */
export function used(state: PersonState, use: Using, now: Instant): Step {
  const { credentialId, challenge, counter, by } = use;
  const found = find(state, credentialId);
  if (!found) return refusedUse(state, use, now, unknown);
  const answered = state.answered.filter(({ at }) => at > now - answeredForMs);
  if (answered.some((one) => one.challenge === challenge)) return refusedUse(state, use, now, replayed);
  // Forgetting one would let it count again.
  if (answered.length >= answeredMax) return refusedUse(state, use, now, tooMany);
  const remembered = { ...state, answered: [...answered, { challenge, at: now }] };
  // W3C Web Authentication Level 3, section 6.1.1. Zero says that this passkey does not count.
  if (found.counter > 0 && counter <= found.counter) return refusedUse(remembered, use, now, copied);
  const passkeys = state.passkeys.map((passkey) =>
    passkey === found ? { ...passkey, counter, lastUsedAt: now } : passkey,
  );
  const detail = { credentialId, for: use.for, counter };
  return { state: noted({ ...remembered, passkeys }, now, 'passkey-used', by, detail) };
}

export interface Renaming {
  credentialId: string;
  name: string;
  by: Ref;
}

export interface Removing {
  credentialId: string;
  by: Ref;
}

export interface Using {
  credentialId: string;
  /** As the passkey signed it: whatever identifies it, at most 64 characters. */
  challenge: string;
  counter: number;
  for: PasskeyUse;
  by: Ref;
}

const unknown = refuse('passkey-unknown', 'This passkey is not, or no longer, one of yours.');
const replayed = refuse('passkey-replayed', 'This proof was used before; prove your passkey anew.');
const copied = refuse(
  'passkey-counter',
  'This passkey counts lower than before, as a copy of it would; remove it, and enrol a new one.',
);
const tooMany = refuse('rate-limited', 'This passkey was proven very often just now; try again in some minutes.');

function refusedUse(state: PersonState, { credentialId, by }: Using, now: Instant, refusal: Refusal): Step {
  return { state: noted(state, now, 'passkey-refused', by, { credentialId, code: refusal.refused }), refusal };
}

function find(state: PersonState, credentialId: string): Passkey | undefined {
  return state.passkeys.find((passkey) => passkey.credentialId === credentialId);
}

/** True while so much waits to be published that only removals are taken: a record must never be let go unseen. */
export function isBehind(state: PersonState): boolean {
  return JSON.stringify(unpublished(state)).length > recordBytesMax;
}

export function unpublished({ records, published }: PersonState): AuditRecord[] {
  return records.filter(({ sequence }) => sequence > published);
}

export function headOfPerson({ records, before }: PersonState): Head {
  return headOf(records, before);
}

function noted<Type extends PersonRecordType>(
  state: PersonState,
  at: Instant,
  type: Type,
  by: Ref,
  detail: Detail<Type>,
): PersonState {
  const record = following(headOfPerson(state), { chain: `person/${state.personId}`, at, type, by, detail });
  return { ...state, records: [...state.records, record] };
}

/** For the next run: of what is published already, the newest records that fit. */
export function handedOn(state: PersonState): PersonState {
  const newestFirst = pageOf(state.records.toReversed(), recordBytesMax);
  const kept = Math.max(newestFirst.length, unpublished(state).length);
  const gone = state.records.slice(0, -kept || undefined);
  return { ...state, records: state.records.slice(gone.length), before: headOf(gone, state.before) };
}

/** What two people compare by eye, on the page and in the zone's file: 20 bytes in groups of four characters. */
export function fingerprintOf({ credentialId, publicKey }: Pick<Passkey, 'credentialId' | 'publicKey'>): string {
  const hex = bytesToHex(sha256(utf8ToBytes(`daypass-passkey-1 ${credentialId} ${publicKey}`))).slice(0, 40);
  return hex.match(/.{4}/g)?.join(' ') ?? '';
}

/** What the memo `view` shows of a person: needs no worker to be read. */
export interface PersonView {
  passkeys: Passkey[];
  head: Head;
}

export function personView(state: PersonState): PersonView {
  return { passkeys: state.passkeys, head: headOfPerson(state) };
}

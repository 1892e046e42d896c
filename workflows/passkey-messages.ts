/** The messages that the workflow of a person understands. Reading one never throws, whatever was sent. */
import { defineQuery, defineUpdate } from '@temporalio/workflow';
import { UNVERIFIED } from './domain/actor.js';
import { passkeyUses, type Enrolment, type Removing, type Renaming, type Using } from './domain/passkeys.js';
import type { AuditRecord } from './domain/record.js';
import { plainText } from './domain/text.js';

export const enrol = defineUpdate<void, [Enrolment]>('enrol');
export const rename = defineUpdate<void, [Renaming]>('rename');
/** Narrows: honoured from anyone who can reach the workflow. */
export const remove = defineUpdate<void, [Removing]>('remove');
/** One proof of a passkey, which counts once. */
export const use = defineUpdate<void, [Using]>('use');
/** The person's own audit chain, oldest first, from after this `sequence`. */
export const record = defineQuery<AuditRecord[], [after?: number]>('record');

export const passkeyNameMax = 60;
const idShape = /^[A-Za-z0-9_-]{1,1400}$/;
const keyShape = /^[A-Za-z0-9_-]{1,4000}$/;
const evidenceShape = /^[A-Za-z0-9_.-]{1,16000}$/;
const challengeShape = /^[A-Za-z0-9_-]{1,64}$/;
const transportShape = /^[a-z-]{1,20}$/;
const refShape = /^(person|service|system):[A-Za-z0-9._@-]{1,80}$/;

/** Undefined for whatever is no such message. */
export function readEnrolment(raw: unknown): Enrolment | undefined {
  const { credentialId, publicKey, counter, transports, backedUp, evidence, by, name } = fields<Enrolment>(raw);
  const isRead =
    fits(credentialId, idShape) &&
    fits(publicKey, keyShape) &&
    isCount(counter) &&
    Array.isArray(transports) &&
    transports.length <= 8 &&
    transports.every((transport) => fits(transport, transportShape)) &&
    typeof backedUp === 'boolean' &&
    fits(evidence, evidenceShape) &&
    fits(by, refShape);
  const text = nameOf(name);
  if (!isRead || text === undefined) return undefined;
  return { credentialId, publicKey, name: text, counter, transports: transports as string[], backedUp, evidence, by };
}

export function readRenaming(raw: unknown): Renaming | undefined {
  const { credentialId, name, by } = fields<Renaming>(raw);
  const text = nameOf(name);
  if (!fits(credentialId, idShape) || text === undefined || !fits(by, refShape)) return undefined;
  return { credentialId, name: text, by };
}

/** `by` may be unreadable: nobody is asked who they are before something is taken away. */
export function readRemoving(raw: unknown): Removing | undefined {
  const { credentialId, by } = fields<Removing>(raw);
  if (!fits(credentialId, idShape)) return undefined;
  return { credentialId, by: fits(by, refShape) ? by : UNVERIFIED };
}

export function readUsing(raw: unknown): Using | undefined {
  const { credentialId, challenge, counter, by, for: purpose } = fields<Using>(raw);
  const use = passkeyUses.find((known) => known === purpose);
  const isRead =
    fits(credentialId, idShape) && fits(challenge, challengeShape) && isCount(counter) && fits(by, refShape);
  return isRead && use ? { credentialId, challenge, counter, for: use, by } : undefined;
}

function fields<Message>(raw: unknown): { [Key in keyof Message]?: unknown } {
  return typeof raw === 'object' && raw !== null ? raw : {};
}

function fits(value: unknown, shape: RegExp): value is string {
  return typeof value === 'string' && shape.test(value);
}

/** An authenticator counts in 32 bits. */
function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 2 ** 32;
}

function nameOf(value: unknown): string | undefined {
  const text = typeof value === 'string' ? plainText(value, passkeyNameMax) : '';
  return text === '' ? undefined : text;
}

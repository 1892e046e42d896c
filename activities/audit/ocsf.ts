/**
 * Audit lines in the form of the Open Cybersecurity Schema Framework (OCSF 1.3, category Identity & Access Management), for
 * receivers that know it. `metadata.uid` is the chain and the number in it, the same for every repeat, and the line itself
 * stands whole under `unmapped`, so that what a receiver keeps can still be verified.
 */
import type { AuditRecord, RecordType } from '../../workflows/domain/record.js';

/** Of https://schema.ocsf.io/1.3.0: the classes that fit, by their numbers, and what each says that somebody did. */
const classes = {
  accountChange: { class_uid: 3001, class_name: 'Account Change' },
  authentication: { class_uid: 3002, class_name: 'Authentication' },
  entityManagement: { class_uid: 3004, class_name: 'Entity Management' },
  userAccess: { class_uid: 3005, class_name: 'User Access Management' },
} as const;

type ClassName = keyof typeof classes;

interface Mapping {
  of: ClassName;
  activity: number;
  /** 1 informational, 2 low, 3 medium, 4 high. */
  severity: 1 | 2 | 3 | 4;
  failed?: true;
}

const entity = (activity: number, severity: Mapping['severity'] = 1, failed?: true): Mapping => ({
  of: 'entityManagement',
  activity,
  severity,
  ...(failed && { failed }),
});
const access = (activity: number, severity: Mapping['severity'] = 1, failed?: true): Mapping => ({
  ...entity(activity, severity, failed),
  of: 'userAccess',
});
const account = (activity: number, severity: Mapping['severity'] = 1, failed?: true): Mapping => ({
  ...entity(activity, severity, failed),
  of: 'accountChange',
});

const create = 1;
const look = 2;
const update = 3;
const assign = 1;
const revoke = 2;
const other = 99;

/** One for each type of record; those that are a step in a grant's life are updates of that grant. */
export const mappings: Record<RecordType, Mapping> = {
  requested: entity(create),
  assessed: entity(update),
  'step-opened': entity(update),
  'step-reminded': entity(update),
  'step-escalated': entity(update, 2),
  'step-expired': entity(update, 2),
  approved: entity(update),
  'step-completed': entity(update),
  denied: entity(update),
  'decision-refused': entity(update, 3, true),
  scheduled: entity(update),
  'eligibility-checked': entity(look),
  'activation-started': access(assign),
  activated: access(assign, 2),
  'activation-failed': access(assign, 3, true),
  'extension-asked': entity(update),
  'extension-ended': entity(update),
  extended: access(assign, 2),
  'credential-collected': access(other, 2),
  'renewal-asked': entity(update),
  renewed: access(other, 2),
  'renewal-failed': access(other, 3, true),
  withdrawn: entity(update),
  revoked: entity(update, 2),
  'time-up': entity(update),
  'removal-started': access(revoke),
  'removal-failed': access(revoke, 3, true),
  'removal-overdue': access(revoke, 4, true),
  removed: access(revoke),
  'externally-modified': access(other, 4),
  'tombstone-planted': access(revoke),
  'review-reminded': entity(update, 2),
  reviewed: entity(update),
  closed: entity(update),
  'passkey-enrolled': account(10, 2),
  'passkey-renamed': account(other),
  'passkey-removed': account(11, 2),
  'passkey-used': { of: 'authentication', activity: 1, severity: 1 },
  'passkey-refused': { of: 'authentication', activity: 1, severity: 3, failed: true },
  'payloads-opened': entity(look, 2),
  'temporal-changed': entity(update, 4),
  'temporal-refused': entity(update, 3, true),
  'audit-exported': entity(look, 2),
  'signed-out-everywhere': { of: 'authentication', activity: 2, severity: 2 },
  'stray-removed': access(revoke, 4),
  'stray-stands': access(revoke, 4, true),
  'note-refused': entity(create, 4, true),
};

const version = '1.3.0';
const product = { name: 'Daypass', vendor_name: 'Daypass', feature: { name: 'audit' } };
const category = { category_uid: 3, category_name: 'Identity & Access Management' };

export interface OcsfEvent {
  class_uid: number;
  type_uid: number;
  activity_id: number;
  time: number;
  metadata: { uid: string; version: string; [key: string]: unknown };
  unmapped: object;
  [key: string]: unknown;
}

/** What a line of the audit files says: a record, or a seal. Undefined for what is neither. */
export function eventOf(line: unknown, installation: string): OcsfEvent | undefined {
  if (typeof line !== 'object' || line === null) return undefined;
  if ('seal' in line && typeof line.seal === 'string') return sealEvent(line.seal, installation);
  return isRecord(line) ? recordEvent(line, installation) : undefined;
}

function recordEvent(record: AuditRecord, installation: string): OcsfEvent {
  const { chain, sequence, at, type, by, detail } = record;
  // A type that a newer release writes is an update of something.
  const mapping = Object.hasOwn(mappings, type) ? mappings[type] : entity(other);
  const { failed } = mapping;
  return {
    ...common(mapping, at),
    activity_name: type,
    message: `${type} by ${by} in ${chain}`,
    status_id: failed ? 2 : 1,
    status: failed ? 'Failure' : 'Success',
    ...(typeof detail['because'] === 'string' && { status_detail: detail['because'] }),
    metadata: {
      version,
      product,
      uid: `${chain}/${sequence}`,
      sequence,
      log_name: chain,
      log_provider: installation,
      correlation_uid: chain,
      event_code: type,
    },
    actor: { user: userOf(by) },
    ...(mapping.of === 'entityManagement'
      ? { entity: { uid: chain, type: chain.split('/')[0] } }
      : { user: userOf(typeof detail['account'] === 'string' ? detail['account'] : subjectOf(record)) }),
    ...(mapping.of === 'userAccess' && {
      privileges: [type],
      resource: { uid: chain, ...(typeof detail['target'] === 'string' && { name: detail['target'] }) },
    }),
    ...(mapping.of === 'authentication' && { service: { name: 'Daypass', uid: installation } }),
    unmapped: { record },
  };
}

function sealEvent(seal: string, installation: string): OcsfEvent {
  const { number, at } = claims(seal);
  return {
    ...common(entity(create), at),
    activity_name: 'seal',
    message: `seal ${number}`,
    status_id: 1,
    status: 'Success',
    metadata: {
      version,
      product,
      uid: `seals/${number}`,
      sequence: number,
      log_name: 'seals',
      log_provider: installation,
      event_code: 'seal',
    },
    actor: { user: userOf('system:daypass') },
    entity: { uid: `seals/${number}`, type: 'seal' },
    unmapped: { seal },
  };
}

function common({ of, activity, severity }: Mapping, at: number) {
  const { class_uid, class_name } = classes[of];
  return {
    ...category,
    class_uid,
    class_name,
    activity_id: activity,
    type_uid: class_uid * 100 + activity,
    severity_id: severity,
    time: at,
  };
}

function userOf(name: string): { uid: string; name: string } {
  return { uid: name, name };
}

/** Whom the event is about, as far as its line says; else the one who acted. */
function subjectOf({ chain, by, detail }: AuditRecord): string {
  if (typeof detail['person'] === 'string') return detail['person'];
  return chain.startsWith('person/') ? `person:${chain.slice('person/'.length)}` : by;
}

function isRecord(line: object): line is AuditRecord {
  const { chain, sequence, at, type, by, detail } = line as { [key: string]: unknown };
  const texts = [chain, type, by].every((value) => typeof value === 'string');
  return (
    texts && typeof sequence === 'number' && typeof at === 'number' && typeof detail === 'object' && detail !== null
  );
}

/** Read, not verified: the receiver gets the whole of it. */
function claims(jws: string): { number: number; at: number } {
  try {
    const payload = JSON.parse(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString()) as {
      [key: string]: unknown;
    };
    return { number: Number(payload['number']) || 0, at: Number(payload['at']) || 0 };
  } catch {
    return { number: 0, at: 0 };
  }
}

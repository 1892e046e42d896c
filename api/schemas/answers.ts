/** What the calls answer, beside the grant itself. */
import { z } from 'zod';
import type { AuditRecord } from '../../workflows/domain/record.js';
import { grantStates } from '../../workflows/domain/states.js';
import { GrantBody, OutcomeBody } from './grant.js';
import { isoInstant, wireDuration, wireInstant } from './time.js';

/** 200: judged and applied. */
export const DecisionApplied = z
  .strictObject({ decisionId: z.string(), outcome: OutcomeBody, state: z.enum(grantStates) })
  .meta({ id: 'DecisionApplied' });

/** 202: recorded durably; nobody has judged it yet. Ask the grant for its outcome. */
export const DecisionRecorded = z
  .strictObject({ decisionId: z.string(), recorded: z.literal(true) })
  .meta({ id: 'DecisionRecorded' });

export const GrantPage = z
  .strictObject({
    grants: z.array(GrantBody),
    next: z.string().optional().meta({ description: 'Give it back as `cursor` for the next page' }),
  })
  .meta({ id: 'GrantPage' });
export type GrantPage = z.infer<typeof GrantPage>;

export const RecordBody = z
  .strictObject({
    records: z.array(
      z.strictObject({
        chain: z.string(),
        sequence: z.int(),
        at: z.number().meta({ description: 'Milliseconds since 1970, as the hash was made over it' }),
        time: wireInstant,
        type: z.string(),
        by: z.string(),
        detail: z.record(z.string(), z.unknown()),
        previous: z.string(),
        hash: z.string(),
      }),
    ),
  })
  .meta({ id: 'Record' });
export type RecordBody = z.infer<typeof RecordBody>;

/** One record on the wire: as it was hashed, and its time for people. */
export function recordLine(record: AuditRecord): RecordBody['records'][number] {
  const { chain, sequence, at, type, by, detail, previous, hash } = record;
  return { chain, sequence, at, time: isoInstant(at), type, by, detail, previous, hash };
}

export const CredentialBody = z
  .strictObject({
    collectId: z.string(),
    expireTime: wireInstant,
    /** Opened for the subject. Absent when it is sealed to a key of their own. */
    credential: z
      .strictObject({
        kind: z.literal('postgres'),
        host: z.string(),
        port: z.int(),
        database: z.string(),
        username: z.string(),
        password: z.string(),
      })
      .optional(),
    /** Compact JWE, sealed to the `recipientKey` of the request. */
    sealed: z.string().optional(),
  })
  .meta({ id: 'Credential' });
export type CredentialBody = z.infer<typeof CredentialBody>;

export const EntitlementBody = z
  .strictObject({
    id: z.string(),
    title: z.string(),
    description: z.string(),
    target: z.string(),
    sensitivity: z.enum(['low', 'medium', 'high', 'critical']),
    defaultDuration: wireDuration,
    maximumDuration: wireDuration,
    minimumDuration: wireDuration,
    presets: z.array(wireDuration),
    ticketRequired: z.boolean(),
    justificationLeast: z.int(),
    forSelf: z.boolean().meta({ description: 'The caller may have it' }),
    mayAskForOthers: z.boolean(),
    others: z
      .array(z.strictObject({ subject: z.string(), name: z.string() }))
      .meta({ description: 'For whom else the caller may ask; the first 200' }),
    automatic: z.boolean().meta({ description: 'May pass without approval when the risk is low' }),
    flows: z.array(
      z.strictObject({
        name: z.string(),
        bands: z.array(z.enum(['low', 'elevated', 'high'])).meta({ description: 'The risk that takes this flow' }),
        steps: z.array(z.strictObject({ name: z.string(), approvers: z.array(z.string()), needed: z.int() })),
      }),
    ),
    stepUp: z
      .enum(['request', 'collection'])
      .optional()
      .meta({ description: 'When a passkey must have been proved within the last five minutes' }),
    emergency: z
      .strictObject({ longestDuration: wireDuration, reviewers: z.array(z.string()), passkey: z.boolean() })
      .optional()
      .meta({ description: 'The caller may have it in an emergency, without waiting for anybody' }),
    usualWait: wireDuration.optional().meta({ description: 'Median wait of the newest decided requests, where known' }),
  })
  .meta({ id: 'Entitlement' });
export type EntitlementBody = z.infer<typeof EntitlementBody>;

export const EntitlementList = z.strictObject({ entitlements: z.array(EntitlementBody) }).meta({ id: 'Entitlements' });
export type EntitlementList = z.infer<typeof EntitlementList>;

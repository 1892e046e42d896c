/** Questions to the audit, and what they are answered with. */
import { z } from 'zod';
import { grantRecordTypes, journalRecordTypes, personRecordTypes } from '../../workflows/domain/record.js';
import { isGrantId } from '../../workflows/ids.js';
import { RecordBody } from '../schemas/answers.js';
import { entitlementName, subjectRef, targetName } from '../schemas/names.js';
import { name } from '../schemas/text.js';
import { instant } from '../schemas/time.js';

export const recordTypes = [...grantRecordTypes, ...personRecordTypes, ...journalRecordTypes] as const;

const types = { error: 'type is one of the types of docs/audit.md, such as requested, approved, activated or removed' };
const chain = name(/^(grant\/[0-9a-z]{26}|person\/[A-Za-z0-9][A-Za-z0-9._-]{0,79}|journal)$/, 'chain', 'journal');
const by = name(/^(person|service|system|unverified):[A-Za-z0-9][A-Za-z0-9._-]{0,79}$/, 'by', 'person:manager');

const narrowing = {
  from: instant('from').optional(),
  to: instant('to').optional(),
  chain: chain.optional(),
  grant: z
    .string()
    .refine(isGrantId, { error: 'grant is the id of a grant' })
    .optional()
    .meta({ description: 'The id of one grant; the same as its chain' }),
  type: z.enum(recordTypes, types).optional(),
  by: by.optional(),
  subject: subjectRef.optional(),
  entitlement: entitlementName.optional(),
  target: targetName.optional(),
};

const recordsMost = 200;

export const SearchAudit = z.strictObject({
  ...narrowing,
  cursor: z.string().min(1).max(4_000).optional().meta({ description: 'Opaque: `next` of the page before' }),
  limit: z.coerce
    .number({ error: `limit is a number from 1 to ${recordsMost}` })
    .int({ error: 'limit is a whole number' })
    .min(1, { error: 'limit is at least 1' })
    .max(recordsMost, { error: `limit is at most ${recordsMost}` })
    .default(100),
});
export type SearchAudit = z.infer<typeof SearchAudit>;

export const ExportAudit = z.strictObject({
  ...narrowing,
  format: z.enum(['jsonl', 'csv'], { error: 'format is jsonl or csv' }),
});
export type ExportAudit = z.infer<typeof ExportAudit>;

export type Narrowing = Omit<SearchAudit, 'cursor' | 'limit'>;

export const AuditPage = z
  .strictObject({
    records: RecordBody.shape.records,
    unreadable: z.array(z.string()).meta({ description: 'Chains that cannot answer; an operator should look at them' }),
    next: z.string().optional().meta({ description: 'Give it back as `cursor`: there may be more' }),
  })
  .meta({ id: 'AuditPage' });
export type AuditPage = z.infer<typeof AuditPage>;

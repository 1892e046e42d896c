/** Counts evidence that was refused, so that an alarm can be set on it. */
import { Counter } from 'prom-client';
import type { AuditRecord } from '../workflows/domain/record.js';
import { evidenceRefusedBy } from '../workflows/domain/tells.js';

const refused = new Counter({
  name: 'daypass_evidence_refused_total',
  help: 'Decisions, orders and answers that were refused for want of proof, by code.',
  labelNames: ['code'],
});

/** To be called once for each record. */
export function countRefusals(records: AuditRecord[]): void {
  for (const record of records) {
    const code = evidenceRefusedBy(record);
    if (code !== undefined) refused.inc({ code });
  }
}

/** Searching and exporting the audit. */
import { pipeline } from 'node:stream/promises';
import type { Response } from 'express';
import type { Actor } from '../identity/actor.js';
import { route, type Route } from '../route.js';
import type { Audit } from './audit.js';
import { AuditPage, ExportAudit, SearchAudit } from './schemas.js';

export function auditRoutes(audit: Audit): Route[] {
  return [
    route(
      {
        method: 'get',
        path: '/v1/audit/records',
        may: 'search-audit',
        summary: 'Look for audit records, newest chains first; without a range, of the last day',
        query: SearchAudit,
        answer: { 200: AuditPage },
      },
      async ({ query }) => ({ status: 200, body: await audit.search(query) }),
    ),
    route(
      {
        method: 'get',
        path: '/v1/audit/export',
        may: 'search-audit',
        summary:
          'Whole chains and their seals as JSON Lines, for npm run audit:verify; or records as CSV. Noted in the journal',
        query: ExportAudit,
        answer: { 200: undefined },
        produces: ['application/jsonl', 'text/csv'],
        refusals: ['too-large'],
      },
      async ({ query }, actor, { response }) => {
        await sendExport(audit, query, actor, response);
        return undefined;
      },
    ),
  ];
}

/** Sends the file, or throws before its first byte. */
export async function sendExport(audit: Audit, query: ExportAudit, actor: Actor, response: Response): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  try {
    const { name, type, firstLine, content, done } = await audit.export(query, actor, gone.signal);
    try {
      response.set({ 'Content-Type': type, 'Content-Disposition': `attachment; filename="${name}"` });
      response.set('Cache-Control', 'no-store');
      response.write(firstLine);
      await pipeline(content, response);
    } finally {
      await done();
    }
  } catch (error) {
    // Whoever has gone needs no answer.
    if (!gone.signal.aborted) throw error;
  }
}

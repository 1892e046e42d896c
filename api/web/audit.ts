/** The page of the audit, for auditors and security: a search, its results in sentences, and exports of the same. */
import type { RequestHandler } from 'express';
import { sendExport } from '../audit/routes.js';
import { ExportAudit, recordTypes, SearchAudit, type AuditPage } from '../audit/schemas.js';
import { Problem } from '../problem.js';
import { readPart } from '../route.js';
import { chapters } from './audit-lines.js';
import { errorSummary, readTyped, typedText, wrongFrom, type Typed, type Wrong } from './forms.js';
import type { Desk } from './pages.js';
import { show, visitor } from './visit.js';

const fields = ['from', 'to', 'grant', 'type', 'by', 'subject', 'entitlement', 'target'] as const;
/** Fewer than a call of the API takes: people read these. */
const recordsShown = 60;

export function auditPage(desk: Desk): RequestHandler {
  return async (request, response) => {
    const typed = readTyped(request.query);
    const filter = given(typed);
    const { page, wrong, missing } = await searched(desk, filter, typed['cursor']);
    const address = (path: string, more: Record<string, string> = {}) =>
      `${path}?${new URLSearchParams({ ...shown(typed), ...more }).toString()}`;
    await show(response, desk, 'audit', {
      title: 'Audit',
      here: 'audit',
      status: missing ? 503 : Object.keys(wrong).length > 0 ? 422 : 200,
      filter: typed,
      types: recordTypes,
      filtered: Object.keys(filter).length > 0,
      problems: errorSummary(wrong),
      missing,
      chapters: chapters(page.records, desk.name),
      unreadable: page.unreadable,
      next: page.next === undefined ? undefined : address('/audit', { cursor: page.next }),
      first: address('/audit'),
      paged: typed['cursor'] !== undefined,
      exports: {
        jsonl: address('/audit/export', { format: 'jsonl' }),
        csv: address('/audit/export', { format: 'csv' }),
      },
    });
  };
}

/** As the call of the API, with failures as pages. */
export function exportAudit(desk: Desk): RequestHandler {
  return async (request, response) => {
    const actor = visitor(response);
    const typed = readTyped(request.query);
    const query = readPart(ExportAudit, { ...given(typed), format: typed['format'] }, 'query');
    await sendExport(desk.audit, query, actor, response);
  };
}

/** What was typed, without what was left empty: a link to the next page repeats it. */
function shown(typed: Typed): Record<string, string> {
  const entries = fields.map((field) => [field, typedText(typed[field])] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== ''));
}

/** As the API takes it: times of the form are UTC, and people may be named without the kind. */
function given(typed: Typed): Record<string, string> {
  const filter = shown(typed);
  for (const field of ['from', 'to']) {
    const value = filter[field];
    if (value !== undefined && /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?$/.test(value)) {
      filter[field] = `${value.length === 16 ? `${value}:00` : value}Z`;
    }
  }
  for (const field of ['by', 'subject']) {
    const value = filter[field];
    if (value !== undefined && !value.includes(':')) filter[field] = `person:${value}`;
  }
  return filter;
}

const nothing: AuditPage = { records: [], unreadable: [] };

async function searched(
  desk: Desk,
  filter: Record<string, string>,
  cursor: string | undefined,
): Promise<{ page: AuditPage; wrong: Wrong; missing?: string }> {
  try {
    const more = { limit: String(recordsShown), ...(cursor === undefined ? {} : { cursor }) };
    const query = readPart(SearchAudit, { ...filter, ...more }, 'query');
    return { page: await desk.audit.search(query), wrong: {} };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (error.code === 'temporal-unavailable') return { page: nothing, wrong: {}, missing: error.message };
    if (error.code !== 'invalid') throw error;
    const wrong: Wrong = {};
    for (const { parameter, detail } of error.errors ?? []) wrong[parameter ?? ''] = `${detail}.`.replace('..', '.');
    return { page: nothing, wrong: Object.keys(wrong).length > 0 ? wrong : wrongFrom(error, {}, {}) };
  }
}

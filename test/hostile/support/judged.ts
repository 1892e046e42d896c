/** What holds of every answer, whatever was sent. */
import assert from 'node:assert/strict';
import { failureCodes } from '../../../workflows/domain/failure.js';
import { checkAgainst, type Check, type Document } from '../../support/documented.js';
import { valueOf, type RawAnswer } from './raw-http.js';

/** What only our own machine knows: a stack, a file of ours or of a package. */
const inside = /node_modules|node:internal|\.[jt]s:\d+|\n\s+at \S|file:\/\//;

/** Holds an answer to the document, and to what holds everywhere. */
export function judgeOf(document: Document): (method: string, path: string, answer: RawAnswer) => void {
  const check: Check = checkAgainst(document);
  return (method, path, answer) => {
    judgeAnywhere(answer);
    assert.notEqual(answer.status, 500, textOf(answer));
    const type = valueOf(answer.headers, 'content-type') ?? '';
    const text = textOf(answer);
    const body: unknown = type.includes('json') && !type.includes('jsonl') ? JSON.parse(text) : text;
    check(method, path, { status: answer.status, type, body });
    if (answer.status >= 400) judgeProblem(answer.status, body as Record<string, unknown>);
  };
}

function judgeProblem(status: number, body: Record<string, unknown>): void {
  // Being not ready is no problem of the caller.
  if (body['status'] === 'not ready') return;
  assert.equal(body['status'], status);
  assert.ok(
    failureCodes.some((code) => code === body['type']),
    `${String(body['type'])} is not on the list`,
  );
  // Of the parts that it stands on, any may be slow for a moment; nothing else is a reason.
  if (status > 500)
    assert.match(String(body['type']), /^(temporal-unavailable|identity-unavailable|not-judged|target-unavailable)$/);
}

/** Of pages, files and problems alike. */
export function judgeAnywhere({ status, headers, body }: RawAnswer): void {
  const text = body.toString('utf8');
  assert.ok(status < 500 || status === 503, `${status} ${text}`);
  // The documentation page's own script is a package's, and anyone has it.
  if (!/^text\/(javascript|css)/.test(valueOf(headers, 'content-type') ?? '')) assert.doesNotMatch(text, inside);
  assert.equal(text.includes(process.cwd()), false, 'the body names a folder of ours');
  const header = (name: string) => valueOf(headers, name) ?? '';
  assert.match(header('content-security-policy'), /default-src 'none';.*frame-ancestors 'none'/);
  assert.equal(header('x-content-type-options'), 'nosniff');
  assert.match(header('x-request-id'), /^[0-9a-f-]{36}$/);
  assert.equal(valueOf(headers, 'x-powered-by'), undefined);
  const names = headers.map(([name]) => name).filter((name) => name !== 'set-cookie');
  assert.deepEqual(names, [...new Set(names)], 'a header came twice');
  for (const [name, value] of headers.filter(([known]) => known === 'set-cookie')) {
    assert.match(value, /^(__Host-)?daypass[a-z-]*=[^;]*;.*HttpOnly/i, name);
  }
}

export function textOf({ body }: RawAnswer): string {
  return body.toString('utf8');
}

/** A process of its own that writes audit files and sends them on, so that tests can limit it and kill it. */
import { openAuditFiles } from '../../activities/audit/files.js';
import { httpSink } from '../../activities/audit/http.js';
import { ship } from '../../activities/audit/ship.js';
import { createLog } from '../../activities/platform/log.js';

const [dir = '', url = '', first = '0', count = '0', idleMs = '60000'] = process.argv.slice(2);
const log = createLog('audit', 'info', (line) => process.stderr.write(line));
const files = openAuditFiles({ dir, fileBytesMax: 1_000_000, log });

/** What `append` promised. */
const promised: number[] = [];
for (let number = Number(first); number < Number(first) + Number(count); number += 1) {
  const record = {
    chain: 'journal',
    sequence: number,
    at: Date.now(),
    type: 'payloads-opened',
    by: 'person:a',
    detail: {},
  };
  const kept = await files.append([JSON.stringify({ ...record, previous: 'p'.repeat(64), hash: 'h'.repeat(64) })]).then(
    () => true,
    () => false,
  );
  if (kept) promised.push(number);
}
process.stdout.write(`${JSON.stringify(promised)}\n`);
if (url !== '') {
  const times = { lookMs: 20, firstWaitMs: 20, longestWaitMs: 100, idleMs: Number(idleMs) };
  await ship(
    { dir, files, send: httpSink({ url, installation: 'test' }), keepDays: 1, log, times },
    new AbortController().signal,
  );
}
await files.close();

/** Audit lines on their way to a collector that fails, hangs, comes back, and to which a killed process was just sending. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, readdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { register } from 'prom-client';
import { openAuditFiles, type AuditFiles } from '../../activities/audit/files.js';
import { httpSink, type HttpSinkOptions } from '../../activities/audit/http.js';
import { ship, type ShipOptions } from '../../activities/audit/ship.js';
import { createLog } from '../../activities/platform/log.js';
import { chained, type AuditRecord } from '../../workflows/domain/record.js';
import { answers, startCollector, takes, type Collector } from '../support/collector.js';
import { folder } from '../support/services.js';
import { until } from '../support/until.js';

const quick = { lookMs: 10, firstWaitMs: 10, longestWaitMs: 50, idleMs: 60_000 };
const day = 24 * 3_600_000;

function records(count: number): AuditRecord[] {
  let chain: AuditRecord[] = [];
  for (let made = 0; made < count; made += 1) {
    const detail = { workflows: [`grant/${made}`], payloads: 1 };
    chain = chained(chain, {
      chain: 'journal',
      at: Date.now(),
      type: 'payloads-opened',
      by: 'person:operator',
      detail,
    });
  }
  return chain;
}

describe('audit lines for a collector', function () {
  this.timeout(60_000);
  let dir: string;
  let files: AuditFiles;
  let collector: Collector;
  let lines: string[];
  const stops: (() => Promise<unknown>)[] = [];

  beforeEach(async () => {
    dir = await folder();
    lines = [];
    files = openAuditFiles({ dir, fileBytesMax: 5_000, log: log() });
    collector = await startCollector();
    stops.push(() => collector.stop());
  });

  afterEach(async () => {
    for (const stop of stops.splice(0).reverse()) await stop();
    await files.close();
  });

  const log = () => createLog('test', 'info', (line) => lines.push(line));
  const write = (some: AuditRecord[]) => files.append(some.map((record) => JSON.stringify(record)));
  const sequences = () => collector.taken.map((event) => Number(event.metadata['sequence']));
  const names = async () => (await readdir(dir)).filter((name) => name.endsWith('.jsonl'));

  /** Ships until the test is over, or the answer is called. */
  function start(more: Partial<ShipOptions> = {}, http: Partial<HttpSinkOptions> = {}): () => Promise<void> {
    const stop = new AbortController();
    const send = httpSink({ url: collector.url, installation: 'test', ...http });
    const done = ship({ dir, files, send, keepDays: 30, log: log(), times: quick, ...more }, stop.signal);
    const end = async (): Promise<void> => {
      stop.abort();
      await done;
    };
    stops.push(end);
    return end;
  }

  it('arrive once each and in order, as OCSF events that hold the whole line, with the token', async () => {
    const all = records(50);
    await write(all.slice(0, 30));
    start({}, { token: 'token-of-the-collector' });
    await write(all.slice(30));
    await files.append([JSON.stringify({ seal: `h.${btoa(JSON.stringify({ number: 7, at: 5 }))}.s` })]);
    await until(() => collector.taken.length === 51, { what: 'all events' });
    assert.deepEqual(
      collector.taken.slice(0, 50).map(({ unmapped }) => unmapped),
      all.map((record) => ({ record })),
    );
    assert.equal(collector.taken[0]?.metadata.uid, 'journal/1');
    assert.equal(collector.taken[50]?.metadata.uid, 'seals/7');
    assert.ok(collector.posts.every(({ authorization }) => authorization === 'Bearer token-of-the-collector'));
    assert.ok((await names()).length > 1, 'in several files');
  });

  it('are sent again from where they were when the process starts anew', async () => {
    const all = records(20);
    await write(all.slice(0, 10));
    const end = start();
    // Until that is noted they may come twice.
    const isNoted = async () => (await readdir(dir)).some((name) => name.endsWith('.sent'));
    await until(async () => collector.taken.length === 10 && (await isNoted()), { what: 'a note of what was taken' });
    await end();
    await write(all.slice(10));
    start();
    await until(() => collector.taken.length >= 20);
    assert.deepEqual(
      sequences(),
      all.map(({ sequence }) => sequence),
    );
  });

  it('wait out a collector that is away, answers 500, redirects or hangs, and none is lost', async () => {
    const all = records(40);
    const port = Number(new URL(collector.url).port);
    await collector.stop();
    await write(all.slice(0, 10));
    start();
    await until(() => lines.some((line) => line.includes('not with the collector')), { what: 'the alarm' });
    collector = await startCollector(port);
    collector.behave(answers(500));
    await until(() => collector.posts.length >= 3, { what: 'repeats' });
    collector.behave(answers(302, { location: 'http://localhost:1/elsewhere' }));
    await write(all.slice(10, 20));
    await until(() => collector.posts.length >= 6, { what: 'more repeats' });
    assert.equal(collector.taken.length, 0);
    const lag = await register.getSingleMetricAsString('daypass_audit_http_lag_seconds');
    assert.doesNotMatch(lag, /seconds 0$/m);
    // It took them and did not say so: they come twice.
    collector.behave((response) => {
      response.destroy();
      return true;
    });
    await until(() => collector.taken.length >= 20, { what: 'a lost answer' });
    collector.behave(takes);
    await write(all.slice(20));
    await until(() => new Set(sequences()).size === 40, { what: 'all of them' });
    assert.deepEqual(
      [...new Set(sequences())],
      all.map(({ sequence }) => sequence),
    );
    await until(() => lines.some((line) => line.includes('has all audit lines again')));
    assert.equal(lines.filter((line) => line.includes('not with the collector')).length, 1, 'said once');
    assert.ok(
      lines.every((line) => !line.includes('of the collector"')),
      'nothing of its answers is in the log',
    );
  });

  it('do not hold up writing while the collector hangs', async () => {
    collector.behave(() => false);
    await write(records(1));
    start();
    await until(() => collector.posts.length === 1);
    const from = performance.now();
    await write(records(10));
    assert.ok(performance.now() - from < 1_000);
  });

  it('are sent a few at a time to a collector that takes no more', async () => {
    await write(records(100));
    collector.behave((response, events) => {
      response.writeHead(events.length > 10 ? 413 : 200).end();
      return events.length <= 10;
    });
    start();
    await until(() => collector.taken.length === 100, { what: 'all of them, in small parts' });
  });

  it('of a process that was killed while it was sending come again with the next one, and none is lost', async () => {
    let sender: ChildProcess | undefined;
    for (const round of [0, 1]) {
      collector.behave((response) => {
        // Before it hears that they were taken, then just after.
        if (round === 1) response.writeHead(200).end();
        sender?.kill('SIGKILL');
        return true;
      });
      sender = processOf(round * 100 + 1, 100);
      await once(sender, 'exit');
    }
    collector.behave(takes);
    sender = processOf(201, 100, 50);
    stops.push(async () => void sender?.kill('SIGKILL'));
    await until(() => new Set(sequences()).size === 300, { what: 'all lines of three processes', withinMs: 30_000 });
    await until(() => sequences().length > 300, { what: 'what the killed ones sent, again', withinMs: 20_000 });
    const uids = new Set(collector.taken.map(({ metadata }) => metadata.uid));
    assert.equal(uids.size, 300, 'the same name with every repeat');
  });

  it('that nobody was promised, half a line of a process that died, stand in nobody’s way', async () => {
    const foreign = join(dir, 'audit-2026-01-01-0123456789ab-0001.jsonl');
    const [one = records(1)[0]] = records(1);
    await appendFile(foreign, `${JSON.stringify(one)}\nno json\n{"chain":"jour`);
    await utimes(foreign, new Date(0), new Date(0));
    start({ keepDays: 1 });
    await until(() => collector.taken.length === 1, { what: 'the whole line' });
    await until(async () => (await names()).length === 0, { what: 'the old file to go' });
  });

  it('stay in the folder past their time for as long as they are not sent, and go when they are', async () => {
    await write(records(3));
    const [name = ''] = await names();
    const old = new Date(Date.now() - 3 * day);
    await utimes(join(dir, name), old, old);
    let now = Date.now();
    collector.behave(answers(503));
    start({ keepDays: 2, times: { ...quick, now: () => now } });
    await until(() => collector.posts.length > 3);
    assert.deepEqual(await names(), [name]);
    collector.behave(takes);
    await until(() => collector.taken.length === 3);
    now += 3_600_001;
    await until(async () => (await readdir(dir)).length === 0, { what: 'the file and its cursor to go' });
    await write(records(1));
    await until(() => collector.taken.length === 4, { what: 'writing goes on in a new file' });
  });

  it('go by their age alone where the files are all there is', async () => {
    await write(records(3));
    const [name = ''] = await names();
    await utimes(join(dir, name), new Date(0), new Date(0));
    start({ send: undefined, keepDays: 1 });
    await until(async () => (await names()).length === 0);
    assert.equal(collector.posts.length, 0);
  });

  /** Writes `count` lines from `first` on and sends what stands in the folder. */
  function processOf(first: number, count: number, idleMs = 60_000): ChildProcess {
    const script = ['--import', 'tsx', 'test/support/audit-process.ts'];
    const args = [dir, collector.url, String(first), String(count), String(idleMs)];
    return spawn(process.execPath, [...script, ...args], { stdio: 'ignore' });
  }
});

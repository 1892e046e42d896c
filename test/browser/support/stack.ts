/** The whole system for browser tests, on free ports and in a folder of its own: started once, stopped with the run. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'mocha';
import { freePorts } from '../../../workers/dev/ports.js';
import { startStack, type Stack } from '../../../workers/dev/stack.js';

let started: Promise<{ stack: Stack; folder: string }> | undefined;

/** A cold start may build Temporal first. */
export const startsWithinMs = 600_000;

export async function stack(): Promise<Stack> {
  started ??= start();
  return (await started).stack;
}

async function start(): Promise<{ stack: Stack; folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'daypass-browser-'));
  const names = [
    'DAYPASS_PORT',
    'DAYPASS_PROVIDER_PORT',
    'DAYPASS_MAIL_PORT',
    'DAYPASS_SMTP_PORT',
    'DAYPASS_TEMPORAL_PORT',
    'DAYPASS_TEMPORAL_UI_PORT',
    'DAYPASS_REDIS_PORT',
    'ORDERS_DB_PORT',
  ];
  const ports = await freePorts(names.length);
  const env = {
    ...process.env,
    ...Object.fromEntries(names.map((name, index) => [name, String(ports[index])])),
    DAYPASS_STATE_DIR: folder,
    DAYPASS_LOG_LEVEL: 'warn',
  };
  return { stack: await startStack({ env, tell: () => undefined }), folder };
}

after(async function () {
  if (!started) return;
  this.timeout(60_000);
  const { stack: running, folder } = await started;
  await running.stop();
  await rm(folder, { recursive: true, force: true });
});

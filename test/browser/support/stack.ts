/** The whole system for browser tests, on free ports and in a folder of its own: started once, stopped with the run. */
import { freePorts } from '../../../workers/dev/ports.js';
import { startStack, type Stack } from '../../../workers/dev/stack.js';
import { bundleFile } from '../../support/bundle-file.js';
import { policyFolder } from '../../support/policy.js';
import { folder, whenTestsEnd } from '../../support/services.js';

let started: Promise<Stack> | undefined;

/** A cold start may build Temporal first. */
export const startsWithinMs = 600_000;

export function stack(): Promise<Stack> {
  return (started ??= start());
}

async function start(): Promise<Stack> {
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
    DAYPASS_STATE_DIR: await folder(),
    // A copy, which tests may change.
    DAYPASS_POLICY_DIR: await policyFolder(),
    DAYPASS_LOG_LEVEL: 'warn',
    DAYPASS_WORKFLOW_BUNDLE_FILE: await bundleFile(),
  };
  const running = await startStack({ env, tell: () => undefined });
  whenTestsEnd(() => running.stop());
  return running;
}

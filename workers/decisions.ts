/** The `decisions` process: workflows, and the activities that decide, record and tell. Holds no credential of any target. */
import { readFile } from 'node:fs/promises';
import { Worker, type WorkerDeploymentOptions } from '@temporalio/worker';
import { createReads } from '../activities/assess.js';
import { createChains } from '../activities/audit/chains.js';
import { openAuditFiles } from '../activities/audit/files.js';
import { httpSink } from '../activities/audit/http.js';
import { createSeals } from '../activities/audit/seals.js';
import { ship } from '../activities/audit/ship.js';
import { createStrayNotes } from '../activities/audit/stray.js';
import { createJudges } from '../activities/judge.js';
import { connectMailer } from '../activities/mail/mailer.js';
import { createNotify } from '../activities/notify.js';
import { createCodec } from '../activities/platform/codec.js';
import { decisionsConfig } from '../activities/platform/config.js';
import {
  readCodecKeys,
  readSecret,
  readSigningKey,
  watchReceiptKeys,
  watchSigningKeys,
} from '../activities/platform/keys.js';
import { connectRedis } from '../activities/platform/redis.js';
import { dataConverter, lazyClient } from '../activities/platform/temporal.js';
import { watchPolicy } from '../activities/policy/load.js';
import { createBaselines } from '../activities/policy/risk/baselines.js';
import { createPublish } from '../activities/publish.js';
import { createReconciles } from '../activities/reconciles.js';
import { createTells } from '../activities/tell.js';
import { decisionsQueue } from '../workflows/ids.js';
import { buildOf, whileCurrent } from './build.js';
import { patience, workflowBundle } from './bundle.js';
import { run, serve } from './run.js';
import { keepSchedules } from './schedules.js';
import { keepSealing } from './seals.js';

await run('decisions', decisionsConfig, async (life, config) => {
  const { log } = life;
  const installation = config.DAYPASS_INSTALLATION;
  const keys = await readCodecKeys(config.DAYPASS_CODEC_KEYS_FILE);
  const riskKey = await readSecret(config.DAYPASS_RISK_KEY_FILE);
  const sealKey = await readSigningKey(config.DAYPASS_SEAL_KEY_FILE);
  const auditUrl = config.DAYPASS_AUDIT_HTTP_URL;
  const auditTokenFile = config.DAYPASS_AUDIT_HTTP_TOKEN_FILE;
  const token = auditTokenFile === undefined ? undefined : (await readFile(auditTokenFile, 'utf8')).trim();
  const build = buildOf(config.DAYPASS_WORKER_BUILD);
  const bundle = await workflowBundle(config.DAYPASS_WORKFLOW_BUNDLE_FILE);

  const policy = watchPolicy(config.DAYPASS_POLICY_DIR, log);
  const apiKeys = watchSigningKeys(config.DAYPASS_API_KEYS_FILE, log);
  const receiptKeys = watchReceiptKeys(config.DAYPASS_RECEIPT_KEYS_FILE, log);
  const redis = connectRedis(config.REDIS_URL, log);
  const dir = config.DAYPASS_AUDIT_DIR;
  const files = openAuditFiles({ dir, fileBytesMax: config.DAYPASS_AUDIT_FILE_MB * 1_000_000, log });
  // One foreign grant that cannot be opened must not stop a pass over all of them.
  const client = lazyClient({ keys, onUnreadable: 'mark' });
  try {
    const baselines = createBaselines({ redis, key: riskKey, policy });
    const publish = createPublish(redis);
    const mailer = connectMailer(config.SMTP_URL, config.DAYPASS_MAIL_FROM);
    const notify = createNotify({ mailer, redis, policy, portalUrl: config.DAYPASS_PORTAL_URL, log });
    const reads = createReads({ policy, baselines, apiKeys, receiptKeys, installation });
    const activities = {
      ...reads,
      ...createJudges({ policy, apiKeys, installation }),
      ...createTells({ publish, files, notify, baselines, log }),
      ...createReconciles({ client, notes: createStrayNotes(client), notify, reads, log }),
      ...createChains({ client, installation, apiKeys, receiptKeys, files, sealKey }),
      ...createSeals({ client, codec: createCodec(keys, 'mark'), installation, key: sealKey, log }),
    };
    const serving = serve(life, decisionsQueue, (temporal) =>
      Worker.create({
        ...temporal,
        taskQueue: decisionsQueue,
        workflowBundle: bundle,
        activities,
        dataConverter: dataConverter(keys),
        workerDeploymentOptions: deployment(build),
        ...patience,
        // How long a grant waits for a worker that died. In a storm, whose removals wait longer for one that lives, they lose their place
        // in the row to what follows other removals: at 2 s, three hundred take twice as long, and at 20 s a thousand half as long. But
        // then a grant would wait 20 s for a worker that died.
        stickyQueueScheduleToStartTimeout: '10s',
        // Who comes back finds many grants to read from their histories. Thirty look for those, so that the last does not wait for
        // what follows each of the first; ten look for what is known here, so that a removal does not wait for a flood of requests.
        maxConcurrentWorkflowTaskPolls: 40,
        nonStickyToStickyPollRatio: 0.75,
        // Whoever looks takes one of these: the rest is left for what was found.
        maxConcurrentWorkflowTaskExecutions: 60,
        shutdownGraceTime: '5s',
        shutdownForceTime: '15s',
      }),
    );
    // A call that is under way while Temporal is away would hold up the end.
    const keeping = whileCurrent(life, client, build, (stop) =>
      client.withAbortSignal(stop, () =>
        Promise.all([keepSchedules(client, policy, apiKeys, log, stop), keepSealing(client, log, stop)]),
      ),
    );
    life.waitsFor.delete('start');
    const send = auditUrl === undefined ? undefined : httpSink({ url: auditUrl, token, installation });
    const shipping = ship({ dir, files, send, keepDays: config.DAYPASS_AUDIT_KEEP_DAYS, log }, life.stop);
    await Promise.all([serving, keeping, shipping]);
  } finally {
    policy.close();
    apiKeys.close();
    receiptKeys.close();
    redis.disconnect();
    await files.close();
    await client.connection.close();
  }
});

/**
 * Where the build is named, Temporal gives work to the one that operators made current. Running workflows move with it: were
 * they kept to the build that began them, a removal would wait for a process that may be gone.
 */
function deployment(version: WorkerDeploymentOptions['version'] | undefined): WorkerDeploymentOptions | undefined {
  return version && { version, useWorkerVersioning: true, defaultVersioningBehavior: 'AUTO_UPGRADE' };
}

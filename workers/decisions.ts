/** The `decisions` process: workflows, and the activities that decide, record and tell. Holds no credential of any target. */
import { Worker } from '@temporalio/worker';
import { createReads } from '../activities/assess.js';
import { createJudges } from '../activities/judge.js';
import { connectMailer } from '../activities/mail/mailer.js';
import { createNotify } from '../activities/notify.js';
import { decisionsConfig } from '../activities/platform/config.js';
import { readCodecKeys, readSecret, watchReceiptKeys, watchSigningKeys } from '../activities/platform/keys.js';
import { connectRedis } from '../activities/platform/redis.js';
import { dataConverter, lazyClient } from '../activities/platform/temporal.js';
import { watchPolicy } from '../activities/policy/load.js';
import { createBaselines } from '../activities/policy/risk/baselines.js';
import { createPublish } from '../activities/publish.js';
import { createReconciles } from '../activities/reconciles.js';
import { createTells } from '../activities/tell.js';
import { decisionsQueue } from '../workflows/ids.js';
import { workflowBundle } from './bundle.js';
import { run, serve } from './run.js';
import { keepSchedules } from './schedules.js';

await run('decisions', decisionsConfig, async (life, config) => {
  const { log } = life;
  const installation = config.DAYPASS_INSTALLATION;
  const keys = await readCodecKeys(config.DAYPASS_CODEC_KEYS_FILE);
  const riskKey = await readSecret(config.DAYPASS_RISK_KEY_FILE);
  const bundle = await workflowBundle(config.DAYPASS_WORKFLOW_BUNDLE_FILE);

  const policy = watchPolicy(config.DAYPASS_POLICY_DIR, log);
  const apiKeys = watchSigningKeys(config.DAYPASS_API_KEYS_FILE, log);
  const receiptKeys = watchReceiptKeys(config.DAYPASS_RECEIPT_KEYS_FILE, log);
  const redis = connectRedis(config.REDIS_URL, log);
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
      ...createTells({ publish, notify, baselines, log }),
      ...createReconciles({ client, publish, notify, reads, log }),
    };
    const serving = serve(life, decisionsQueue, (temporal) =>
      Worker.create({
        ...temporal,
        taskQueue: decisionsQueue,
        workflowBundle: bundle,
        activities,
        dataConverter: dataConverter(keys),
        // A worker that died keeps a grant waiting for this long.
        stickyQueueScheduleToStartTimeout: '2s',
        shutdownGraceTime: '5s',
        shutdownForceTime: '15s',
      }),
    );
    life.waitsFor.delete('start');
    // A call that is under way while Temporal is away would hold up the end.
    const schedules = client.withAbortSignal(life.stop, () => keepSchedules(client, policy, log, life.stop));
    await Promise.all([serving, schedules]);
  } finally {
    policy.close();
    apiKeys.close();
    receiptKeys.close();
    redis.disconnect();
    await client.connection.close();
  }
});

/** The API and the pages as one process: reads its settings, serves, and ends on SIGINT or SIGTERM. */
import { collectDefaultMetrics } from 'prom-client';
import { apiConfig } from '../activities/platform/config.js';
import { createLog } from '../activities/platform/log.js';
import { startApi } from './serve.js';

try {
  const config = apiConfig();
  const log = createLog('api', config.DAYPASS_LOG_LEVEL);
  collectDefaultMetrics();
  const api = await startApi(config, log);
  const stop = (): void => void api.close().then(() => log.info('ended'));
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
} catch (error) {
  process.stderr.write(`api: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

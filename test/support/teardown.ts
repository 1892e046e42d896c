/** Loaded by mocha in every run, and by chaos and benchmarks: the services that tests asked for stop when the run ends, also when it is cut short; and the seed. */
import './seed.js';
import { stopServices } from './services.js';

export async function mochaGlobalTeardown(): Promise<void> {
  await stopServices();
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    void stopServices().finally(() => process.exit(1));
  });
}

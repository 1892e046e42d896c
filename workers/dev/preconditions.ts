/** What must be true before anything is started; else one sentence says what is in the way. */
import { mustBeFree } from './ports.js';
import { findStack } from './running.js';
import { type PortName, portVariable, type StackSettings } from './settings.js';
import { Trouble } from './trouble.js';

/** One stack per state folder: two would write the same files. */
export async function mustBeAlone(stateDir: string): Promise<void> {
  const other = await findStack(stateDir);
  if (other === undefined || other.pid === process.pid) return;
  // After a crash the number may belong to any program by now.
  const isUp = await fetch(`${other.addresses.portal}/health/live`, { signal: AbortSignal.timeout(2_000) }).then(
    ({ ok }) => ok,
    () => false,
  );
  if (!isUp) return;
  throw new Trouble(
    `Daypass runs already, as process ${other.pid} at ${other.addresses.portal}: use that one, or stop it with Ctrl-C first.`,
  );
}

const listeners: { port: PortName; what: string; elsewhere?: keyof StackSettings['elsewhere'] }[] = [
  { port: 'portal', what: 'the portal' },
  { port: 'provider', what: 'the identity provider', elsewhere: 'provider' },
  { port: 'mail', what: 'the mail page', elsewhere: 'mail' },
  { port: 'smtp', what: 'mail', elsewhere: 'mail' },
  { port: 'temporal', what: 'Temporal', elsewhere: 'temporal' },
  { port: 'temporalUi', what: 'the Temporal UI', elsewhere: 'temporal' },
  { port: 'redis', what: 'Redis', elsewhere: 'redis' },
  { port: 'ordersDb', what: 'PostgreSQL', elsewhere: 'zone' },
];

export async function portsMustBeFree({ ports, elsewhere }: StackSettings): Promise<void> {
  for (const { port, what, elsewhere: service } of listeners) {
    if (service !== undefined && elsewhere[service]) continue;
    await mustBeFree(ports[port], what, portVariable(port));
  }
}

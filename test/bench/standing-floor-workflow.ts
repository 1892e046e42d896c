/** The least that can stand and be ended: an activity, a timer, a signal that overtakes it, and an activity. */
import { condition, defineSignal, proxyActivities, setHandler } from '@temporalio/workflow';

export const end = defineSignal('end');

const { empty } = proxyActivities<{ empty(phase: Phase): Promise<void> }>({ startToCloseTimeout: '10s' });

export type Phase = 'usable' | 'gone';

export async function standing(seconds: number): Promise<void> {
  let ended = false;
  setHandler(end, () => void (ended = true));
  await empty('usable');
  await condition(() => ended, seconds * 1_000);
  await empty('gone');
}

/** The floor: one signal, two empty activities and a timer; what any durable grant costs at the least. */
import { condition, defineSignal, proxyActivities, setHandler, sleep } from '@temporalio/workflow';

export const go = defineSignal('go');

const { empty } = proxyActivities<{ empty(): Promise<number> }>({ startToCloseTimeout: '10s' });

export interface FloorTimes {
  /** When the first activity after the start, and each after the signal, was done. */
  started: number;
  first: number;
  second: number;
  timerDue: number;
  timerStruck: number;
}

export async function floor(): Promise<FloorTimes> {
  let gone = false;
  setHandler(go, () => void (gone = true));
  const started = await empty();
  await condition(() => gone);
  const first = await empty();
  const second = await empty();
  const timerDue = Date.now() + 1_000;
  await sleep(1_000);
  return { started, first, second, timerDue, timerStruck: await empty() };
}

/** The floor of one grant: signals, empty activities on two queues and a timer; what any durable grant costs at the least. */
import { condition, defineSignal, proxyActivities, setHandler, sleep } from '@temporalio/workflow';

export const go = defineSignal('go');
export const end = defineSignal('end');

export type Phase = 'asked' | 'usable' | 'removed' | 'expired';

export interface Empty {
  empty(phase?: Phase): Promise<void>;
}

const ours = proxyActivities<Empty>({ startToCloseTimeout: '10s' });

/** Answers when its timer was due. */
export async function floor(otherQueue: string): Promise<number> {
  const theirs = proxyActivities<Empty>({ startToCloseTimeout: '10s', taskQueue: otherQueue });
  let gone = false;
  let ended = false;
  setHandler(go, () => void (gone = true));
  setHandler(end, () => void (ended = true));
  await Promise.all([ours.empty('asked'), theirs.empty('asked')]);
  await condition(() => gone);
  await ours.empty();
  await theirs.empty('usable');
  await condition(() => ended);
  await theirs.empty('removed');
  const dueAt = Date.now() + 1_000;
  await sleep(1_000);
  await theirs.empty('expired');
  return dueAt;
}

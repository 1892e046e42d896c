/** The real sealer, and a stand-in for a grant that shows the head that it is told to show. */
import { condition, defineSignal, setHandler, upsertMemo, upsertSearchAttributes } from '@temporalio/workflow';
import { ChangedAt } from '../../../workflows/attributes.js';
import type { Head } from '../../../workflows/domain/record.js';

export { seals } from '../../../workflows/seals.js';

const becomes = defineSignal<[Head]>('becomes');

/** Runs until it is terminated. */
export async function grant(head: Head): Promise<void> {
  const show = (now: Head): void => {
    upsertMemo({ view: { head: now } });
    upsertSearchAttributes([{ key: ChangedAt, value: new Date() }]);
  };
  setHandler(becomes, show);
  show(head);
  await condition(() => false);
}

/** The workflows of reconcile, and a stand-in for a grant that shows what it is told to show and keeps what it is sent. */
import { condition, setHandler, upsertMemo, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import { externallyModified, reassess as reassessSignal } from '../../../workflows/messages.js';
import { GrantState, Target } from '../../../workflows/attributes.js';
import type { GrantView } from '../../../workflows/domain/view.js';

export { reassess, reconcile } from '../../../workflows/reconcile.js';

/** Runs until it is cancelled or terminated; its memo counts the signals that came. */
export async function grant(view: GrantView): Promise<void> {
  const came = { externallyModified: 0, reassess: 0 };
  const note = (name: keyof typeof came): void => {
    came[name] += 1;
    upsertMemo({ came });
  };
  setHandler(externallyModified, () => note('externallyModified'));
  setHandler(reassessSignal, () => note('reassess'));
  upsertMemo({ view });
  upsertSearchAttributes([
    { key: GrantState, value: view.state },
    { key: Target, value: view.target },
  ]);
  await condition(() => workflowInfo().historyLength < 0);
}

/** A stand-in for a grant, for those who look at grants from outside: it shows what it is told to show, and counts what it is sent. */
import {
  condition,
  defineSignal,
  setHandler,
  upsertMemo,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { ChangedAt, GrantState, Target } from '../../../workflows/attributes.js';
import type { GrantView } from '../../../workflows/domain/view.js';
import { externallyModified, reassess } from '../../../workflows/messages.js';

export type Shown = Partial<GrantView>;

export const becomes = defineSignal<[Shown]>('becomes');

/** Runs until it is cancelled or terminated; its memo counts the signals that came. */
export async function grant(first: Shown): Promise<void> {
  const came = { externallyModified: 0, reassess: 0 };
  const note = (name: keyof typeof came): void => {
    came[name] += 1;
    upsertMemo({ came });
  };
  const show = (view: Shown): void => {
    upsertMemo({ view });
    upsertSearchAttributes([
      { key: ChangedAt, value: new Date() },
      { key: GrantState, value: view.state ?? null },
      { key: Target, value: view.target ?? null },
    ]);
  };
  setHandler(externallyModified, () => note('externallyModified'));
  setHandler(reassess, () => note('reassess'));
  setHandler(becomes, show);
  show(first);
  await condition(() => workflowInfo().historyLength < 0);
}

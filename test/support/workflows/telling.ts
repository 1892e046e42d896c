/** A workflow that only tells one change, so that the activity can be watched on the real server. */
import { proxyActivities } from '@temporalio/workflow';
import type { Change, Tells } from '../../../activities/contract.js';

const { tell } = proxyActivities<Tells>({
  startToCloseTimeout: '30s',
  scheduleToCloseTimeout: '1m',
  retry: { initialInterval: '200ms', backoffCoefficient: 1 },
});

export async function telling(change: Change): Promise<void> {
  await tell(change);
}

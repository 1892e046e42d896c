/**
 * Tells everyone who should hear of a change: the live view first, then the audit files, the stream of records, people and the
 * risk baselines.
 *
 * 1. Each part is tried whatever became of the others; when any failed, the activity fails and is retried.
 * 2. A part that was done is not done again after one that failed: heartbeat details carry that to the next attempt.
 * 3. All parts can bear repeating, for the case that a worker dies between doing and noting.
 */
import { ApplicationFailure, Context } from '@temporalio/activity';
import type { AuditFiles } from './audit/files.js';
import type { Change, Tells } from './contract.js';
import { doneBefore } from './done-before.js';
import type { Notify } from './notify.js';
import type { Log } from './platform/log.js';
import type { Publish } from './publish.js';
import { countRefusals } from './refusals.js';

export interface TellDeps {
  publish: Pick<Publish, 'changed' | 'records' | 'seals'>;
  /** On the disk, for good: all other sinks read from there. */
  files: Pick<AuditFiles, 'append' | 'keepSeal'>;
  notify: Pick<Notify, 'tell'>;
  /** Risk baselines learn from what happened. */
  baselines: { note(change: Change): Promise<void> };
  log: Log;
}

type Part = 'live' | 'files' | 'records' | 'mail' | 'baselines';

/** So often, over some twenty minutes, the live stream may refuse a publication of the audit: it is a tail, not the archive. */
const streamAttemptsMax = 12;

export function createTells({ publish, files, notify, baselines, log }: TellDeps): Tells {
  return {
    async tell(change) {
      const { view, records } = change;
      const context = Context.current();
      const done = doneBefore();
      const failed: Part[] = [];
      if (context.info.attempt === 1) countRefusals(records);

      const attempt = async (part: Part, work: () => Promise<void>): Promise<void> => {
        if (done.has(part)) return;
        try {
          await work();
          done.add(part);
        } catch (error) {
          failed.push(part);
          const fields = {
            err: error,
            part,
            grantId: view.grantId,
            change: view.changes,
            attempt: context.info.attempt,
          };
          log.warn(fields, 'could not tell a change; it is told again');
        }
      };

      // Somebody may be looking: nothing else comes before this.
      await attempt('live', () => publish.changed(view.grantId));
      await Promise.all([
        attempt('files', () => files.append(records.map((record) => JSON.stringify(record)))),
        attempt('records', () => publish.records(records)),
        attempt('mail', () => notify.tell(change)),
        attempt('baselines', () => baselines.note(change)),
      ]);
      // The reasons are in the log: error texts of servers stay out of history.
      if (failed.length > 0) {
        // Only then is there a next attempt to tell: each heartbeat is a write of Temporal's.
        context.heartbeat([...done]);
        throw ApplicationFailure.create({ message: `Not told yet: ${failed.join(', ')}.`, type: 'not-told' });
      }
    },

    async publish({ records, seals = [] }) {
      const { attempt } = Context.current().info;
      if (attempt === 1) countRefusals(records);
      try {
        await files.append([
          ...records.map((record) => JSON.stringify(record)),
          ...seals.map((seal) => JSON.stringify({ seal })),
        ]);
        for (const seal of seals) await files.keepSeal(seal);
      } catch (error) {
        log.warn({ err: error, attempt }, 'could not write records to the audit files; it is tried again');
        throw ApplicationFailure.create({ message: 'Not in the audit files yet.', type: 'not-told' });
      }
      try {
        await publish.records(records);
        await publish.seals(seals);
      } catch (error) {
        log.warn({ err: error, attempt }, 'could not show records in the live stream');
        if (attempt >= streamAttemptsMax) return;
        throw ApplicationFailure.create({ message: 'Not in the live stream yet.', type: 'not-told' });
      }
    },
  };
}

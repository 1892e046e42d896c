/** Replays histories one after another in one worker: one of its own for each would compile the whole bundle each time. */
import { type ReplayHistoriesIterable, type ReplayWorkerOptions, Worker } from '@temporalio/worker';
import { patience } from '../../workers/bundle.js';

type Replayed = ReplayHistoriesIterable extends AsyncIterable<infer T> | Iterable<infer T> ? T : never;

export class Replayer {
  private readonly given: Replayed[] = [];
  private readonly results: ReturnType<typeof Worker.runReplayHistories>;
  private last: Promise<unknown> = Promise.resolve();

  constructor(options: ReplayWorkerOptions) {
    this.results = Worker.runReplayHistories({ ...patience, ...options }, this.handed());
  }

  /** Rejects with what does not replay. */
  replay(history: Replayed['history'], workflowId: string): Promise<void> {
    const replayed = this.last.then(async () => {
      this.given.push({ history, workflowId });
      const { value } = await this.results.next();
      if (!value) throw new Error('The replayer is closed.');
      if (value.error) throw value.error;
    });
    this.last = replayed.catch(() => undefined);
    return replayed;
  }

  async close(): Promise<void> {
    await this.last;
    await this.results.return?.(undefined);
  }

  /** Asked for the next one whenever there is one. */
  private *handed(): Generator<Replayed> {
    for (let next = this.given.shift(); next; next = this.given.shift()) yield next;
  }
}

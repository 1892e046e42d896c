/** Things that were started, in layers: what stands on others stops before them. */
export interface Part {
  name: string;
  stop(): Promise<void>;
}

export class Layers {
  readonly #layers: Part[][] = [];

  /** Starts all parts together; layers are about stopping. When one fails, the others are waited for, so that `stop` knows them. */
  async add(...layers: Promise<Part | undefined>[][]): Promise<void> {
    const results = await Promise.allSettled(
      layers.flatMap((starts) => {
        const layer: Part[] = [];
        this.#layers.push(layer);
        return starts.map(async (start) => {
          const part = await start;
          if (part) layer.push(part);
        });
      }),
    );
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  /** Stops everything, the last layer first. One that cannot be stopped keeps no other from stopping. */
  async stop(): Promise<void> {
    const failures: unknown[] = [];
    for (let layer = this.#layers.pop(); layer !== undefined; layer = this.#layers.pop()) {
      const results = await Promise.allSettled(layer.map((part) => part.stop()));
      failures.push(...results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : [])));
    }
    if (failures.length > 0) throw new AggregateError(failures, 'Not everything could be stopped.');
  }
}

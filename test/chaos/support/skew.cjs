/** Preloaded (`--require`, which threads heed before they do anything) by a test: this process is so many milliseconds away. */
const awayMs = Number(process.env.CHAOS_CLOCK_AWAY_MS ?? 0);
const trueNow = Date.now.bind(Date);

const Skewed = new Proxy(Date, {
  construct: (target, given, newTarget) =>
    Reflect.construct(target, given.length === 0 ? [trueNow() + awayMs] : given, newTarget),
  apply: (target) => new target(trueNow() + awayMs).toString(),
});
Skewed.now = () => trueNow() + awayMs;
Date.prototype.constructor = Skewed;
globalThis.Date = Skewed;

/** Preloaded into one process by a test: its clock is so many milliseconds away from the machine's, in all its threads. */
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

/** Calls that wait for a grant: as many as one caller may have, and each for as long as the caller's sign-in holds. */
import { abortsWithin } from '../../activities/platform/deadline.js';
import type { Ms } from '../../workflows/domain/time.js';
import type { GrantView } from '../../workflows/domain/view.js';
import type { Actor } from '../identity/actor.js';
import { endsSignIn } from '../identity/sign-outs.js';
import { notFound, Problem } from '../problem.js';
import type { HandlerDeps } from './deps.js';
import { standingOf, today, type Standing } from './standing.js';

/** Each waiting call looks at its grant with every change, so that their number is bounded. */
const waitsPerActor = 50;

/** The grant once it is as wanted, or as it is when the time is up or the caller has gone. */
export type Waits = (
  first: Standing,
  actor: Actor,
  isWanted: (view: GrantView) => boolean,
  withinMs: Ms,
  gone?: AbortSignal,
) => Promise<Standing>;

export function createWaits(deps: Pick<HandlerDeps, 'grants' | 'policy' | 'live'>): Waits {
  const waiting = new Map<string, number>();

  async function counted<T>({ ref }: Actor, wait: () => Promise<T>): Promise<T> {
    const before = waiting.get(ref) ?? 0;
    if (before >= waitsPerActor) {
      const because = `You have ${waitsPerActor} calls waiting for changes; let one of them end first.`;
      throw new Problem('rate-limited', because, { retryAfterSeconds: 10 });
    }
    waiting.set(ref, before + 1);
    try {
      return await wait();
    } finally {
      const now = (waiting.get(ref) ?? 1) - 1;
      if (now > 0) waiting.set(ref, now);
      else waiting.delete(ref);
    }
  }

  async function wanted(...[first, actor, isWanted, withinMs, gone]: Parameters<Waits>): Promise<Standing> {
    const { grantId } = first.found.view;
    const lastsMs = Math.max(0, Math.min(withinMs, actor.until - Date.now()));
    // Whoever signed out waits no longer. News may be lost or forged: what is handed over after a wait asks `stillKnown`.
    const signedOut = new AbortController();
    const signal = abortsWithin(lastsMs, signedOut.signal, ...(gone ? [gone] : []));
    const news = createBell(signal);
    const stops = [
      deps.live.watch(grantId, news.ring),
      deps.live.onSignOut((message) => {
        if (endsSignIn(message, actor)) signedOut.abort();
      }),
    ];
    try {
      let latest = first;
      // Between the first look and the watch there was a gap: look once more before waiting.
      while (!isWanted(latest.found.view) && !signal.aborted) {
        const who = today(deps.policy(), actor);
        if (!who) throw notFound();
        latest = await standingOf(deps, grantId, who);
        if (isWanted(latest.found.view)) break;
        await news.rung();
      }
      return latest;
    } finally {
      for (const stop of stops) stop();
    }
  }

  return (...given) => counted(given[1], () => wanted(...given));
}

/** Remembers one ring between two waits, so that none is missed. */
function createBell(signal: AbortSignal): { ring: () => void; rung: () => Promise<void> } {
  let isRung = false;
  let wake = () => {};
  signal.addEventListener('abort', () => wake(), { once: true });
  return {
    ring: () => {
      isRung = true;
      wake();
    },
    rung: () =>
      new Promise((resolve) => {
        wake = () => {
          // A ring from here on is for the next wait.
          wake = () => {};
          isRung = false;
          resolve();
        };
        if (isRung || signal.aborted) wake();
      }),
  };
}

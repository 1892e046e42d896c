/** Live changes of one grant by server-sent events, for as long as the caller may see it and their sign-in holds. */
import type { Response } from 'express';
import type { HandlerDeps } from '../handlers/deps.js';
import { bodyOf, standingOf, today } from '../handlers/standing.js';
import type { Actor } from '../identity/actor.js';
import { endsSignIn } from '../identity/sign-outs.js';
import type { Live } from '../live.js';
import { notFound, Problem } from '../problem.js';
import { route, type Route } from '../route.js';
import { GrantRef } from '../schemas/names.js';

const streamsPerActor = 10;
const heartbeatMs = 15_000;
/** Bytes that a reader may be behind. */
const unreadMost = 1_000_000;
/** `setTimeout` takes no more. */
const longestTimerMs = 2 ** 31 - 1;

export function eventRoutes(deps: HandlerDeps & { live: Live }): Route[] {
  const open = new Map<string, number>();

  function count(actor: Actor, by: 1 | -1): number {
    const now = (open.get(actor.ref) ?? 0) + by;
    if (now > 0) open.set(actor.ref, now);
    else open.delete(actor.ref);
    return now;
  }

  return [
    route(
      {
        method: 'get',
        path: '/v1/grants/:id/events',
        may: 'see',
        summary: 'Live changes: an event `grant` with the grant as JSON, now and whenever it changes',
        params: GrantRef,
        answer: { 200: undefined },
        produces: ['text/event-stream'],
      },
      async ({ params }, actor, { response }) => {
        // Whoever leaves while their grant is looked up must be counted out all the same.
        response.once('close', () => count(actor, -1));
        if (count(actor, 1) > streamsPerActor) {
          const because = `You have ${streamsPerActor} live views open; close one first.`;
          throw new Problem('rate-limited', because, { retryAfterSeconds: 10 });
        }
        // Before the headers, so that 404 and 503 are still possible.
        await standingOf(deps, params.id, actor);
        if (!response.destroyed) stream(deps, params.id, actor, response);
        return undefined;
      },
    ),
  ];
}

function stream(deps: HandlerDeps & { live: Live }, id: string, actor: Actor, response: Response): void {
  response.set({ 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' });
  response.flushHeaders();

  const write = (text: string): void => {
    // After its end a stream must not be written to; and who does not read must not fill our memory.
    if (response.writableEnded || response.destroyed) return;
    if (response.writableLength > unreadMost) response.end();
    else response.write(text);
  };

  let sent = -1;
  let isLooking = false;
  let again = false;
  /** Looks once at a time; what changes meanwhile is one more look. */
  const look = async (): Promise<void> => {
    again = true;
    if (isLooking) return;
    isLooking = true;
    try {
      while (again && !response.writableEnded) {
        again = false;
        const who = today(deps.policy(), actor);
        if (!who) throw notFound();
        const { found } = await standingOf(deps, id, who);
        const { changes } = found.view;
        if (changes === sent) continue;
        sent = changes;
        write(`id: ${changes}\nevent: grant\ndata: ${JSON.stringify(bodyOf(deps, found, who))}\n\n`);
      }
    } catch (error) {
      // No longer theirs to see: the stream ends. Temporal away for a moment: the next news, or the safety look, tries again.
      if (error instanceof Problem && error.code === 'not-found') response.end();
    } finally {
      isLooking = false;
    }
  };

  const heartbeat = setInterval(() => write(': still here\n\n'), heartbeatMs);
  const end = setTimeout(() => response.end(), Math.min(longestTimerMs, Math.max(0, actor.until - Date.now())));
  const stops = [
    deps.live.watch(id, () => void look()),
    deps.live.onSignOut((message) => {
      if (endsSignIn(message, actor)) response.end();
    }),
  ];
  response.once('close', () => {
    clearInterval(heartbeat);
    clearTimeout(end);
    for (const stop of stops) stop();
  });
  void look();
}

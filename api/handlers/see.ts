/** Looking: one grant, many of them, what waits for the actor, and the record. */
import { abortsWithin } from '../../activities/platform/deadline.js';
import type { Ms } from '../../workflows/domain/time.js';
import { digest } from '../../workflows/domain/digest.js';
import { mayEverywhere } from '../../workflows/domain/rights.js';
import { liveStates, terminalStates } from '../../workflows/domain/states.js';
import { all, concerns, grantsOnly, is, isOneOf, waitsFor, type Filter } from '../filter.js';
import type { Handlers } from '../handlers.js';
import type { Actor } from '../identity/actor.js';
import { notFound, Problem } from '../problem.js';
import { recordLine } from '../schemas/answers.js';
import type { HandlerDeps } from './deps.js';
import { actionsNow, bodyOf, selectorsOf, standingOf, today, type Standing } from './standing.js';

const cursorLifetimeMs: Ms = 3_600_000;
/** Each waiting call looks at its grant with every change, so that their number is bounded. */
const waitsPerActor = 50;

export function seeHandlers(deps: HandlerDeps): Pick<Handlers, 'see' | 'list' | 'approvals' | 'record'> {
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

  async function page(filter: Filter, query: { cursor?: string; limit: number }) {
    const of = digest({ filter });
    const token = query.cursor === undefined ? undefined : await readCursor(query.cursor, of);
    const { found, token: next } = await deps.grants.list(filter, { limit: query.limit, token });
    return { found, next: next && (await deps.sealer.seal('cursor', { token: next, of }, cursorLifetimeMs)) };
  }

  /** A cursor holds only for the list, and so the caller, that it was made for. */
  async function readCursor(cursor: string, of: string): Promise<string> {
    const opened = await deps.sealer.open('cursor', cursor);
    if (typeof opened?.['token'] === 'string' && opened['of'] === of) return opened['token'];
    const detail = 'This cursor is not of this list, or is too old; start from the first page.';
    throw new Problem('invalid', detail, { errors: [{ parameter: 'cursor', detail }] });
  }

  return {
    see: async (id, query, actor, gone) => {
      const { wait, after } = query;
      const first = await standingOf(deps, id, actor);
      const standing =
        wait === undefined ? first : await counted(actor, () => changed(deps, first, actor, { wait, after }, gone));
      return bodyOf(deps, standing.found, actor);
    },

    list: async (query, actor) => {
      const filter = all(
        grantsOnly,
        given('GrantState', query.state),
        given('Subject', query.subject),
        given('Entitlement', query.entitlement),
        given('Target', query.target),
        given('Requester', query.requester),
        query.live === undefined ? undefined : isOneOf('GrantState', query.live ? liveStates : terminalStates),
        mayEverywhere('see-all', actor.roles) ? undefined : concerns(actor.ref, selectorsOf(actor)),
      );
      const { found, next } = await page(filter, query);
      return { grants: found.map((each) => bodyOf(deps, each, actor)), next };
    },

    approvals: async (query, actor) => {
      const filter = waitsFor(selectorsOf(actor));
      const { found, next } = await page(filter, query);
      const mine = found.filter((each) => {
        const may = actionsNow(deps.policy(), each, actor);
        return may.includes('decide') || may.includes('review');
      });
      return { grants: mine.map((each) => bodyOf(deps, each, actor)), next };
    },

    record: async (id, actor) => {
      await standingOf(deps, id, actor);
      const records = await deps.grants.record(id);
      return {
        records: records.map(recordLine),
      };
    },
  };
}

function given(attribute: Parameters<typeof is>[0], value: string | undefined): Filter | undefined {
  return value === undefined ? undefined : is(attribute, value);
}

/** The grant once it is newer than `after` (or than now), or as it is when the time is up or the caller has gone. */
async function changed(
  deps: HandlerDeps,
  first: Standing,
  actor: Actor,
  query: { wait: Ms; after?: number },
  gone?: AbortSignal,
): Promise<Standing> {
  const { grantId } = first.found.view;
  const after = query.after ?? first.found.view.changes;
  const signal = abortsWithin(query.wait, ...(gone ? [gone] : []));
  const news = createBell(signal);
  const stop = deps.live.watch(grantId, news.ring);
  try {
    let latest = first;
    // Between the first look and the watch there was a gap: look once more before waiting.
    while (latest.found.view.changes <= after && !signal.aborted) {
      const who = today(deps.policy(), actor);
      if (!who) throw notFound();
      latest = await standingOf(deps, grantId, who);
      if (latest.found.view.changes > after) break;
      await news.rung();
    }
    return latest;
  } finally {
    stop();
  }
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
          isRung = false;
          resolve();
        };
        if (isRung || signal.aborted) wake();
      }),
  };
}

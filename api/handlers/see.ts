/** Looking: one grant, many of them, what waits for the actor, and the record. */
import type { Ms } from '../../workflows/domain/time.js';
import { digest } from '../../workflows/domain/digest.js';
import { mayEverywhere } from '../../workflows/domain/rights.js';
import { liveStates, terminalStates } from '../../workflows/domain/states.js';
import type { GrantView } from '../../workflows/domain/view.js';
import { all, concerns, grantsOnly, is, isOneOf, waitsFor, type Filter } from '../filter.js';
import type { Handlers } from '../handlers.js';
import { Problem } from '../problem.js';
import { recordLine } from '../schemas/answers.js';
import type { HandlerDeps } from './deps.js';
import { actionsNow, bodyOf, selectorsOf, standingOf } from './standing.js';
import type { Waits } from './waits.js';

const cursorLifetimeMs: Ms = 3_600_000;

export function seeHandlers(deps: HandlerDeps, waits: Waits): Pick<Handlers, 'see' | 'list' | 'approvals' | 'record'> {
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
      const known = after ?? first.found.view.changes;
      const isNews = ({ changes }: GrantView): boolean => changes > known;
      const standing = wait === undefined ? first : await waits(first, actor, isNews, wait, gone);
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

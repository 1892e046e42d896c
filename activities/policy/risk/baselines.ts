/**
 * Remembers in Redis what is usual for each human, so that whoever owns Redis can raise risk and never lower it.
 *
 * 1. A past counts only with our HMAC over it and its key: nobody else can write one, or move one between people.
 * 2. Each process remembers how far each past had come. One that is gone, or an older copy put back, is a lost past, and
 *    stays one for an hour, written into its successor: a lost past is a missing signal, and nothing is automatic.
 * 3. Every grant counts once, however often it is noted.
 *
 * Known gap: a Redis wiped while every deciding process is restarted looks like the first day, when everything is a first use.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { Change } from '../../contract.js';
import type { PolicyWatch } from '../load.js';
import type { Ref } from '../../../workflows/domain/actor.js';
import type { Request } from '../../../workflows/domain/request.js';
import type { Instant, Ms } from '../../../workflows/domain/time.js';
import { keptMs, noted, type Past, type PastGrant } from './past.js';

/** Assessing never waits longer for Redis. */
const answerWithinMs: Ms = 500;
const distrustMs: Ms = 3_600_000;
/** How many humans a process remembers the sequence of. */
const marksMax = 50_000;

export interface BaselineDeps {
  redis: Pick<Redis, 'get' | 'eval'>;
  /** 32 bytes. */
  key: Uint8Array;
  policy: Pick<PolicyWatch, 'current'>;
  now?: () => Instant;
}

/** Undefined: it cannot be read or trusted, which is a missing signal. */
export type KnownPast = readonly PastGrant[] | undefined;

export interface Baselines {
  /** Notes that this was asked, and returns what came before it. Answers within 500 ms, and never rejects. */
  asked(request: Request): Promise<{ requester: KnownPast; subject: KnownPast }>;
  /** Notes what became of a grant; repeats count once. Rejects when Redis cannot be reached: note it again then. */
  note(change: Pick<Change, 'request' | 'view'>): Promise<void>;
}

const storedPast = z.object({
  sequence: z.int().positive(),
  lostAt: z.number().optional(),
  grants: z.array(
    z.object({
      id: z.string(),
      entitlement: z.string(),
      at: z.number(),
      ms: z.number(),
      result: z.enum(['asked', 'used', 'denied']),
    }),
  ),
});

/** Writes only over what was read. */
const replace = `
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1`;

export function createBaselines({ redis, key, policy, now = Date.now }: BaselineDeps): Baselines {
  const marks = new Map<string, number>();
  const queues = new Map<string, Promise<unknown>>();

  /** One after the other for each human, so that a burst does not trip over itself. */
  function inTurn<T>(human: string, work: () => Promise<T>): Promise<T> {
    const turn = (queues.get(human) ?? Promise.resolve()).then(work);
    const settled = turn.then(
      () => undefined,
      // Its own caller hears of it; the next in line goes on.
      () => undefined,
    );
    queues.set(human, settled);
    void settled.then(() => {
      if (queues.get(human) === settled) queues.delete(human);
    });
    return turn;
  }

  /** Returns the past as it was before. */
  async function remember(ref: Ref, grant: PastGrant, deadline: Instant): Promise<Past> {
    const human = policy.current().human(ref);
    const name = `daypass:risk:${human}`;
    return inTurn(human, async () => {
      for (let round = 0; now() < deadline; round += 1) {
        // Another process wrote the same past in between: each round one gets through, and chance keeps it fair.
        if (round > 0) await pause(Math.random() * Math.min(round, 10) * 2);
        const stored = (await redis.get(name)) ?? '';
        const before = read(name, stored, human);
        const after = noted(before, grant, now());
        if (after === before) return before;
        const written = await redis.eval(replace, 1, name, stored, seal(name, after), keptMs);
        if (written === 1) {
          mark(human, after.sequence);
          return before;
        }
      }
      throw new Error('the baselines in Redis could not be written in time');
    });
  }

  function read(name: string, stored: string, human: string): Past {
    const reached = marks.get(human) ?? 0;
    const past = open(name, stored);
    if (past !== undefined && past.sequence >= reached) {
      mark(human, past.sequence);
      return past;
    }
    // Nothing there and nothing expected: someone new.
    if (stored === '' && reached === 0) return { sequence: 0, grants: [] };
    return { sequence: reached, lostAt: now(), grants: [] };
  }

  function mark(human: string, sequence: number): void {
    marks.delete(human);
    marks.set(human, sequence);
    const oldest = marks.size > marksMax ? marks.keys().next().value : undefined;
    if (oldest !== undefined) marks.delete(oldest);
  }

  function mac(name: string, text: string): Buffer {
    return createHmac('sha256', key).update(`${name}\n${text}`).digest();
  }

  function seal(name: string, past: Past): string {
    const text = JSON.stringify(past);
    return `${mac(name, text).toString('base64url')}.${text}`;
  }

  function open(name: string, stored: string): Past | undefined {
    const at = stored.indexOf('.');
    const claimed = Buffer.from(stored.slice(0, Math.max(at, 0)), 'base64url');
    const text = stored.slice(at + 1);
    const real = mac(name, text);
    if (claimed.length !== real.length || !timingSafeEqual(claimed, real)) return undefined;
    const found = storedPast.safeParse(JSON.parse(text));
    if (!found.success) return undefined;
    const { lostAt, ...past } = found.data;
    return lostAt === undefined ? past : { ...past, lostAt };
  }

  /** What came before, without the grant itself. */
  async function known(ref: Ref, grant: PastGrant): Promise<KnownPast> {
    const done = new AbortController();
    try {
      const deadline = now() + answerWithinMs;
      const late = pause(answerWithinMs, undefined, { signal: done.signal }).then(() => {
        throw new Error('Redis gave no answer in time');
      });
      const past = await Promise.race([remember(ref, grant, deadline), late]);
      if (past.lostAt !== undefined && now() - past.lostAt < distrustMs) return undefined;
      return past.grants.filter(({ id }) => id !== grant.id);
    } catch {
      // Missing, which the risk says, counts and shows; nothing is automatic without it.
      return undefined;
    } finally {
      done.abort();
    }
  }

  const sameHuman = ({ requester, subject }: Request) =>
    policy.current().human(requester) === policy.current().human(subject);

  return {
    async asked(request) {
      const grant = grantOf(request, 'asked', request.requestedDurationMs);
      if (sameHuman(request)) {
        const past = await known(request.subject, grant);
        return { requester: past, subject: past };
      }
      const [requester, subject] = await Promise.all([known(request.requester, grant), known(request.subject, grant)]);
      return { requester, subject };
    },
    async note({ request, view }) {
      const ms = view.grantedDurationMs ?? request.requestedDurationMs;
      const grant = grantOf(request, resultOf(view), ms);
      const deadline = now() + 10 * answerWithinMs;
      const refs = sameHuman(request) ? [request.subject] : [request.requester, request.subject];
      await Promise.all(refs.map((ref) => remember(ref, grant, deadline)));
    },
  };
}

function grantOf(request: Request, result: PastGrant['result'], ms: Ms): PastGrant {
  const { grantId: id, entitlement, requestTime: at } = request;
  return { id, entitlement, at, ms, result };
}

/** A no of people or of eligibility is a denial; a target or a clock that said no says nothing about the person. */
function resultOf({ state, ending, accessGrantTime }: Change['view']): PastGrant['result'] {
  if (accessGrantTime !== undefined) return 'used';
  if (state === 'DENIED' && (ending?.code === 'denied' || ending?.code === 'not-eligible')) return 'denied';
  return 'asked';
}

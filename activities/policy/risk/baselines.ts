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
import { setTimeout as pause } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Change } from '../../contract.js';
import type { PolicyWatch } from '../load.js';
import type { Ref } from '../../../workflows/domain/actor.js';
import type { Request } from '../../../workflows/domain/request.js';
import type { Instant, Ms } from '../../../workflows/domain/time.js';
import { keptMs, noted, type Past, type PastGrant } from './past.js';
import { openPast, sealPast } from './sealed-past.js';

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

interface Waiting {
  grant: PastGrant;
  deadline: Instant;
  resolve(before: Past): void;
  reject(error: unknown): void;
}

const tooLate = () => new Error('Redis gave no answer in time');

/** Writes only over what was read. */
const replace = `
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1`;

export function createBaselines({ redis, key, policy, now = Date.now }: BaselineDeps): Baselines {
  const marks = new Map<string, number>();
  const lines = new Map<string, Waiting[]>();

  /** Notes a grant, and returns the past as it was before. */
  function remember(ref: Ref, grant: PastGrant, deadline: Instant): Promise<Past> {
    const human = policy.current().human(ref);
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { grant, deadline, resolve, reject };
      const line = lines.get(human);
      // Whoever is writing this past already takes along who came meanwhile, so that a burst costs few writes.
      if (line !== undefined) line.push(waiting);
      else {
        lines.set(human, [waiting]);
        void serve(human);
      }
    });
  }

  /** Never rejects: each one who waits hears how theirs went. */
  async function serve(human: string): Promise<void> {
    const line = lines.get(human) ?? [];
    while (line.length > 0) {
      const all = line.splice(0);
      const batch = all.filter(({ deadline }) => now() < deadline);
      all.filter((waiting) => !batch.includes(waiting)).forEach(({ reject }) => reject(tooLate()));
      await write(human, batch).catch((error: unknown) => batch.forEach(({ reject }) => reject(error)));
    }
    lines.delete(human);
  }

  async function write(human: string, batch: Waiting[]): Promise<void> {
    const name = `daypass:risk:${human}`;
    const deadline = Math.max(0, ...batch.map((waiting) => waiting.deadline));
    for (let round = 0; batch.length > 0; round += 1) {
      if (now() >= deadline) throw tooLate();
      // Another process wrote the same past in between: each round one gets through, and chance keeps it fair.
      if (round > 0) await pause(Math.random() * Math.min(round, 10) * 2);
      const stored = (await redis.get(name)) ?? '';
      const first = read(name, stored, human);
      let past = first;
      const befores = batch.map(({ grant }) => {
        const before = past;
        past = noted(past, grant, now());
        return before;
      });
      const written =
        past === first || (await redis.eval(replace, 1, name, stored, sealPast(key, name, past), keptMs)) === 1;
      if (!written) continue;
      if (past !== first) mark(human, past.sequence);
      batch.forEach(({ resolve }, index) => resolve(befores[index] ?? first));
      return;
    }
  }

  function read(name: string, stored: string, human: string): Past {
    const reached = marks.get(human) ?? 0;
    const past = openPast(key, name, stored);
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

  /** What came before, without the grant itself. */
  async function known(ref: Ref, grant: PastGrant): Promise<KnownPast> {
    const done = new AbortController();
    try {
      const deadline = now() + answerWithinMs;
      const late = pause(answerWithinMs, undefined, { signal: done.signal }).then(() => {
        throw tooLate();
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

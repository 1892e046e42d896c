/** The session is a sealed cookie: who signed in, when and how. At most 8 hours, and less when idle. No server keeps it. */
import { randomUUID } from 'node:crypto';
import { parse, serialize } from 'cookie';
import { z } from 'zod';
import type { SignIn } from '../../workflows/domain/evidence.js';
import type { Instant, Ms } from '../../workflows/domain/time.js';
import type { Sealer } from './seal.js';

export const sessionLongestMs: Ms = 8 * 3_600_000;
export const sessionIdleMs: Ms = 60 * 60_000;
/** The cookie is renewed at most this often, so that most answers carry none. */
const renewAfterMs: Ms = 5 * 60_000;
/** Browsers drop larger cookies without a word. */
const cookieMost = 3_900;

export interface Session {
  id: string;
  /** `person:<id>` */
  ref: string;
  startedAt: Instant;
  seenAt: Instant;
  signIn: SignIn;
}

const shape = z.object({
  id: z.uuid(),
  ref: z.string(),
  startedAt: z.number(),
  seenAt: z.number(),
  signIn: z.object({
    time: z.number(),
    methods: z.array(z.string()),
    groups: z.array(z.string()),
    stepUp: z.number().optional(),
  }),
});

export interface Sessions {
  /** A new session with a new id: a cookie from before a sign-in is worth nothing after it. */
  start(ref: string, signIn: SignIn): Promise<{ session: Session; cookie: string }>;
  /**
   * The same sign-in, now with a passkey proven: under a new id, so that whoever copied the cookie before gains nothing. It ends
   * when the first would have ended.
   */
  stepUp(session: Session): Promise<{ session: Session; cookie: string }>;
  read(cookieHeader: string | undefined): Promise<Session | undefined>;
  /** A fresh cookie when the last one is getting old. */
  renew(session: Session): Promise<string | undefined>;
  /** True when a session cookie was sent at all, valid or not. */
  isSent(cookieHeader: string | undefined): boolean;
  clear(): string;
}

/** `secure` is whether people reach the portal by https. */
export function createSessions(sealer: Sealer, options: { secure: boolean; now?: () => Instant }): Sessions {
  const now = options.now ?? Date.now;
  // `__Host-` binds the cookie to exactly this host, which browsers grant only over https.
  // The development provider's cookies have other names, since cookies ignore ports.
  const cookieName = options.secure ? '__Host-daypass' : 'daypass';
  const attributes = { httpOnly: true, sameSite: 'lax', path: '/', secure: options.secure } as const;

  async function bake(session: Session): Promise<string> {
    const endsAt = Math.min(session.startedAt + sessionLongestMs, session.seenAt + sessionIdleMs);
    const sealed = await sealer.seal('session', { session: { ...session } }, Math.max(1, endsAt - now()));
    if (sealed.length > cookieMost) {
      throw new Error('The identity provider states too many groups for a cookie; have it send fewer.');
    }
    return serialize(cookieName, sealed, { ...attributes, maxAge: Math.floor((endsAt - now()) / 1_000) });
  }

  return {
    start: async (ref, signIn) => {
      const session = { id: randomUUID(), ref, startedAt: now(), seenAt: now(), signIn };
      return { session, cookie: await bake(session) };
    },

    stepUp: async (before) => {
      const signIn = { ...before.signIn, stepUp: now() };
      const session = { ...before, id: randomUUID(), seenAt: now(), signIn };
      return { session, cookie: await bake(session) };
    },

    read: async (cookieHeader) => {
      const sealed = parse(cookieHeader ?? '')[cookieName];
      if (!sealed) return undefined;
      const found = shape.safeParse((await sealer.open('session', sealed))?.['session']);
      if (!found.success) return undefined;
      const session = found.data;
      // Also checked here, so that no clock inside the sealed value can outlive the bounds.
      if (session.startedAt + sessionLongestMs <= now() || session.seenAt + sessionIdleMs <= now()) return undefined;
      return session;
    },

    renew: async (session) => (now() - session.seenAt < renewAfterMs ? undefined : bake({ ...session, seenAt: now() })),

    isSent: (cookieHeader) => parse(cookieHeader ?? '')[cookieName] !== undefined,

    clear: () => serialize(cookieName, '', { ...attributes, maxAge: 0 }),
  };
}

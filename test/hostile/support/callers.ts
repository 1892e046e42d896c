/** Everyone who may stand before the API: each role by token and by cookie, and those who only say that they are somebody. */
import fc from 'fast-check';
import type { Role } from '../../../workflows/domain/rights.js';
import { createCsrf } from '../../../api/identity/csrf.js';
import { createSealer } from '../../../api/identity/seal.js';
import { createSessions } from '../../../api/identity/session.js';
import type { ApiWorld } from '../../support/api-world.js';
import { examplePolicy } from '../../support/policy.js';

export interface Caller {
  name: string;
  /** Rights over the whole installation. */
  roles: Role[];
  isKnown: boolean;
  isPerson: boolean;
  headers: [name: string, value: string][];
  /** For forms. */
  csrf: string;
}

const accounts: [account: string, roles: Role[]][] = [
  ['contractor', []],
  ['engineer', []],
  ['manager', []],
  ['owner', []],
  ['owner-2', []],
  ['oncall', []],
  ['deploy-bot', []],
  ['operator', ['operator']],
  ['security', ['security']],
  ['auditor', ['auditor']],
  ['maintainer', ['maintainer']],
];

export async function everyone(world: ApiWorld): Promise<Caller[]> {
  const known = await Promise.all(accounts.map(([account, roles]) => ways(world, account, roles)));
  return [...strangers(), ...known.flat()];
}

async function ways(world: ApiWorld, account: string, roles: Role[]): Promise<Caller[]> {
  const isPerson = account !== 'deploy-bot';
  const common = { roles, isKnown: true, isPerson };
  const bearer: [string, string] = ['Authorization', `Bearer ${await world.token(account)}`];
  const byToken: Caller = { ...common, name: `${account} by token`, headers: [bearer], csrf: '' };
  return isPerson ? [byToken, { ...common, ...(await signedIn(world, account)) }] : [byToken];
}

/** With the cookie of a sign-in just now. */
export async function signedIn(world: ApiWorld, account: string): Promise<Pick<Caller, 'name' | 'headers' | 'csrf'>> {
  const sessions = createSessions(createSealer(world.sessionKey), { secure: false });
  const groups = examplePolicy().groupsOf(`person:${account}`);
  const { session, cookie } = await sessions.start(`person:${account}`, { time: Date.now(), methods: ['pwd'], groups });
  return {
    name: `${account} by cookie`,
    headers: [
      ['Cookie', cookie.split(';')[0] ?? ''],
      ['Origin', 'http://localhost:7300'],
    ],
    csrf: createCsrf(world.sessionKey).token(session.id),
  };
}

const unsigned = `${btoa('{"alg":"none","typ":"at+jwt"}')}.${btoa('{"sub":"operator"}')}.`.replaceAll('=', '');

/** Nobody, and those who try to be somebody. */
function strangers(): Caller[] {
  const claims: [name: string, headers: Caller['headers']][] = [
    ['nobody', []],
    ['a broken token', [['Authorization', 'Bearer x']]],
    ['an unsigned token', [['Authorization', `Bearer ${unsigned}`]]],
    ['a long token', [['Authorization', `Bearer ${'a'.repeat(9_000)}`]]],
    ['another scheme', [['Authorization', 'Basic b3BlcmF0b3I6eA==']]],
    ['a cookie of nothing', [['Cookie', 'daypass=AAAA; daypass=BBBB; daypass-sign-in=x']]],
    [
      'headers of proxies',
      [
        ['X-Forwarded-User', 'operator'],
        ['X-Remote-User', 'operator'],
        ['X-Forwarded-For', '::1'],
      ],
    ],
  ];
  return claims.map(([name, headers]) => ({ name, headers, roles: [], isKnown: false, isPerson: false, csrf: '' }));
}

/** As often somebody as nobody would make most answers a 401. */
export function anyone(all: readonly Caller[]): fc.Arbitrary<Caller> {
  const [strange, known] = [all.filter(({ isKnown }) => !isKnown), all.filter(({ isKnown }) => isKnown)];
  return fc.oneof(
    { weight: 1, arbitrary: fc.constantFrom(...strange) },
    { weight: 6, arbitrary: fc.constantFrom(...known) },
  );
}

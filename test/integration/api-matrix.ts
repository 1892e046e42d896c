/** Every call as everyone: what each may do follows from the one declaration of its route, and from nothing else. Prints the matrix. */
import assert from 'node:assert/strict';
import {
  grantActions,
  may,
  mayEver,
  mayEverywhere,
  type GrantAction,
  type Role,
} from '../../workflows/domain/rights.js';
import type { GrantState } from '../../workflows/domain/states.js';
import type { Right } from '../../api/route.js';
import { createCsrf } from '../../api/identity/csrf.js';
import { createSealer } from '../../api/identity/seal.js';
import { createSessions } from '../../api/identity/session.js';
import { allPages } from '../../api/web/pages.js';
import { ApiWorld } from '../support/api-world.js';
import { examplePolicy } from '../support/policy.js';

/** Who calls, by what they are to the grant or to the installation. */
const callers: [name: string, account: string | undefined, roles: Role[]][] = [
  ['stranger', undefined, []],
  ['nobody here', 'contractor', []],
  ['requester', 'manager', ['requester']],
  ['subject', 'engineer', ['subject']],
  ['approver', 'owner', ['approver']],
  ['service', 'deploy-bot', []],
  ['operator', 'operator', ['operator']],
  ['security', 'security', ['security']],
  ['auditor', 'auditor', ['auditor']],
  ['maintainer', 'maintainer', ['maintainer']],
];

interface Operation {
  method: string;
  path: string;
  may: Right;
  isPage?: true;
}

const ask = {
  entitlement: 'orders-db/write',
  justification: 'Correct the address of a late order.',
  requestedDuration: 'PT15M',
};

/** A body that is right in itself, so that a refusal is about the caller. */
const bodies: Record<string, unknown> = {
  'post /v1/grants': ask,
  'post /v1/grants/{id}/approve': {},
  'post /v1/grants/{id}/deny': { reason: 'Not today.' },
  'post /v1/grants/{id}/withdraw': {},
  'post /v1/grants/{id}/revoke': { reason: 'Not any more.' },
  'post /v1/grants/{id}/extend': { duration: 'PT30M', reason: 'It takes longer.' },
  'post /v1/grants/{id}/review': { verdict: 'justified', comment: 'It was needed.' },
  'post /v1/grants/{id}/credential': { collectId: '0b9d3c4e-8a57-4f43-9f0c-54f0a3a0a111' },
  // What a browser would have to answer: judged after the caller.
  'post /v1/me/passkeys/challenge': {},
  'post /v1/me/passkeys': {},
  'post /v1/me/passkeys/rename': {},
  'post /v1/me/passkeys/remove': {},
  'post /v1/me/step-up/challenge': {},
  'post /v1/me/step-up': {},
  'post /v1/grants/challenge': ask,
  'post /v1/grants/{id}/approve/challenge': { decisionId: '0b9d3c4e-8a57-4f43-9f0c-54f0a3a0a111' },
  'post /v1/codec/decode': { payloads: [] },
  'post /v1/codec/encode': { payloads: [] },
};

const seen = { about: 'request', step: '0' };
const id = '0b9d3c4e-8a57-4f43-9f0c-54f0a3a0a111';

/** What a person types, by the end of the address. */
const forms: Record<string, Record<string, string>> = {
  '/ask': { ...ask, duration: 'PT15M', key: id },
  '/approve': seen,
  '/approve/challenge': { ...seen, decisionId: id },
  '/deny': { ...seen, reason: 'Not today.' },
  '/extend': { reason: 'It takes longer.', hours: '0', minutes: '30' },
  '/review': { verdict: 'justified', comment: 'It was needed.' },
  '/credential': { collectId: id },
};

/** Forms that carry a browser's proof: an empty one proves nothing, whoever sends it. */
const proofs = ['/passkeys', '/step-up'];

/** Refused to everyone, whoever they are: nothing that widens is written by hand. */
const closed = new Set(['post /v1/codec/encode']);

describe('every route as every role', function () {
  this.timeout(120_000);
  let world: ApiWorld;
  let grantId = '';
  before(async () => {
    world = await ApiWorld.start();
  });
  after(() => world.stop());

  async function openGrant(): Promise<void> {
    grantId = await world.grant('manager', { ...ask, subject: 'person:engineer' }, ['APPROVAL_AWAITED']);
  }

  /** A person comes with the cookie of a sign-in just now, a service with its token. */
  async function comes(account: string | undefined): Promise<{ headers: Record<string, string>; csrf: string }> {
    if (account === undefined) return { headers: {}, csrf: '' };
    if (account === 'deploy-bot')
      return { headers: { authorization: `Bearer ${await world.token(account)}` }, csrf: '' };
    const sessions = createSessions(createSealer(world.sessionKey), { secure: false });
    const groups = examplePolicy().groupsOf(`person:${account}`);
    const { session, cookie } = await sessions.start(`person:${account}`, {
      time: Date.now(),
      methods: ['pwd'],
      groups,
    });
    const headers = { cookie: cookie.split(';')[0] ?? '', origin: 'http://localhost:7300' };
    return { headers, csrf: createCsrf(world.sessionKey).token(session.id) };
  }

  async function call({ method, path, isPage }: Operation, account: string | undefined) {
    const { headers, csrf } = await comes(account);
    const url = new URL(path.replace(/\{id\}|:id/, grantId).replace(/\{\w+\}/g, 'none'), world.url);
    const given = bodies[`${method} ${path}`];
    const body = isPage
      ? new URLSearchParams({ csrf, ...forms[path.replace('/grants/:id', '')] })
      : JSON.stringify(given);
    const content = isPage ? 'application/x-www-form-urlencoded' : 'application/json';
    const response = await fetch(url, {
      method: method.toUpperCase(),
      headers: { ...headers, ...(method === 'post' ? { 'content-type': content } : {}) },
      ...(method === 'post' ? { body } : {}),
      redirect: 'manual',
      signal: AbortSignal.timeout(20_000),
    });
    const isProblem = (response.headers.get('content-type') ?? '').includes('problem+json');
    const code = isProblem ? ((await response.json()) as { type: string }).type : '';
    // Live views never end by themselves.
    if (!isProblem) await response.body?.cancel();
    const to = response.headers.get('location') ?? '';
    // What became of a click stands in the address of the page after it.
    const refused = new URL(to, world.url).searchParams.get('refused');
    return { status: response.status, code: refused ?? code, to };
  }

  it('is answered as its declaration says', async () => {
    const document = (await (await fetch(new URL('/openapi.json', world.url))).json()) as {
      paths: Record<string, Record<string, { 'x-may': Right }>>;
    };
    const operations: Operation[] = [
      ...Object.entries(document.paths).flatMap(([path, methods]) =>
        Object.entries(methods).map(([method, it]): Operation => ({ method, path, may: it['x-may'] })),
      ),
      ...allPages.map(({ method, path, may: right }): Operation => ({ method, path, may: right, isPage: true })),
    ];
    await openGrant();
    const rows: string[][] = [];
    const wrong: string[] = [];
    for (const operation of operations) {
      const { method, path, isPage } = operation;
      const name = `${method} ${path}`;
      if (method === 'post' && !isPage) assert.ok(name in bodies, `give ${name} a body here`);
      const row = [name, operation.may];
      for (const [caller, account, roles] of callers) {
        // Services have tokens, and pages take cookies.
        if (isPage && account === 'deploy-bot') {
          row.push('');
          continue;
        }
        const answered = await call(operation, account);
        // What somebody may not ask for does not exist for them: that is the policy's to say, and not the route's.
        const found = name === 'post /ask' && answered.status === 404 ? 'heard' : verdict(answered);
        row.push(found);
        const expected = expectation(operation, account, roles);
        if (found !== expected) {
          wrong.push(`${name} as ${caller}: ${found} (${answered.status} ${answered.code}) instead of ${expected}`);
        }
        // Whatever this call changed, the next one finds the grant as the first did.
        if (isGrantAction(operation.may) && method === 'post' && found === 'heard') await openGrant();
      }
      rows.push(row);
    }
    print([['call', 'may', ...callers.map(([caller]) => caller)], ...rows]);
    assert.deepEqual(wrong, []);
  });
});

/** `heard`: nothing is wrong with the caller. What they sent may still not be had. */
type Verdict = 'sign in' | 'hidden' | 'refused' | 'late' | 'heard';

const notYours = ['forbidden', 'not-an-approver', 'own-request', 'not-the-subject'];
const tooLate = ['not-now', 'already-over', 'already-decided', 'not-active'];

function verdict({ status, code, to }: { status: number; code: string; to: string }): Verdict {
  if (status === 401 || to.startsWith('/sign-in')) return 'sign in';
  if (status === 404) return 'hidden';
  if (notYours.includes(code) || (status === 403 && code === '')) return 'refused';
  return tooLate.includes(code) || (status === 409 && code === '') ? 'late' : 'heard';
}

const state: GrantState = 'APPROVAL_AWAITED';

function expectation({ method, path, may: right }: Operation, account: string | undefined, roles: Role[]): Verdict {
  if (right === 'anyone') return 'heard';
  if (account === undefined) return 'sign in';
  if (closed.has(`${method} ${path}`)) return 'refused';
  if (right === 'signed-in') return 'heard';
  if (method === 'post' && proofs.includes(path)) return 'refused';
  if (right === 'person') return account === 'deploy-bot' ? 'refused' : 'heard';
  if (!isGrantAction(right)) return mayEverywhere(right, roles) ? 'heard' : 'refused';
  if (!may('see', roles, state)) return 'hidden';
  if (!mayEver(right, roles)) return 'refused';
  // Nobody looks back at what was no emergency.
  return may(right, roles, state) && right !== 'review' ? 'heard' : 'late';
}

function isGrantAction(right: Right): right is GrantAction {
  return grantActions.some((action) => action === right);
}

function print(rows: string[][]): void {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  for (const row of rows) {
    process.stdout.write(`      ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}\n`);
  }
}

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
import { failureCodes } from '../../workflows/domain/failure.js';
import { Problem, statusOf } from '../../api/problem.js';
import type { Right } from '../../api/route.js';
import { docsPaths } from '../../api/routes/operations.js';
import { createCsrf } from '../../api/identity/csrf.js';
import { signIns } from '../../api/identity/routes.js';
import { createSealer } from '../../api/identity/seal.js';
import { createSessions } from '../../api/identity/session.js';
import { callOf } from '../../api/temporal/calls.js';
import { uiPath, uiRights } from '../../api/temporal/ui.js';
import { allPages } from '../../api/web/pages.js';
import { ApiWorld } from '../support/api-world.js';
import { examplePolicy } from '../support/policy.js';

const policy = examplePolicy();

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
  'post /temporal/api/v1/namespaces/default/workflows/none/terminate': { reason: 'Looks stuck.' },
};

/** One call of each kind below `/temporal`; no workflow has this id. */
const uiCalls: Operation[] = [
  ['get', ''],
  ['get', '/favicon.ico'],
  ['get', '/api/v1/settings'],
  ['get', '/api/v1/namespaces/default/workflows/none/history'],
  ['post', '/api/v1/namespaces/default/workflows/none/terminate'],
].map(([method = '', path = '']) => {
  const { kind } = callOf(method.toUpperCase(), path);
  return { method, path: `${uiPath}${path}`, may: uiRights[kind] };
});

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

/** Refused to everyone, whoever they are: nothing that widens is written by hand. */
const closed = new Set(['post /v1/codec/encode']);

describe('every route as every role', function () {
  this.timeout(240_000);
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
    const groups = policy.groupsOf(`person:${account}`);
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
    // Live views never end by themselves.
    const code = response.status < 400 ? '' : codeIn(await response.text());
    if (response.status < 400) await response.body?.cancel();
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
      ...docsPaths.map((path): Operation => ({ method: 'get', path, may: 'anyone', isPage: true })),
      ...uiCalls,
      // Last: whoever signs out everywhere has no sign-in left.
      ...Object.values(signIns).map((it): Operation => ({ ...it, isPage: true })),
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
        // What somebody may not ask for does not exist for them, which is the policy's to say; and what the UI server does
        // not find is its own to say. Neither is the route's.
        const isTheirs = name === 'post /ask' || path.startsWith(uiPath);
        const found = isTheirs && answered.status === 404 ? 'heard' : verdict(path, answered);
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

/** `heard`: nothing is wrong with the caller. What they sent may still not be had. `broken`: nobody is to be answered so. */
type Verdict = 'sign in' | 'hidden' | 'refused' | 'late' | 'heard' | 'broken';

const notYours = ['forbidden', 'not-an-approver', 'own-request', 'not-the-subject'];
const tooLate = ['not-now', 'already-over', 'already-decided', 'not-active'];
/** The policy knows the caller and says no, or an empty proof proves nothing. */
const notHad = ['not-eligible', 'passkey-unknown'];
/** What this walk must never send, or send too often. */
const ours = [400, 413, 415, 429];

const statuses = new Map<string, number>(Object.entries(statusOf));

function verdict(path: string, answered: { status: number; code: string; to: string }): Verdict {
  const { code, to } = answered;
  // A form is answered with a way elsewhere also where it was refused.
  const status = answered.status < 400 ? (statuses.get(code) ?? answered.status) : answered.status;
  if (status === 401 || to.startsWith('/sign-in')) return 'sign in';
  if (status === 404) return 'hidden';
  if (notYours.includes(code)) return 'refused';
  if (tooLate.includes(code)) return 'late';
  // Being not ready is an answer.
  if (path === '/health/ready') return 'heard';
  const isKnown = status !== 403 || notHad.includes(code);
  return isKnown && status < 500 && !ours.includes(status) ? 'heard' : 'broken';
}

/** Headings of pages that are not the title of their problem. */
const headings: [heading: string, code: string][] = [
  ['Not for you to do', 'forbidden'],
  ['This form is too old', 'cross-site'],
  ['Please sign in', 'unauthenticated'],
  ['There is nothing here for you', 'not-found'],
  ['Not yours to collect', 'not-the-subject'],
  ['The access is not active', 'not-active'],
  // Shown where the proof was asked for.
  ['Passkeys', 'passkey-unknown'],
  ['Prove a passkey', 'passkey-unknown'],
];

const codeByHeading = new Map([
  ...failureCodes.map((code): [string, string] => [new Problem(code, '').title, code]),
  ...headings,
]);

/** gRPC's numbers, in which the Temporal UI is answered. */
const codeByNumber: Record<number, string> = { 5: 'not-found', 7: 'forbidden', 16: 'unauthenticated' };

/** Why not: a problem says it by its type, a page by its heading, and the Temporal UI is told a number. */
function codeIn(text: string): string {
  if (!text.startsWith('{')) {
    const heading = /<h1>([^<]*)/.exec(text)?.[1] ?? '';
    return codeByHeading.get(heading) ?? heading;
  }
  const { type, code } = JSON.parse(text) as { type?: string; code?: number };
  return type ?? codeByNumber[code ?? 0] ?? String(code);
}

const state: GrantState = 'APPROVAL_AWAITED';

function expectation({ method, path, may: right }: Operation, account: string | undefined, roles: Role[]): Verdict {
  // Nobody began to sign in here, so nobody comes back from it.
  if (path === signIns.callback.path) return 'sign in';
  if (right === 'anyone') return 'heard';
  if (account === undefined) return 'sign in';
  if (closed.has(`${method} ${path}`)) return 'refused';
  if (right === 'signed-in') return 'heard';
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

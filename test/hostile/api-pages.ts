/**
 * Every page and every form, as everyone, with hostile text in each query and each field: no page breaks, none leads elsewhere,
 * and what was sent comes back as text or not at all.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { signIns } from '../../api/identity/routes.js';
import { docsPaths } from '../../api/routes/operations.js';
import { allPages } from '../../api/web/pages.js';
import { ApiWorld } from '../support/api-world.js';
import { atOnce } from '../support/in-parallel.js';
import { holdsFor, seed } from '../support/seed.js';
import { everyone, type Caller } from './support/callers.js';
import { effort } from './support/effort.js';
import { forgetLimits, grantsOf, type Grants } from './support/grants.js';
import { judgeAnywhere, textOf } from './support/judged.js';
import { exchange, requestBytes, valueOf, type RawAnswer } from './support/raw-http.js';
import { escaped, nasty, wildQuery, wildStep } from './support/wild.js';

const longestMs = 3_000;
/** A decision waits for its outcome, a credential for the target, the audit for the chains that it reads. */
const waitsMs = 20_000;

/**
 * Each would show in a page that takes it for more than text: as an element, out of an attribute, as an address, as a template.
 * None ends in `zuq`: what follows then is the page's own, and would pass for markup that was let through. Nor does the id of a
 * grant, which has no `u`.
 */
const marked = [
  'zuq<b title=zuq>',
  'zuq"zuq=\'zuq.',
  "zuq'zuq=`zuq`",
  'zuq</title></textarea></script><b zuq>',
  'javascript:zuq(1)',
  'zuq<%= 30011*30013 %>{{30011*30013}}${30011*30013}',
  'zuq\r\nSet-Cookie: zuq=1\r\n\r\n<b zuq>',
  'zuq&lt;b&gt;&#60;b zuq&#62;',
];
const raw = /zuq<(b|\/)|zuq["']|<b zuq|(href|src|action)\s*=\s*["']?\s*javascript:|zuq.*900720143/;

/** The names of all fields of all forms, as the templates have them. */
const templates = new URL('../../api/web/templates/', import.meta.url);
const fields = [
  ...new Set(
    readdirSync(templates).flatMap((file) =>
      [...readFileSync(new URL(file, templates), 'utf8').matchAll(/\bname="([\w-]+)"/g)].map(([, name = '']) => name),
    ),
  ),
].filter((name) => name !== 'csrf' && name !== 'viewport');

const right = new Map<string, readonly string[]>(
  Object.entries({
    entitlement: ['orders-db/read', 'orders-db/write'],
    justification: ['Look into a late order.'],
    duration: ['PT15M', 'other'],
    reason: ['It takes longer.'],
    hours: ['0'],
    minutes: ['5'],
    about: ['request'],
    step: ['0'],
    verdict: ['justified'],
    format: ['csv', 'jsonl'],
  }),
);

const short = nasty.filter((text) => text.length < 100);

/** What decides whether a page gets as far as showing the other fields is right as often as not. */
const value = (name: string): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: right.has(name) ? 8 : 0, arbitrary: fc.constantFrom(...(right.get(name) ?? ['1'])) },
    { weight: 6, arbitrary: fc.constantFrom(...marked) },
    { weight: 1, arbitrary: fc.constantFrom(...short) },
    { weight: 1, arbitrary: fc.uuid() },
  );

const names = [...fields, '__proto__', 'a[b]', 'constructor'];
const all = fc.record(Object.fromEntries(names.map((name) => [`_${name}`, value(name)])), { requiredKeys: [] });
const pairs = fc.oneof(
  {
    weight: 8,
    arbitrary: all.map((given) =>
      Object.entries(given)
        .map(([name, text]) => `${escaped(name.slice(1))}=${escaped(text ?? '')}`)
        .join('&'),
    ),
  },
  { weight: 1, arbitrary: wildQuery(fields).filter((query) => query.length < 4_000) },
);

interface Place {
  method: string;
  path: string;
}

const places: Place[] = [
  ...allPages,
  ...docsPaths.map((path) => ({ method: 'get', path })),
  { method: 'get', path: '/nowhere/:id' },
  { method: 'get', path: '/assets/:id' },
  { method: 'get', path: '/V1/grants/:id' },
  // Last: whoever signs out everywhere has no sign-in left.
  ...Object.values(signIns),
];

interface Visit {
  caller: Caller;
  isForged: boolean;
  id: string;
  query: string;
  body: string;
}

describe(`every page, whatever is sent (DAYPASS_TEST_SEED=${seed})`, function () {
  this.timeout(3_600_000);
  let world: ApiWorld;
  let grants: Grants;
  let callers: Caller[];
  before(async () => {
    world = await ApiWorld.start();
    callers = (await everyone(world)).filter(({ name }) => !name.endsWith('by token'));
    grants = grantsOf(world);
    await grants.fresh('active');
  });
  after(() => world.stop());
  beforeEach(forgetLimits);

  for (const place of places) {
    it(`${place.method} ${place.path} shows text as text`, async () => {
      if (place.method === 'post' && place.path.includes(':id')) await grants.fresh('awaited');
      await holdsFor(
        fc.array(visits(), { minLength: 1, maxLength: 6 }),
        (all) => atOnce(all.map((visit) => hold(place, visit))),
        effort<[Visit[]]>(12, 1.5),
      );
    });
  }

  function visits(): fc.Arbitrary<Visit> {
    return fc.record({
      caller: fc.constantFrom(...callers),
      isForged: fc.nat({ max: 5 }).map((luck) => luck === 0),
      id: fc.oneof(
        { weight: 3, arbitrary: fc.constantFrom(...grants.known()) },
        { weight: 1, arbitrary: wildStep },
        { weight: 1, arbitrary: fc.constantFrom(...marked).map(escaped) },
      ),
      query: pairs,
      body: pairs,
    });
  }

  async function hold({ method, path }: Place, { caller, isForged, id, query, body }: Visit): Promise<void> {
    const target = `${path.replace(':id', () => id)}${query === '' ? '' : `?${query}`}`;
    const isForm = method === 'post';
    const csrf = `csrf=${isForged ? 'x' : caller.csrf}`;
    const { answers, end } = await exchange(
      world.url,
      requestBytes({
        method: method.toUpperCase(),
        target,
        headers: [
          ...caller.headers,
          ...(isForm ? ([['Content-Type', 'application/x-www-form-urlencoded']] as const) : []),
        ],
        ...(isForm ? { body: Buffer.from(`${csrf}&${body}`) } : {}),
      }),
      { withinMs: longestMs + (isForm || path.startsWith('/audit') ? waitsMs : 0) },
    );
    const what = `${caller.name}: ${method} ${target} ${isForm ? body : ''}`;
    const [answer] = answers;
    assert.ok(answer && answers.length === 1, `${answers.length} answers, ${end}: ${what}`);
    judgeAnywhere(answer);
    judgeText(answer, what);
    // Whoever is signed out already signs out without an error.
    if (!isForm || path.startsWith('/sign-out')) return;
    if (isForged || !caller.isKnown) assert.ok(answer.status >= 400 || leadsToSignIn(answer), `taken: ${what}`);
  }

  function leadsToSignIn({ headers }: RawAnswer): boolean {
    return (valueOf(headers, 'location') ?? '').startsWith('/sign-in');
  }

  function judgeText(answer: RawAnswer, what: string): void {
    const text = textOf(answer);
    const type = valueOf(answer.headers, 'content-type') ?? '';
    const found = type.startsWith('text/html') ? raw.exec(text) : null;
    assert.ok(!found, `${text.slice((found?.index ?? 0) - 100).slice(0, 300)} in answer to ${what}`);
    const cookies = answer.headers.filter(([name]) => name === 'set-cookie');
    assert.ok(
      cookies.every(([, cookie]) => !cookie.startsWith('zuq')),
      what,
    );
    const to = valueOf(answer.headers, 'location');
    if (to === undefined) return;
    const isProvider = to.startsWith(`${world.provider.issuer}/`);
    assert.ok(isProvider || /^\/(?![/\\])/.test(to), `leads to ${to}: ${what}`);
  }
});

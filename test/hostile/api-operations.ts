/**
 * Every operation of our own OpenAPI document, as everyone, with inputs made from the document's schemas: right ones, nearly
 * right ones and wild ones. Whatever comes, the answer is one that the document declares, soon, and tells nothing of the inside.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { grantActions, mayEverywhere, type InstallationAction } from '../../workflows/domain/rights.js';
import { DocumentedApi } from '../support/documented-api.js';
import { atOnce } from '../support/in-parallel.js';
import { holdsFor, seed } from '../support/seed.js';
import { until } from '../support/until.js';
import { callsOf, shown, type DeclaredOperation, type Operation, type Sent } from './support/calls.js';
import { everyone, type Caller } from './support/callers.js';
import { cases, type Case } from './support/cases.js';
import { effort } from './support/effort.js';
import type { Schema } from './support/from-schema.js';
import { forgetLimits, grantsOf, type Grants } from './support/grants.js';
import { judgeOf, textOf } from './support/judged.js';
import { exchange, requestBytes, type RawAnswer } from './support/raw-http.js';
import { tally } from './support/tally.js';

/** Any call, on a machine that has other things to do. What a call waits for by its nature comes on top. */
const longestMs = 3_000;
const p99Ms = 1_000;
/** What is refused of any request, before it is asked who sent it. */
const earlier = /"type":"(malformed|rate-limited|cross-site)"/;

describe(`every operation, whatever is sent (DAYPASS_TEST_SEED=${seed})`, function () {
  this.timeout(3_600_000);
  const api = new DocumentedApi();
  const counted = tally();
  const quick = tally();
  let callers: Caller[];
  let judge: ReturnType<typeof judgeOf>;
  let grants: Grants;

  before(async () => {
    callers = await everyone(api.world);
    judge = judgeOf(api.document);
    grants = grantsOf(api.world);
  });
  beforeEach(forgetLimits);

  it('is in the document and has a case here, each of them', () => {
    const declared = Object.entries(api.document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );
    assert.deepEqual(Object.keys(cases).sort(), declared.sort());
  });

  for (const [name, its] of Object.entries(cases)) {
    it(`${name} answers as declared`, async () => {
      const operation = operationOf(name);
      // A worker that is busy is no worker for that moment, and who asks is told to try again.
      const answered = async (): Promise<RawAnswer | undefined> => {
        const answer = await send(name, await right(operation, its));
        return answer.status === 503 ? undefined : answer;
      };
      const first = await until(answered, { withinMs: 30_000, what: `an answer of ${name}` });
      assert.equal(first.status, its.gives, textOf(first));
      judge(operation.method, operation.path, first);
      if (its.on) await grants.fresh(its.on);
      await holdsFor(
        fc.array(callsOf(operation, callers, from()), { minLength: 1, maxLength: 6 }),
        (calls) => atOnce(calls.map((call) => hold(name, operation, call))),
        effort<[Sent[]]>(40, 0.7),
      );
    });
  }

  it('answers soon', () => {
    process.stdout.write(`${counted.lines().join('\n')}\n`);
    const p99 = quick.quantile(0.99);
    assert.ok(p99 <= p99Ms, `one in a hundred took ${Math.round(p99)} ms or more`);
  });

  function operationOf(name: string): Operation {
    const [method = '', path = ''] = name.split(' ');
    const declared = api.document.paths[path]?.[method] as unknown as DeclaredOperation | undefined;
    assert.ok(declared, `the document knows no ${name}`);
    return { method, path, declared };
  }

  function from() {
    return {
      components: api.document.components.schemas as Record<string, Schema>,
      known: {
        id: grants.known(),
        grant: grants.known(),
        entitlement: ['orders-db/read', 'orders-db/write', 'orders-db/none'],
        target: ['orders-db'],
        subject: ['person:engineer', 'person:contractor', 'service:deploy-bot'],
        requester: ['person:engineer', 'person:nobody'],
        by: ['person:engineer', 'system:daypass'],
        chain: ['journal', 'person/engineer', ...grants.known().map((id) => `grant/${id}`)],
        justification: ['Look into a late order.'],
        reason: ['It takes longer.'],
        requestedDuration: ['PT15M', 'PT1S', 'PT8H'],
        duration: ['PT5M', 'PT1S'],
        about: ['request'],
        step: [0, 1],
        wait: ['PT1S'],
        limit: [1, 100],
      },
    };
  }

  async function right({ method, path }: Operation, { as, body, query, on, keyed }: Case): Promise<Sent> {
    const caller = callers.find(({ name }) => name === as || name === `${as} by token`);
    assert.ok(caller, `nobody is called ${as}`);
    const content = body && Buffer.from(JSON.stringify(body()));
    const id = on ? await grants.fresh(on) : '';
    const headers: Sent['headers'] = [
      ...caller.headers,
      ...(content ? ([['Content-Type', 'application/json']] as const) : []),
      ...(keyed ? ([['Idempotency-Key', randomUUID()]] as const) : []),
    ].map(([key, value]) => [key, value]);
    const target = `${path.replace('{id}', id)}${query ? `?${query}` : ''}`;
    return { caller, method: method.toUpperCase(), target, headers, body: content };
  }

  async function send(name: string, sent: Sent): Promise<RawAnswer> {
    const { waitsMs, isStream }: Partial<Case> = cases[name] ?? {};
    const withinMs = longestMs + (waitsMs ?? 0) + (sent.target.includes('wait=') ? 1_000 : 0);
    // Of what never ends, the first event is enough.
    const isEnough = (seen: Buffer) => isStream === true && /\ndata: [^\n]*\n\n/.test(seen.toString('latin1'));
    const { answers, end, ms } = await exchange(api.world.url, requestBytes(sent), { withinMs, isEnough });
    assert.notEqual(end, 'silent', `no answer within ${withinMs} ms to ${shown(sent)}`);
    const [answer, ...more] = answers;
    assert.ok(answer && more.length === 0, `${answers.length} answers to ${shown(sent)}`);
    counted.count(name, answer.status, ms);
    if (waitsMs === undefined && !sent.target.includes('wait=')) quick.count('', answer.status, ms);
    return answer;
  }

  async function hold(name: string, operation: Operation, sent: Sent): Promise<void> {
    const answer = await send(name, sent);
    judge(operation.method, operation.path, answer);
    const expected = refusedBefore(operation.declared['x-may'], sent);
    if (expected === undefined || earlier.test(textOf(answer))) return;
    // With one more word on who they are, what they sent says nothing of it that holds.
    const refusals = expected === 403 && sent.headers.length > sent.caller.headers.length ? [401, 403] : [expected];
    assert.ok(refusals.includes(answer.status), `${answer.status} instead of ${expected}: ${textOf(answer)}`);
  }

  /** Whoever may not call at all is told so, whatever else is wrong with what they sent. */
  function refusedBefore(may: DeclaredOperation['x-may'], { caller }: Sent): number | undefined {
    if (may === 'anyone') return undefined;
    if (!caller.isKnown) return 401;
    if (may === 'signed-in' || grantActions.some((action) => action === may)) return undefined;
    if (may === 'person') return caller.isPerson ? undefined : 403;
    return mayEverywhere(may as InstallationAction, caller.roles) ? undefined : 403;
  }
});

/** Calls and forms that would change something, right in everything but who sends them: nothing is changed by any of them. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { allPages } from '../../api/web/pages.js';
import { ApiWorld } from '../support/api-world.js';
import { until } from '../support/until.js';
import { everyone, type Caller } from './support/callers.js';
import { cases } from './support/cases.js';
import { forgetLimits, grantsOf, type Grants } from './support/grants.js';
import { judgeAnywhere, textOf } from './support/judged.js';
import { exchange, requestBytes, valueOf, type RawAnswer, type RequestParts } from './support/raw-http.js';

const form = {
  '/ask': { entitlement: 'orders-db/read', duration: 'PT15M', justification: 'Look into a late order.' },
  '/extend': { reason: 'It takes longer.', hours: '0', minutes: '5' },
  '/review': { verdict: 'justified', comment: 'It was.' },
  '/deny': { reason: 'No.', about: 'request', step: '0' },
  '/approve': { about: 'request', step: '0' },
};
/** Methods that no call has. */
const others = ['PUT', 'PATCH', 'DELETE', 'TRACE', 'PROPFIND'];

describe('whoever is not who may', function () {
  this.timeout(300_000);
  let world: ApiWorld;
  let grants: Grants;
  let callers: Caller[];
  const ids = { awaited: '', active: '', emergency: '' };

  before(async () => {
    await forgetLimits();
    world = await ApiWorld.start();
    callers = await everyone(world);
    grants = grantsOf(world);
    for (const kind of ['awaited', 'active', 'emergency'] as const) ids[kind] = await grants.fresh(kind);
  });
  after(() => world.stop());
  beforeEach(forgetLimits);

  it('changes nothing by a call', () =>
    changesNothing(async () => {
      const strangers = callers.filter(({ isKnown }) => !isKnown);
      for (const [name, { body, on }] of Object.entries(cases).filter(([known]) => known.startsWith('post '))) {
        const target = (name.split(' ')[1] ?? '').replace('{id}', on ? ids[on] : '');
        for (const { headers } of [...strangers, ...fromElsewhere()]) {
          const typed = [...headers, ['Content-Type', 'application/json'], ['Idempotency-Key', randomUUID()]] as const;
          const content = Buffer.from(JSON.stringify(body?.() ?? {}));
          const answer = await sent({ method: 'POST', target, headers: typed, body: content });
          assert.ok(answer.status === 401 || answer.status === 403, `${name}: ${answer.status} ${textOf(answer)}`);
        }
      }
    }));

  it('changes nothing by a form', () =>
    changesNothing(async () => {
      const known = callers.filter(({ name }) => name === 'engineer by cookie' || name === 'operator by cookie');
      const forged = known.map((caller) => ({ ...caller, csrf: known.find((other) => other !== caller)?.csrf ?? '' }));
      for (const { path } of allPages.filter(({ method }) => method === 'post')) {
        const fields = Object.entries(form).find(([end]) => path.endsWith(end))?.[1] ?? {};
        const target = path.replace(':id', path.endsWith('/review') ? ids.emergency : ids.active);
        const nobody = { name: 'nobody', headers: [], csrf: '' };
        for (const { name, headers, csrf } of [nobody, ...forged, ...known.map(elsewhere)]) {
          const typed = [...headers, ['Content-Type', 'application/x-www-form-urlencoded']] as const;
          const body = Buffer.from(new URLSearchParams({ ...fields, csrf, decisionId: randomUUID() }).toString());
          const answer = await sent({ method: 'POST', target, headers: typed, body });
          const isAsked = (valueOf(answer.headers, 'location') ?? '').startsWith('/sign-in');
          assert.ok(isAsked || [401, 403].includes(answer.status), `${path} by ${name}: ${answer.status}`);
        }
      }
    }));

  it('changes nothing by a method that no call has', () =>
    changesNothing(async () => {
      const operator = callers.find(({ name }) => name === 'operator by token');
      assert.ok(operator);
      for (const name of Object.keys(cases)) {
        const target = (name.split(' ')[1] ?? '').replace('{id}', ids.active);
        for (const method of others) {
          const answer = await sent({ method, target, headers: operator.headers });
          assert.equal(answer.status, 404, `${method} ${target}`);
        }
      }
    }));

  /** Of a person who is signed in, by a page of another site. */
  function fromElsewhere(): Caller[] {
    return callers.filter(({ name }) => name.endsWith(' by cookie')).map(elsewhere);
  }

  function elsewhere(caller: Caller): Caller {
    const headers = caller.headers.filter(([name]) => name !== 'Origin');
    return { ...caller, headers: [...headers, ['Origin', 'https://evil.example'], ['Sec-Fetch-Site', 'cross-site']] };
  }

  async function sent(parts: RequestParts): Promise<RawAnswer> {
    const { answers, end } = await exchange(world.url, requestBytes(parts), { withinMs: 5_000 });
    const [answer] = answers;
    assert.ok(answer && answers.length === 1, `${answers.length} answers, ${end}: ${parts.method} ${parts.target}`);
    judgeAnywhere(answer);
    return answer;
  }

  /** Neither a workflow more, nor a change of one; what came last is looked for, so that the count is not one of before. */
  async function changesNothing(doing: () => Promise<void>): Promise<void> {
    const workflows = () => world.client.workflow.count().then(({ count }) => count);
    const first = await grants.fresh('awaited');
    await until(async () => (await listed()).includes(first));
    const before = { workflows: await workflows(), grants: await seen() };
    await doing();
    const last = await grants.fresh('awaited');
    await until(async () => (await listed()).includes(last));
    assert.deepEqual({ workflows: (await workflows()) - 1, grants: await seen() }, before);
    assert.ok(world.standing.has(ids.active));
  }

  async function listed(): Promise<string[]> {
    const { body } = await world.call('operator', 'GET', '/v1/grants?limit=5&state=APPROVAL_AWAITED');
    return (body['grants'] as { grantId: string }[]).map(({ grantId }) => grantId);
  }

  async function seen(): Promise<unknown[]> {
    const all = Object.values(ids).map((id) => world.call('operator', 'GET', `/v1/grants/${id}`));
    return (await Promise.all(all)).map(({ body }) => [body['state'], body['changes'], body['conditions']]);
  }
});

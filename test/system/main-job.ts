/** The main job on the whole system, and every way to its end. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import {
  approves,
  entry,
  instant,
  opens,
  reaches,
  reader,
  recordOf,
  refusalOf,
  type Usable,
  writing,
} from '../support/system-grant.js';
import { system, type System } from '../support/system.js';
import { until } from '../support/until.js';

describe('the whole system', function () {
  this.timeout(180_000);
  let daypass: System;

  before(async () => {
    daypass = await system();
  });

  it('hands the credential to whoever waits for it, as soon as the access is active, and once', async () => {
    const engineer = daypass.as('engineer');
    const { grantId } = await engineer.ask(writing(30));
    const collectId = randomUUID();
    const waiting = engineer.collect(grantId, collectId, 'PT60S');
    await assert.rejects(engineer.collect(grantId, randomUUID(), 'PT1S'), /only while the access is active/);
    for (const account of ['manager', 'owner']) await approves(daypass, account, grantId);
    const { credential } = await waiting;
    assert.deepEqual((await engineer.collect(grantId, collectId)).credential, credential);
    await assert.rejects(engineer.collect(grantId), /handed over|collected/i);
    await engineer.withdraw(grantId);
    await reaches(engineer, grantId, 'WITHDRAWN');
  });

  it('lets an engineer in for as long as two people agreed to, and takes it all back', async () => {
    const engineer = daypass.as('engineer');
    const { grantId } = await engineer.ask(writing(10));
    await reaches(engineer, grantId, 'APPROVAL_AWAITED');
    await approves(daypass, 'manager', grantId);
    await engineer.until(grantId, ({ step }) => step?.index === 1);
    assert.equal(await daypass.roleOf(grantId), undefined, 'nothing stands before the last approval');
    await approves(daypass, 'owner', grantId);

    const { session, login } = await opens(engineer, grantId);
    assert.equal(await session.count(), 200);
    await session.query(`update orders set quantity = quantity where id = 1`);
    const { because } = await session.cut;
    assert.match(because, /terminating connection due to administrator command/);

    const over = await reaches(engineer, grantId, 'ENDED');
    assert.equal(instant(over.expireTime) - instant(over.accessGrantTime) <= 10_000, true);
    assert.ok(instant(over.removalVerifiedTime) >= instant(over.accessRemoveTime));
    assert.equal(await refusalOf(login), '28P01');
    assert.equal(await daypass.roleOf(grantId), undefined);

    const record = await recordOf(engineer, grantId);
    assert.deepEqual(
      record.map(({ type, by }) => (by.startsWith('person:') ? `${type} by ${by}` : type)),
      [
        'requested by person:engineer',
        'assessed',
        'step-opened',
        'approved by person:manager',
        'step-completed',
        'step-opened',
        'approved by person:owner',
        'step-completed',
        'activation-started',
        'activated',
        'credential-collected by person:engineer',
        'time-up',
        'removal-started',
        'removed',
        'closed',
      ],
    );
    assert.equal(entry(record, 'removed').detail['sessionsEnded'], 1);

    const mails = await until(
      () => mailsAbout(daypass, grantId).has('engineer: Over') && mailsAbout(daypass, grantId),
      {
        withinMs: 30_000,
        what: 'the mail that it is over',
      },
    );
    for (const expected of ['manager: Please decide', 'owner: Please decide', 'engineer: Ready', 'engineer: Over'])
      assert.ok(mails.has(expected), `${expected} in ${[...mails].join(', ')}`);

    const told = JSON.stringify([daypass.mail.messages(), record]) + daypass.said();
    assert.ok(!told.includes(String(login.password)), 'the password is in a mail, a log or the record');
  });

  it('cuts a live session within 2 s of a revoke by the API', () =>
    takesLessThan2s(async () => {
      const usable = await reader(daypass, 300);
      const at = Date.now();
      const { outcome } = await applied(daypass.as('security').revoke(usable.grantId, { reason: 'No longer needed.' }));
      assert.equal(outcome.result, 'applied');
      const cutAt = await cut(usable);
      const over = await reaches(daypass.as('engineer'), usable.grantId, 'REVOKED');
      assert.deepEqual([over.ending?.code, over.ending?.by], ['revoked', 'person:security']);
      await isGone(daypass, usable);
      return cutAt - at;
    }));

  it('cuts a live session within 2 s of a cancel typed into the Temporal CLI', () =>
    takesLessThan2s(async () => {
      const usable = await reader(daypass, 300);
      await daypass.temporalCli(usable.grantId, 'workflow', 'cancel');
      // The program itself takes a while to start and to end: what counts is when Temporal took the cancel.
      const record = await until(
        async () => {
          const seen = await recordOf(daypass.as('engineer'), usable.grantId);
          return seen.some(({ type }) => type === 'closed') && seen;
        },
        { withinMs: 30_000 },
      );
      const cutAt = await cut(usable);
      const over = await reaches(daypass.as('engineer'), usable.grantId, 'REVOKED');
      assert.equal(over.ending?.code, 'cancelled');
      await isGone(daypass, usable);
      return cutAt - entry(record, 'removal-started').at;
    }));

  it('begins to remove within 2 s of the end when nobody ends it sooner, and lets nobody in from the end on', () =>
    takesLessThan2s(async () => {
      const usable = await reader(daypass, 6);
      const end = instant(usable.grant.expireTime);
      const refusedAt = until(async () => (await refusalOf(usable.login)) === '28P01' && Date.now(), {
        withinMs: 30_000,
        what: 'the login is refused',
      });
      const shutAt = until(async () => !(await daypass.roleOf(usable.grantId))?.mayLogIn && Date.now(), {
        withinMs: 30_000,
        what: 'the door is shut',
      });
      const seen = [await cut(usable), await refusedAt, await shutAt].map((at) => at - end);
      assert.ok(Math.min(...seen) > -1_000, JSON.stringify(seen));
      await reaches(daypass.as('engineer'), usable.grantId, 'ENDED');
      const record = await recordOf(daypass.as('engineer'), usable.grantId);
      const begun = entry(record, 'removal-started').at - end;
      assert.ok(begun >= 0, `removal began ${begun} ms after the end`);
      await isGone(daypass, usable);
      return Math.max(begun, ...seen);
    }));
});

/** Other tests may keep this machine from all else: what took longer is measured again, and fails where it does so three times. */
async function takesLessThan2s(measured: () => Promise<number>): Promise<void> {
  const took: number[] = [];
  while (took.length < 3) {
    const ms = await measured();
    if (ms < 2_000) return;
    took.push(ms);
  }
  assert.fail(`it took ${took.join(', ')} ms`);
}

async function cut({ session }: Usable): Promise<number> {
  return (await session.cut).at;
}

async function isGone(daypass: System, { grantId, login }: Usable): Promise<void> {
  assert.equal(await refusalOf(login), '28P01');
  assert.equal(await daypass.roleOf(grantId), undefined);
}

async function applied<T extends object>(decided: Promise<T>): Promise<Extract<T, { outcome: unknown }>> {
  const answer = await decided;
  assert.ok('outcome' in answer, `it was only recorded: ${JSON.stringify(answer)}`);
  return answer as Extract<T, { outcome: unknown }>;
}

/** `who: what` of every mail with a link to this grant. */
function mailsAbout({ mail }: System, grantId: string): Set<string> {
  const about = mail.messages().filter(({ text }) => text.includes(`/grants/${grantId}`));
  return new Set(about.flatMap(({ to, subject }) => to.map((each) => `${nameIn(each)}: ${subject.split(':')[0]}`)));
}

function nameIn(address: string): string {
  return address.split('@')[0] ?? '';
}

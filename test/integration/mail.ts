/** Mail over a real SMTP server and a real Redis: once each, to the right people, through outages. */
import assert from 'node:assert/strict';
import type { Redis } from 'ioredis';
import { connectMailer, type Mailer } from '../../activities/mail/mailer.js';
import { createNotify, type Notify } from '../../activities/notify.js';
import { createLog } from '../../activities/platform/log.js';
import { connectRedis } from '../../activities/platform/redis.js';
import type { Directory } from '../../activities/policy/directory.js';
import { change, exampleDirectory } from '../support/change.js';
import { ownRedis, redis, type TestRedis } from '../support/services.js';
import { startSmtp, type TestSmtp } from '../support/smtp.js';
import { until } from '../support/until.js';

const log = createLog('test', 'fatal');
const asked = (selectors = ['group:db-owners']) => [{ kind: 'asked' as const, to: selectors }];

describe('mail', () => {
  let smtp: TestSmtp;
  let mailer: Mailer;
  let store: Redis;

  beforeEach(async () => {
    smtp = await startSmtp();
    mailer = connectMailer(smtp.url, 'Daypass <daypass@localhost>');
    store = await ready((await redis()).url);
  });

  afterEach(async () => {
    mailer.close();
    store.disconnect();
    await smtp.stop();
  });

  const notify = (over: { directory?: Directory; store?: Redis; mailer?: Mailer } = {}): Notify =>
    createNotify({
      mailer: over.mailer ?? mailer,
      redis: over.store ?? store,
      policy: { current: () => over.directory ?? exampleDirectory() },
      portalUrl: 'http://localhost:7300',
      log,
    });

  const addresses = () => smtp.taken.map(({ to }) => to).sort();

  it('reaches each human of a group once, as text and HTML, marked as automatic', async () => {
    const it = change({ news: asked() });
    await notify().tell(it);
    assert.equal(addresses().length, 2);
    const [first] = smtp.taken;
    assert.match(first?.mail.text ?? '', /Engineer asks for Read the orders database/);
    assert.match(first?.mail.html || '', /<blockquote/);
    assert.equal(first?.mail.headers.get('auto-submitted'), 'auto-generated');
    assert.ok(first?.mail.text?.includes(`http://localhost:7300/grants/${it.view.grantId}`));
  });

  it('says times in each reader’s own zone', async () => {
    await notify().tell(change({ news: asked(['person:owner', 'person:owner-2']) }));
    const text = (to: string) => smtp.taken.find((mail) => mail.to === to)?.mail.text ?? '';
    assert.match(text('owner@example.org'), /Decide by: .* (CET|CEST|GMT\+[12])\n/);
    assert.match(text('owner-2@example.org'), /Decide by: .* GMT\+5:30\n/);
  });

  it('is not repeated when the same change is told again, by this process or by another', async () => {
    const it = change({ news: asked() });
    await notify().tell(it);
    await notify().tell(it);
    const same = notify();
    await same.tell(it);
    assert.equal(smtp.taken.length, 2);
  });

  it('is sent for the next change of the same grant, in the same thread', async () => {
    const it = change({ news: asked(['person:owner']) });
    await notify().tell(it);
    await notify().tell({ ...it, view: { ...it.view, changes: it.view.changes + 1 } });
    const [first, second] = smtp.taken.map(({ mail }) => mail);
    assert.notEqual(first?.messageId, second?.messageId);
    assert.ok(first?.inReplyTo);
    assert.equal(first.inReplyTo, second?.inReplyTo);
  });

  it('has the same id when it must be repeated because nobody remembers', async () => {
    const it = change({ news: asked(['person:owner']) });
    await notify().tell(it);
    await store.flushdb();
    await notify().tell(it);
    assert.equal(smtp.taken.length, 2);
    assert.equal(smtp.taken[0]?.mail.messageId, smtp.taken[1]?.mail.messageId);
  });

  it('goes out while Redis is away, and this process still repeats nothing', async () => {
    const own: TestRedis = await ownRedis();
    const lost = await ready(own.url);
    await own.stop();
    const it = change({ news: asked() });
    const same = notify({ store: lost });
    await same.tell(it);
    await same.tell(it);
    assert.equal(smtp.taken.length, 2);
    lost.disconnect();
  });

  it('fails while the server is away, and the repeat sends what was not sent', async () => {
    const port = Number(new URL(smtp.url).port);
    await smtp.stop();
    const it = change({ news: asked() });
    const same = notify();
    await assert.rejects(same.tell(it), /2 of 2 mails could not be handed over/);
    smtp = await startSmtp(port);
    await same.tell(it);
    assert.equal(smtp.taken.length, 2);
  });

  it('is tried for everyone, though one address is turned away for now; the repeat serves only that one', async () => {
    smtp.answers.set('owner@example.org', 451);
    const it = change({ news: asked() });
    await assert.rejects(notify().tell(it), /1 of 2/);
    assert.deepEqual(addresses(), ['owner-2@example.org']);
    smtp.answers.clear();
    await notify().tell(it);
    assert.deepEqual(addresses(), ['owner-2@example.org', 'owner@example.org']);
  });

  it('gives up on an address that the server refuses for good', async () => {
    smtp.answers.set('owner@example.org', 550);
    const it = change({ news: asked() });
    await notify().tell(it);
    smtp.answers.clear();
    await notify().tell(it);
    assert.deepEqual(addresses(), ['owner-2@example.org']);
  });

  it('of two attempts at once reaches nobody twice', async () => {
    const it = change({ news: asked() });
    await Promise.allSettled([notify().tell(it), notify().tell(it), notify().tell(it)]);
    await until(
      () =>
        notify()
          .tell(it)
          .then(() => true),
      { what: 'the last attempt' },
    );
    assert.equal(smtp.taken.length, 2);
  });

  // A header or a recipient that someone could write into a name would send our mail, in our name, to anyone.
  it('takes no header and no recipient from a name or an address', async () => {
    const evil = 'Owner\r\nBcc: all@example.org\r\nSubject: Free access\r\n\r\n<b>hello</b>';
    const directory = exampleDirectory((file) => {
      for (const person of file.people) person.name = `${person.id} "<x@example.org>, ${evil}`;
    });
    await notify({ directory }).tell(
      change({
        news: asked(['person:owner']),
        view: { subjectName: evil, entitlementTitle: evil },
        request: { justification: evil },
      }),
    );
    assert.deepEqual(addresses(), ['owner@example.org']);
    const [{ mail, source } = { mail: undefined, source: '' }] = smtp.taken;
    const [headers = ''] = source.split('\r\n\r\n');
    assert.doesNotMatch(headers, /^(Bcc|Cc):/im);
    assert.equal(headers.match(/^Subject:/gim)?.length, 1);
    assert.match(mail?.subject ?? '', /^Please decide: Owner Bcc: all@example\.org/);
    assert.deepEqual(
      [mail?.to]
        .flat()
        .flatMap((to) => to?.value ?? [])
        .map(({ address }) => address),
      ['owner@example.org'],
    );
  });

  it('reaches 500 approvers, one mail each, over a few kept connections', async () => {
    const directory = exampleDirectory((file) => {
      for (let made = 0; made < 500; made += 1) {
        file.people.push({
          id: `p${made}`,
          name: `Person ${made}`,
          email: `p${made}@example.org`,
          groups: ['security'],
          timeZone: 'Europe/Berlin',
          status: 'active',
          sameAs: [],
        });
      }
    });
    const before = Date.now();
    const it = change({ news: asked(['group:security', 'group:security']) });
    await notify({ directory }).tell(it);
    await notify({ directory }).tell(it);
    assert.equal(new Set(addresses()).size, 501);
    assert.equal(smtp.taken.length, 501);
    assert.ok(smtp.connections.most <= 4, `${smtp.connections.most} connections`);
    assert.ok(Date.now() - before < 15_000, `${Date.now() - before} ms`);
  });

  it('tells operators once about a stray that stays', async () => {
    const stray = { target: 'orders-db', grantId: change().view.grantId, account: 'daypass_x' };
    await notify().stray(stray);
    await notify().stray(stray);
    assert.deepEqual(addresses(), ['operator@example.org']);
  });
});

async function ready(url: string): Promise<Redis> {
  const store = connectRedis(url);
  await until(() => store.status === 'ready', { what: 'the connection to Redis' });
  return store;
}

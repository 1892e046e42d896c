/** The page of the audit: who may see it, what a search asks for, and one sentence for every record there can be. */
import assert from 'node:assert/strict';
import type { SearchAudit } from '../../../api/audit/schemas.js';
import { recordTypes } from '../../../api/audit/schemas.js';
import { chapters } from '../../../api/web/audit-lines.js';
import { names } from '../../../api/web/words.js';
import { Problem } from '../../../api/problem.js';
import { grantRecordTypes, journalRecordTypes, personRecordTypes } from '../../../workflows/domain/record.js';
import { actor, openWorld, type World } from './support/world.js';
import { endedRecord } from './support/fixtures.js';

const grant = `grant/${'0'.repeat(26)}`;

describe('the page of the audit', () => {
  let world: World;
  let asked: SearchAudit[];
  beforeEach(async () => {
    world = await openWorld();
    world.actor = actor('auditor', { roles: ['auditor'] });
    asked = [];
    world.audit.search = (query) => {
      asked.push(query);
      const records = endedRecord.map((record) => ({ ...record, chain: grant }));
      return Promise.resolve({ records, unreadable: [], next: 'next-page' });
    };
  });
  afterEach(() => world.close());

  it('is for auditors and security, and linked for them alone', async () => {
    for (const role of ['auditor', 'security'] as const) {
      world.actor = actor('someone', { roles: [role] });
      assert.equal((await world.get('/audit')).status, 200);
      assert.match((await world.get('/access')).html, /href="\/audit"/);
    }
    for (const role of ['operator', 'maintainer', undefined] as const) {
      world.actor = actor('someone', { roles: role ? [role] : [] });
      for (const path of ['/audit', '/audit/export?format=csv']) assert.equal((await world.get(path)).status, 403);
      assert.doesNotMatch((await world.get('/access')).html, /href="\/audit"/);
    }
  });

  it('shows records as the page of their grant does, with links there, on and to exports of the same', async () => {
    const { html } = await world.get('/audit?target=orders-db&type=&by=manager&from=2026-11-22T09:00');
    const [query] = asked;
    assert.deepEqual(
      [query?.target, query?.by, query?.type, query?.from],
      ['orders-db', 'person:manager', undefined, Date.parse('2026-11-22T09:00:00Z')],
    );
    assert.match(html, /Removed, and read back at the target/);
    assert.match(html, new RegExp(`href="/${grant.replace('grant', 'grants')}"`));
    for (const path of ['/audit?', '/audit/export?']) {
      assert.ok(html.includes(`${path}from=2026-11-22T09%3A00&amp;by=manager&amp;target=orders-db`), path);
    }
    assert.match(html, /cursor=next-page/);
  });

  it('says which field makes no sense, and keeps what was typed', async () => {
    const { status, html } = await world.get(`/audit?target=${encodeURIComponent('"><b>')}&by=manager`);
    assert.equal(status, 422);
    assert.match(html, /target looks like orders-db/);
    assert.match(html, /value="&quot;&gt;&lt;b&gt;"/);
    assert.match(html, /value="manager"/);
    assert.deepEqual(asked, []);
  });

  it('says when no worker answers, and shows nothing half', async () => {
    world.audit.search = () => Promise.reject(new Problem('temporal-unavailable', 'No worker answers.'));
    const { status, html } = await world.get('/audit');
    assert.equal(status, 503);
    assert.match(html, /The records cannot be read just now/);
    assert.doesNotMatch(html, /No records/);
  });

  it('tells nothing found from not everything looked through, and names chains that do not answer', async () => {
    world.audit.search = () => Promise.resolve({ records: [], unreadable: [] });
    assert.match((await world.get('/audit')).html, /No records of the last 24 hours/);
    assert.match((await world.get('/audit?target=orders-db')).html, /No record matches/);
    world.audit.search = () => Promise.resolve({ records: [], unreadable: [grant], next: 'more' });
    const { html } = await world.get('/audit');
    assert.match(html, /Nothing found so far/);
    assert.ok(html.includes(grant));
  });

  it('has a sentence of its own for every type of record', () => {
    const known = names(() => undefined);
    const chainOf = (type: string): string => {
      if (grantRecordTypes.some((it) => it === type)) return grant;
      return personRecordTypes.some((it) => it === type) ? 'person/manager' : 'journal';
    };
    for (const type of recordTypes) {
      const record = { chain: chainOf(type), sequence: 1, at: 0, time: '2026-11-22T09:00:00Z', type, by: 'person:x' };
      const [chapter] = chapters([{ ...record, detail: {}, previous: '', hash: '' }], known);
      const title = chapter?.lines[0]?.title ?? '';
      assert.match(title, /^[A-Z]/, type);
      assert.doesNotMatch(title, /undefined|NaN/, type);
    }
    assert.ok(journalRecordTypes.length > 0);
  });
});

/** Keys that change under running processes: a leaked one is over at once with everything it signed, a new one costs nobody anything. */
import assert from 'node:assert/strict';
import { copyFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createKey } from '../../workers/keys/create.js';
import { pin, retire, unpin } from '../../workers/keys/pinned.js';
import { readSigningKey } from '../../activities/platform/keys.js';
import { folder } from '../support/services.js';
import {
  becomesActive,
  entry,
  instant,
  reaches,
  reader,
  reading,
  recordOf,
  refusalOf,
} from '../support/system-grant.js';
import { system, type System } from '../support/system.js';
import { until } from '../support/until.js';

describe('the whole system, when keys change', function () {
  this.timeout(240_000);
  let daypass: System;
  let keys: { signing: string; pinned: string };
  let spare: string;

  before(async () => {
    daypass = await system();
    const file = (name: string): string => join(daypass.stateDir, 'keys', name);
    keys = { signing: file('api-signing.jwk.json'), pinned: file('api-public.jwks.json') };
    spare = await folder();
    for (const path of Object.values(keys)) await copyFile(path, join(spare, path.replaceAll('/', '_')));
  });

  // What other tests of this run started with.
  after(async () => {
    for (const path of Object.values(keys))
      await writeFile(path, await readFile(join(spare, path.replaceAll('/', '_'))));
    await daypass.api.stop();
    await daypass.start();
  });

  const env = () => ({ DAYPASS_API_KEYS_FILE: keys.pinned, DAYPASS_SIGNING_KEY_FILE: keys.signing });
  const kidNow = async (): Promise<string> => (await readSigningKey(keys.signing)).kid ?? '';

  /** A new key, pinned beside the others: every process believes it before anything is signed with it. */
  async function newKey(name: string): Promise<{ file: string }> {
    const out = join(spare, name);
    await createKey('signing', { folder: out, targets: [] });
    const made = await readdir(out);
    const [half] = made.filter((file) => file.endsWith('.public.jwk.json'));
    const [secret] = made.filter((file) => file !== half);
    assert.ok(half && secret);
    await pin(join(out, half), undefined, env());
    return { file: join(out, secret) };
  }

  /** The API signs with this key from its next start on. */
  async function signWith(file: string): Promise<void> {
    await writeFile(keys.signing, await readFile(file));
    await daypass.api.stop();
    await daypass.api.start();
  }

  it('ends every grant that a leaked key signed within seconds of its unpinning, at the database and for its people', async () => {
    const grants = [await reader(daypass, 1_800), await reader(daypass, 1_800)];
    const leaked = await kidNow();
    const engineer = daypass.as('engineer');

    const from = Date.now();
    await unpin(leaked, undefined, env());
    await until(async () => (await daypass.roles()).length === 0, { withinMs: 10_000, what: 'no account is left' });
    const goneMs = Date.now() - from;
    for (const { session, login } of grants) {
      await session.cut;
      assert.equal(await refusalOf(login), '28P01');
    }
    assert.ok(goneMs < 5_000, `the accounts were gone after ${goneMs} ms`);
    for (const { grantId } of grants) {
      await reaches(engineer, grantId, 'REVOKED');
      const { detail } = entry(await recordOf(engineer, grantId), 'eligibility-checked');
      assert.match(String(detail['because']), /no longer believed/);
    }

    // Whoever has the key, here the API itself, gets nothing with it any more.
    await assert.rejects(async () => {
      const { grantId } = await engineer.ask(reading(60));
      await becomesActive(daypass, grantId);
    });
    assert.deepEqual(await daypass.roles(), []);

    const { file } = await newKey('after-leak');
    await signWith(file);
    const { grantId, session } = await reader(daypass, 600);
    assert.equal(await session.count(), 200);
    await engineer.withdraw(grantId);
    await reaches(engineer, grantId, 'WITHDRAWN');
  });

  it('changes keys without an outage: grants of both live and end in their time, and the old key goes after its last', async () => {
    const engineer = daypass.as('engineer');
    const old = await kidNow();
    const before = await reader(daypass, 25);
    const { file } = await newKey('rotation');
    await signWith(file);
    const after = await reader(daypass, 600);
    assert.equal(await before.session.count(), 200);
    assert.equal(await after.session.count(), 200);

    const end = instant(before.grant.expireTime);
    await retire(old, { until: new Date(end + 60_000).toISOString() }, env());
    assert.equal((await before.session.cut).at >= end, true, 'nothing ended it sooner');
    await reaches(engineer, before.grantId, 'ENDED');

    await unpin(old, undefined, env());
    // A round of the sweep has looked by then, and every grant was asked.
    await until(() => daypass.said().split('pinned keys taken up').length > 3 && Date.now() > end + 15_000, {
      withinMs: 60_000,
    });
    assert.equal(after.session.wasCut(), undefined);
    assert.equal((await engineer.see(after.grantId)).state, 'ACTIVE');
    const asked = await reader(daypass, 60);
    for (const { grantId } of [after, asked]) {
      await engineer.withdraw(grantId);
      await reaches(engineer, grantId, 'WITHDRAWN');
    }
  });
});

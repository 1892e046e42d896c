/** A zone file is read as it says, or refused with its file, line and field. Whoever else could write it is a refusal too. */
import assert from 'node:assert/strict';
import { chmod, chown, cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { answer, type CeilingQuestion } from '../../../activities/ceiling.js';
import { readZone, readZones } from '../../../activities/zone.js';
import { createPasskey } from '../../support/authenticator.js';
import { hourMs } from '../../support/signer.js';

const [manager, owner, stranger] = [createPasskey(), createPasskey('EdDSA'), createPasskey()];

const good = `# the example
target: orders-db
kind: postgres
address:
  host: localhost
  port: \${ORDERS_DB_PORT}
  database: orders
credential: { env: ORDERS_DB_PROVISIONER }
entitlements:
  orders-db/read:
    privilege: { role: orders_reader }
    longest: PT8H
    approvals: { least: 1, groups: [managers, db-owners] }
    automatic: { longest: PT1H, perHour: 20 }
  orders-db/write:
    privilege: { role: orders_writer }
    longest: PT4H
    approvals: { least: 2, groups: [db-owners] }
    attested: true
    emergency: { longest: PT1H, groups: [oncall] }
passkeys:
  - { person: manager, id: ${manager.credentialId}, key: ${manager.publicKey} }
  - { person: owner, id: ${owner.credentialId}, key: ${owner.publicKey} }
`;
const env = { ORDERS_DB_PORT: '7432', ORDERS_DB_PROVISIONER: 'hunter2' };

describe('the ceiling', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'daypass-zone-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function file(text = good, name = 'orders-db.yml'): Promise<string> {
    const path = join(folder, name);
    await writeFile(path, text, { mode: 0o600 });
    return path;
  }

  it('is read, with addresses filled in and the secret from where it points to', async () => {
    const zone = await readZone(await file(), env);
    assert.deepEqual([zone.target, zone.kind, zone.credential], ['orders-db', 'postgres', 'hunter2']);
    assert.deepEqual(zone.address, { host: 'localhost', port: '7432', database: 'orders' });
    assert.deepEqual(zone.ceilings.get('orders-db/read'), {
      privilege: { role: 'orders_reader' },
      longestMs: 8 * hourMs,
      approvals: { least: 1, groups: ['managers', 'db-owners'] },
      attested: false,
      automatic: { longestMs: hourMs, perHour: 20 },
    });
    assert.deepEqual(zone.ceilings.get('orders-db/write'), {
      privilege: { role: 'orders_writer' },
      longestMs: 4 * hourMs,
      approvals: { least: 2, groups: ['db-owners'] },
      attested: true,
      emergency: { longestMs: hourMs, groups: ['oncall'] },
    });
    assert.deepEqual(zone.passkeys, [
      { person: 'person:manager', credentialId: manager.credentialId, publicKey: manager.publicKey },
      { person: 'person:owner', credentialId: owner.credentialId, publicKey: owner.publicKey },
    ]);
  });

  it('of the example is right', async () => {
    // A copy: a checkout may be writable by a group.
    const path = join(folder, 'orders-db.yml');
    await cp(new URL('../../../policy/ceilings/orders-db.yml', import.meta.url), path);
    await chmod(path, 0o600);
    const [zone] = await readZones(folder, env);
    assert.deepEqual([...(zone?.ceilings.keys() ?? [])], ['orders-db/read', 'orders-db/write', 'orders-db/administer']);
    assert.deepEqual(zone?.ceilings.get('orders-db/write')?.emergency, { longestMs: hourMs, groups: ['oncall'] });
    // A new stack has no passkeys, so what is `attested` could not be had there.
    assert.ok([...(zone?.ceilings.values() ?? [])].every(({ attested }) => !attested));
  });

  it('reads a secret from a file of its own', async () => {
    const secret = await file('hunter3\n', 'secret');
    const zone = await readZone(await file(good.replace('env: ORDERS_DB_PROVISIONER', `file: ${secret}`)), env);
    assert.equal(zone.credential, 'hunter3');
  });

  const wrong: [name: string, change: [from: string, to: string], sentence: RegExp][] = [
    [
      'a misspelt limit',
      ['longest: PT8H', 'longst: PT8H'],
      /orders-db\.yml:12: entitlements\.orders-db\/read\.longst: is not known here/,
    ],
    [
      'a missing limit',
      ['    longest: PT8H\n', ''],
      /orders-db\.yml:1\d: entitlements\.orders-db\/read\.longest: must be a duration/,
    ],
    ['a duration of zero', ['PT8H', 'PT0S'], /orders-db\.yml:12: .*longest: must be an ISO 8601 duration above zero/],
    ['a duration without a fixed length', ['PT8H', 'P1M'], /:12: .*ISO 8601/],
    ['a duration in words', ['PT8H', '8 hours'], /:12: .*ISO 8601/],
    [
      'automatic for longer than the longest',
      ['longest: PT1H', 'longest: PT9H'],
      /:14: .*automatic\.longest: must not be longer than/,
    ],
    ['no approvals needed', ['least: 1', 'least: 0'], /:13: .*approvals\.least: must be 1 or more; allow none with/],
    ['half an approval', ['least: 1', 'least: 1.5'], /:13: .*approvals\.least/],
    ['approvals by nobody', ['groups: [managers, db-owners]', 'groups: []'], /:13: .*approvals\.groups/],
    [
      'a rule of a later version',
      ['    longest: PT8H', '    recorded: true\n    longest: PT8H'],
      /:12: .*recorded: is not known here/,
    ],
    ['attested in words', ['attested: true', 'attested: often'], /:19: .*write\.attested: must be true or false/],
    [
      'emergencies for longer than the longest',
      ['{ longest: PT1H, groups: [oncall] }', '{ longest: PT5H, groups: [oncall] }'],
      /:20: .*emergency\.longest: must not be longer than/,
    ],
    ['emergencies for nobody', ['groups: [oncall]', 'groups: []'], /:20: .*emergency\.groups: must name a group/],
    ['emergencies for everybody', [', groups: [oncall]', ''], /:20: .*emergency\.groups/],
    [
      'emergencies counted as if they were automatic',
      ['groups: [oncall]', 'groups: [oncall], perHour: 2'],
      /:20: .*emergency\.perHour: is not known here/,
    ],
    ['a passkey of nobody', ['person: manager, ', ''], /:22: passkeys\.0\.person/],
    [
      'a passkey without its key',
      [`, key: ${owner.publicKey}`, ''],
      /:23: passkeys\.1\.key: .*npm run keys -- passkey/,
    ],
    [
      'a passkey whose key is none',
      [owner.publicKey, owner.publicKey.slice(3)],
      /:23: passkeys\.1\.key: must be a COSE key .*; `npm run keys -- passkey/,
    ],
    ['one passkey id for two people', [owner.credentialId, manager.credentialId], /:23: passkeys\.1: is listed before/],
    ['one passkey key for two people', [owner.publicKey, manager.publicKey], /:23: passkeys\.1: is listed before/],
    [
      'the secret itself',
      ['{ env: ORDERS_DB_PROVISIONER }', 'hunter2'],
      /:8: credential: must be \{ file: .*never the secret itself/,
    ],
    [
      'a field twice',
      ['kind: postgres', 'kind: postgres\nkind: postgres'],
      /orders-db\.yml:4: Map keys must be unique/,
    ],
    ['no YAML', ['entitlements:', 'entitlements: ['], /orders-db\.yml:\d+: /],
    [
      'a variable that is not set',
      ['${ORDERS_DB_PORT}', '${NO_SUCH}'],
      /address\.port: the environment variable NO_SUCH is not set/,
    ],
    [
      'a secret that is not set',
      ['ORDERS_DB_PROVISIONER', 'NO_SUCH'],
      /credential\.env: the environment variable NO_SUCH is not set/,
    ],
    [
      'a secret whose file is not there',
      ['env: ORDERS_DB_PROVISIONER', 'file: /nowhere/secret'],
      /credential\.file: \/nowhere\/secret cannot be read \(ENOENT\)/,
    ],
  ];
  for (const [name, [from, to], sentence] of wrong) {
    it(`is refused with file, line and field: ${name}`, async () => {
      assert.ok(good.includes(from));
      await assert.rejects(readZone(await file(good.replace(from, to)), env), (error) => {
        assert.ok(error instanceof Error);
        assert.match(error.message, sentence);
        assert.ok(!error.message.includes('hunter2'));
        return true;
      });
    });
  }

  it('names all that is wrong at once', async () => {
    const text = good.replace('PT8H', 'soon').replace('least: 2', 'least: 0');
    await assert.rejects(readZone(await file(text), env), (error) => {
      assert.ok(error instanceof Error);
      assert.equal(error.message.split('\n').length, 2);
      return true;
    });
  });

  it('is refused when others may write it, or its folder', async () => {
    const path = await file();
    for (const mode of [0o620, 0o602, 0o666]) {
      await chmod(path, mode);
      await assert.rejects(
        readZone(path, env),
        /may be written by others, who could lift the ceiling; run: chmod go-w/,
      );
    }
    await chmod(path, 0o644);
    await readZone(path, env);
    await chmod(folder, 0o777);
    await assert.rejects(readZones(folder, env), /may be written by others/);
  });

  it('is refused when somebody else owns it', async function () {
    const path = await file();
    // Only root can give a file away; for everyone else the check is the same code.
    if (process.getuid?.() !== 0) return;
    await chown(path, 12_345, 12_345);
    await assert.rejects(readZone(path, env), /belongs to user 12345, who could lift the ceiling/);
  });

  it('is refused when two files name one target, when there is none, and when the folder is not there', async () => {
    await assert.rejects(readZones(folder, env), /holds no zone file/);
    await file();
    await file(good, 'other.yml');
    await assert.rejects(readZones(folder, env), /other\.yml: target: orders-db is in .*orders-db\.yml already/);
    await assert.rejects(readZones(join(folder, 'none'), env), /cannot be read \(ENOENT\); DAYPASS_ZONE_DIR names/);
  });

  describe('answers a request before anybody is asked', () => {
    const people = [manager, owner].map(({ credentialId, publicKey }, index) => ({
      person: `person:${index}`,
      credentialId,
      publicKey,
    }));
    const of = async ([entitlement, durationMs, emergency = false]: Asked, passkeys = people) => {
      const { ceilings } = await readZone(await file(), env);
      return answer({ ceilings, passkeys }, { entitlement, durationMs, emergency });
    };
    type Asked = [CeilingQuestion['entitlement'], CeilingQuestion['durationMs'], boolean?];

    it('whether it may pass by itself, and how many approvals it takes', async () => {
      const read = { allows: true, leastApprovals: 1, attested: false };
      const write = { allows: true, leastApprovals: 2, attested: true };
      assert.deepEqual(await of(['orders-db/read', hourMs]), { ...read, automatic: true });
      assert.deepEqual(await of(['orders-db/read', hourMs + 1]), { ...read, automatic: false });
      assert.deepEqual(await of(['orders-db/write', 1]), { ...write, automatic: false });
    });

    it('that an emergency passes by its own limit alone', async () => {
      const write = { allows: true, leastApprovals: 2, attested: true };
      assert.deepEqual(await of(['orders-db/write', hourMs, true]), { ...write, automatic: true });
      assert.deepEqual(await of(['orders-db/write', hourMs + 1, true]), { ...write, automatic: false });
      const read = await of(['orders-db/read', hourMs, true]);
      assert.deepEqual(read, { allows: true, leastApprovals: 1, attested: false, automatic: false });
    });

    it('that it wants more passkeys than its zone lists, and who can add them', async () => {
      const answered = await of(['orders-db/write', 1], people.slice(1));
      assert.ok(!answered.allows);
      assert.match(answered.because, /the passkeys of 2 people, and its zone file lists 1; its owner adds them/);
      const twice = [...people.slice(1), { ...people[1], ...stranger, person: 'person:1' }];
      assert.equal((await of(['orders-db/write', 1], twice)).allows, false, 'two passkeys of one person');
      assert.equal((await of(['orders-db/read', 1], [])).allows, true);
    });

    it('that it allows nothing of the kind', async () => {
      const asked: Asked[] = [
        ['orders-db/read', 8 * hourMs + 1],
        ['orders-db/read', NaN],
        ['orders-db/own', 1],
        ['constructor', 1],
        ['orders-db/write', 4 * hourMs + 1, true],
      ];
      for (const question of asked) assert.equal((await of(question)).allows, false, String(question));
    });
  });
});

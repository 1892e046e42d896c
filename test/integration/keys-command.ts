/** `npm run keys` as people run it: what it makes is for its holder alone, a set is changed whole or not at all, and each step says the next. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readCodecKeys, readReceiptKeys, readSigningKey, readSigningKeys } from '../../activities/platform/keys.js';
import { signStatement, verifyStatement } from '../../activities/platform/jws.js';
import { readZone } from '../../activities/zone.js';
import type { PasskeyStatement } from '../../workflows/domain/evidence.js';
import { fingerprintOf } from '../../workflows/domain/passkeys.js';
import { createPasskey } from '../support/authenticator.js';
import { keysCommand, keysProcess, type KeysCommand } from '../support/keys-command.js';
import { createSigner } from '../support/signer.js';

const policy = fileURLToPath(new URL('../../policy', import.meta.url));
const dayMs = 24 * 3_600_000;

describe('npm run keys', function () {
  this.timeout(60_000);
  let folder: string;
  let keys: KeysCommand;
  const file = (name: string): string => join(folder, name);

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'daypass-keys-test-'));
    keys = keysCommand(folder);
  });
  afterEach(() => rm(folder, { recursive: true }));

  /** Makes a key of this kind and says where its halves are. */
  async function made(...args: string[]): Promise<{ kid: string; private: string; public: string }> {
    const before = new Set(await readdir(folder));
    const { code, complains } = await keys('new', ...args);
    assert.equal(code, 0, complains);
    const files = (await readdir(folder)).filter((name) => !before.has(name));
    const named = (end: string, not = 'nothing'): string =>
      file(files.find((name) => name.endsWith(end) && !name.endsWith(not)) ?? 'none');
    const halves = { private: named('.jwk.json', '.public.jwk.json'), public: named('.public.jwk.json') };
    return { ...halves, kid: (await readSigningKey(halves.private)).kid ?? '' };
  }

  async function setOf(...publicFiles: string[]): Promise<string> {
    const set = file('set.json');
    const found = await Promise.all(publicFiles.map(async (name) => JSON.parse(await readFile(name, 'utf8'))));
    await writeFile(set, JSON.stringify({ keys: found }), { mode: 0o640 });
    return set;
  }

  const kidsOf = async (set: string): Promise<unknown[]> => (await readSigningKeys(set)).keys.map(({ kid }) => kid);

  it('says what it can do, and refuses what it cannot with a sentence', async () => {
    const { says } = await keys();
    for (const command of ['list', 'new', 'pin', 'retire', 'unpin', 'rotate-codec', 'passkey']) {
      assert.match(says, new RegExp(`^  ${command} `, 'm'));
    }
    const wrong: [args: string[], sentence: RegExp][] = [
      [['burn'], /There is no command burn/],
      [['new', 'oidc'], /Say which kind of key: signing, receipt, seal, codec/],
      [['new', 'receipt'], /which targets its connector serves/],
      [['unpin', 'k1'], /--file <file>, or by the setting DAYPASS_API_KEYS_FILE/],
      [['list', '--filter', 'x'], /Unknown option '--filter'/],
      [['pin', file('none.json')], /none\.json cannot be read \(ENOENT\)/],
    ];
    for (const [args, sentence] of wrong) {
      const { code, complains } = await keys(...args);
      assert.equal(code, 1, args.join(' '));
      assert.match(complains, sentence);
    }
  });

  it('is a process that works where it is started, prints what it says, and ends with 1 and a sentence when it refuses', async () => {
    const typed = keysProcess(folder);
    const { code, says } = await typed('new', 'signing');
    assert.equal(code, 0);
    const [name = ''] = (await readdir(folder)).filter((it) => it.endsWith('.public.jwk.json'));
    assert.ok(says.includes(name));
    const set = await setOf(file(name));
    const [kid = ''] = (await kidsOf(set)).map(String);
    const refused = await typed('unpin', 'k1', '--file', set);
    assert.deepEqual(
      [refused.code, refused.says, refused.complains],
      [1, '', `${set} holds no key k1; it holds ${kid}.\n`],
    );
    const gone = await typed('unpin', kid, '--file', set);
    assert.deepEqual([gone.code, gone.complains], [0, '']);
    assert.deepEqual(await kidsOf(set), []);
  });

  it('makes a private file for its holder alone and a public one without the secret', async () => {
    for (const args of [['signing'], ['seal'], ['receipt', '--targets', 'orders-db']]) {
      const key = await made(...args);
      assert.equal((await stat(key.private)).mode & 0o777, 0o600);
      const secret = (await readSigningKey(key.private)).d;
      assert.ok(!(await readFile(key.public, 'utf8')).includes(secret));
    }
    await keys('new', 'codec');
    assert.equal((await stat(file('codec.json'))).mode & 0o777, 0o600);
    await readCodecKeys(file('codec.json'));
    const again = await keys('new', 'codec');
    assert.match(again.complains, /codec\.json is there already, and is not written over/);
  });

  it('leads through a rotation: pinned beside the old one, then retired when it can matter no more', async () => {
    const [old, next] = [await made('signing'), await made('signing')];
    const set = await setOf(old.public);
    keys = keysCommand(folder, { DAYPASS_API_KEYS_FILE: set, DAYPASS_SIGNING_KEY_FILE: old.private });

    assert.equal((await keys('pin', next.public)).code, 0);
    assert.deepEqual(await kidsOf(set), [old.kid, next.kid]);
    assert.match((await keys('pin', next.public)).says, /is pinned in .* already/);
    assert.equal((await stat(set)).mode & 0o777, 0o640, 'as it was');

    const early = await keys('retire', old.kid);
    assert.match(early.complains, /still signs .*First start the API with another pinned key/);

    keys = keysCommand(folder, {
      DAYPASS_API_KEYS_FILE: set,
      DAYPASS_SIGNING_KEY_FILE: next.private,
      DAYPASS_POLICY_DIR: policy,
    });
    const retired = await keys('retire', old.kid);
    assert.equal(retired.code, 0, retired.complains);
    assert.match(
      retired.says,
      /P30D +until a start .*\n.* for the slowest approval\n.* to be activated\n.* for the longest grant/,
    );
    const [first, second] = (await readSigningKeys(set)).keys;
    assert.ok((first?.until ?? 0) > Date.now() + 30 * dayMs);
    assert.equal(second?.until, undefined);
    assert.ok(retired.says.includes(new Date(first?.until ?? 0).toISOString()));

    const listed = await keys('list');
    assert.match(listed.says, new RegExp(`${old.kid} .*until 20`));
    assert.match(listed.says, new RegExp(`${next.kid} .*since 20.* signs`));
    assert.ok(!listed.says.includes((await readSigningKey(next.private)).d));
  });

  it('retires until an instant that is given, and refuses one that is none', async () => {
    const key = await made('signing');
    const set = await setOf(key.public);
    await keys('retire', key.kid, '--until', '2026-12-31T00:00:00Z', '--file', set);
    assert.equal((await readSigningKeys(set)).keys[0]?.until, Date.parse('2026-12-31T00:00:00Z'));
    for (const until of ['tomorrow', '2026-13-31T00:00:00Z', '1']) {
      assert.match((await keys('retire', key.kid, '--until', until, '--file', set)).complains, /is no instant/);
    }
  });

  it('takes a leaked key out at once by one command, and says what follows', async () => {
    const [leaked, other] = [await made('signing'), await made('signing')];
    const set = await setOf(leaked.public, other.public);
    keys = keysCommand(folder, { DAYPASS_API_KEYS_FILE: set, DAYPASS_SIGNING_KEY_FILE: leaked.private });
    const { code, says } = await keys('unpin', leaked.kid);
    assert.equal(code, 0);
    assert.deepEqual(await kidsOf(set), [other.kid]);
    assert.match(says, /their sweep removes what stands on it/);
    assert.match(says, /grants that it signed end/);
    assert.match(says, /still signs with it, so nobody can ask or approve until it has another/);
    const again = await keys('unpin', leaked.kid);
    assert.equal(again.code, 1);
    assert.match(again.complains, new RegExp(`holds no key ${leaked.kid}; it holds ${other.kid}`));
    await keys('unpin', other.kid);
    assert.deepEqual(await kidsOf(set), [], 'the last one too: then nothing is believed');
  });

  it('finds receipt and seal keys in the sets of their own', async () => {
    const [receipt, seal] = [await made('receipt', '--targets', 'orders-db,billing-db'), await made('seal')];
    const env = { DAYPASS_RECEIPT_KEYS_FILE: file('receipts.json'), DAYPASS_SEAL_KEYS_FILE: file('seals.json') };
    for (const set of Object.values(env)) await writeFile(set, '{ "keys": [] }');
    keys = keysCommand(folder, env);
    await keys('pin', receipt.public);
    await keys('pin', seal.public);
    const [pinned] = await readReceiptKeys(file('receipts.json'));
    assert.deepEqual([pinned?.kid, pinned?.targets], [receipt.kid, ['orders-db', 'billing-db']]);
    assert.deepEqual(await kidsOf(file('seals.json')), [seal.kid]);
    assert.match((await keys('unpin', receipt.kid)).says, /no receipt that it signed counts/);
    assert.deepEqual(await readReceiptKeys(file('receipts.json')), []);
  });

  it('pins nothing that is private, of another curve, or without what its set needs', async () => {
    const [key, seal] = [await made('signing'), await made('seal')];
    const set = await setOf(key.public);
    const before = await readFile(set, 'utf8');
    const x25519 = file('x25519.json');
    await writeFile(x25519, JSON.stringify({ kty: 'OKP', crv: 'X25519', x: 'a'.repeat(43) }));
    const receipts = file('receipts.json');
    await writeFile(receipts, '{ "keys": [] }');
    keys = keysCommand(folder, { DAYPASS_API_KEYS_FILE: set, DAYPASS_RECEIPT_KEYS_FILE: receipts });
    const aimless = file('aimless.json');
    await writeFile(aimless, JSON.stringify({ ...JSON.parse(await readFile(seal.public, 'utf8')), for: 'receipt' }));
    const wrong: [file: string, sentence: RegExp][] = [
      [key.private, /holds a private key/],
      [x25519, /Nothing is changed\. .*set\.json must hold a JWK Set of Ed25519 keys/],
      [aimless, /Nothing is changed\. .*receipts\.json must hold .*targets/],
    ];
    for (const [given, sentence] of wrong) {
      const { code, complains } = await keys('pin', given);
      assert.equal(code, 1, given);
      assert.match(complains, sentence);
    }
    assert.equal(await readFile(set, 'utf8'), before);
    const left = (await readdir(folder)).filter((name) => /\.lock$|\.json\./.test(name));
    assert.deepEqual(left, [], 'nothing lies about');
  });

  it('never loses a change that another command makes at the same time', async () => {
    const all = [await made('signing'), await made('signing'), await made('signing')];
    const set = await setOf(...all.map((key) => key.public));
    const ran = await Promise.all(all.map(({ kid }) => keys('unpin', kid, '--file', set)));
    const gone = all.filter((_key, index) => ran[index]?.code === 0).map(({ kid }) => kid);
    for (const { code, complains } of ran) if (code !== 0) assert.match(complains, /Another command is changing/);
    assert.ok(gone.length > 0);
    const left = all.map(({ kid }) => kid).filter((kid) => !gone.includes(kid));
    assert.deepEqual(await kidsOf(set), left);
  });

  describe('passkey', () => {
    const now = Date.now();
    const passkey = createPasskey();
    const statement: PasskeyStatement = {
      type: 'passkey',
      installation: 'test',
      actor: 'person:manager',
      signIn: { time: now, methods: ['pwd'], groups: ['managers'] },
      issuedAt: now,
      credentialId: passkey.credentialId,
      publicKey: passkey.publicKey,
    };

    it('prints the line that a zone file takes, with the fingerprint that the person sees', async () => {
      const key = await made('signing');
      const set = await setOf(key.public);
      const enrolment = await signStatement(statement, await readSigningKey(key.private));
      const { code, says, complains } = await keys('passkey', enrolment, '--file', set);
      assert.equal(code, 0, complains);
      assert.ok(says.includes(`\n  ${fingerprintOf(passkey)}\n`));
      const line = /^ *- .*$/m.exec(says)?.[0] ?? '';
      const zone = file('zone.yml');
      const text = `target: orders-db\nkind: postgres\naddress: {}\ncredential: { env: SECRET }\npasskeys:\n${line}\nentitlements:\n  orders-db/read:\n    privilege: {}\n    longest: PT1H\n    approvals: { least: 1, groups: [managers] }\n`;
      await writeFile(zone, text, { mode: 0o600 });
      const { passkeys } = await readZone(zone, { SECRET: 'hunter2' });
      const { credentialId, publicKey } = passkey;
      assert.deepEqual(passkeys, [{ person: 'person:manager', credentialId, publicKey }]);
    });

    it('prints nothing for what the API did not sign, or signed about something else', async () => {
      const [key, api] = [await made('signing'), await createSigner(now)];
      const set = await setOf(key.public);
      const signing = await readSigningKey(key.private);
      const service = await signStatement({ ...statement, actor: 'service:deploy-bot' }, signing);
      const forged = await signStatement(statement, { ...api.key, kid: key.kid });
      const request = await verifyStatement(await api.request(), api.keys);
      const about = await signStatement(request, signing);
      for (const given of ['nonsense', forged, about, service]) {
        const { code, says, complains } = await keys('passkey', given, '--file', set);
        assert.deepEqual([code, says], [1, '']);
        assert.match(complains, /no enrolment|is not the enrolment of a passkey/);
      }
    });
  });
});

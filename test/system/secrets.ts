/**
 * Secrets are known here, everything that can happen to a grant happens, failures too, and then every store, log, history and
 * figure of the system is searched for each of them. At the end one is put into each place on purpose, and is found.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { Redis } from 'ioredis';
import { exportJWK, generateKeyPair } from 'jose';
import pg from 'pg';
import { openCredential } from '../../activities/platform/jwe.js';
import { credentialPublicKey } from '../../activities/platform/keys.js';
import {
  approves,
  becomesActive,
  opens,
  reaches,
  reader,
  reading,
  recordOf,
  refusalOf,
  writing,
} from '../support/system-grant.js';
import { storesOf, traces, type Stores } from '../support/system-stores.js';
import { system, type System } from '../support/system.js';
import { until } from '../support/until.js';

describe('secrets', function () {
  this.timeout(300_000);
  let daypass: System;
  const secrets = new Map<string, Buffer>();
  /** What callers were answered, and what they asked. */
  const answers: string[] = [];

  before(async () => {
    daypass = await system();
    for (const own of [daypass.api, daypass.decisions, daypass.connectors]) {
      await own.stop();
    }
    await logsEverything(daypass);
    for (const own of [daypass.decisions, daypass.connectors, daypass.api]) {
      await own.start({ DAYPASS_LOG_LEVEL: 'debug' });
    }
    for (const [name, secret] of await heldSecrets(daypass)) secrets.set(name, secret);
  });
  after(async () => {
    for (const own of [daypass.api, daypass.decisions, daypass.connectors]) await own.stop();
    for (const own of [daypass.decisions, daypass.connectors, daypass.api]) await own.start();
  });

  /** A call whose answer is kept for the search. */
  async function call(method: string, path: string, headers: Record<string, string>, body?: string): Promise<Response> {
    const response = await fetch(new URL(path, daypass.portal), {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      redirect: 'manual',
      ...(body !== undefined && { body }),
    });
    const kept = response.clone();
    const said = [...kept.headers].filter(([name]) => name !== 'set-cookie');
    answers.push(`${method} ${response.url} ${JSON.stringify(said)} ${await kept.text()}`);
    return response;
  }

  it('are in no store, log, history or figure after everything has happened', async () => {
    const engineer = daypass.as('engineer');
    const reason = `Planted reason ${randomUUID()}.`;
    const { grantId } = await engineer.ask({ ...writing(120), justification: reason });
    await approves(daypass, 'manager', grantId);
    await approves(daypass, 'owner', grantId);
    const first = await opens(engineer, grantId);
    const { credential } = await engineer.renew(grantId);
    assert.ok(credential);
    const token = await daypass.token('engineer');
    const cookie = await daypass.cookie('engineer', Date.now(), ['engineers']);
    secrets.set('the first password', Buffer.from(String(first.login.password)));
    secrets.set('the renewed password', Buffer.from(credential.password));
    secrets.set('a bearer token', Buffer.from(token));
    secrets.set('a session cookie', Buffer.from(cookie.slice(cookie.indexOf('=') + 1)));

    const bearer = { authorization: `Bearer ${token}` };
    // Values, that is: the name of an unknown field is answered to whoever sent it.
    const hostile = JSON.stringify({ reason: credential.password, unknown: token });
    await call('POST', '/v1/grants', bearer, `{"justification": "${credential.password}`);
    await call('POST', '/v1/grants', bearer, hostile);
    await call('POST', `/v1/grants/${grantId}/credential`, bearer, hostile);
    await call('GET', '/v1/grants', { authorization: `Bearer ${token.slice(0, -8)}AAAAAAAA` });
    await call('GET', '/access', { cookie });
    await call('GET', '/grants/nothing', { cookie: `${cookie}AAAA` });
    await call(
      'POST',
      `/v1/grants/${grantId}/credential`,
      { authorization: `Bearer ${await daypass.token('manager')}` },
      '{}',
    );
    await call('POST', `/v1/grants/${grantId}/deny`, { cookie }, '{"reason":"x"}');
    await daypass.temporalCli(grantId, 'workflow', 'signal', '--name', 'approve', '--input', '{"evidence":"x"}');
    await wrongPasswordAtTheTarget(daypass);
    await daypass.as('security').revoke(grantId, { reason: 'Enough.' });
    await reaches(engineer, grantId, 'REVOKED');
    await toldEverything(daypass, grantId);

    const stores = await storesOf(daypass);
    stores.set('answers', Buffer.from(answers.join('\n')));
    assertPlaces(stores);
    for (const [name, secret] of secrets) assert.deepEqual(traces(stores, secret), [], name);
    // What people write is for the record and for mail. Temporal has it sealed, and the rest not at all.
    const elsewhere = traces(stores, Buffer.from(reason)).filter(
      (trace) => !/ in (mail|state: audit|Redis|answers)/.test(trace),
    );
    assert.deepEqual(elsewhere, [], 'the reason');
    assert.notDeepEqual(traces(stores, Buffer.from(reason)), [], 'the reason is where it belongs');
  });

  it('would have been found: one is put into each place, in another form each time', async () => {
    const secret = Buffer.from(`planted-${randomUUID()}`);
    const text = secret.toString();
    const redis = new Redis(daypass.redis.url);
    const { address, namespace } = daypass.engine;
    const connection = await Connection.connect({ address });
    const client = new Client({ connection, namespace });
    const everyPlace = [
      /Redis/,
      /history/,
      /visibility/,
      /audit/,
      /PostgreSQL/,
      /log of the processes/,
      /Temporal’s files/,
    ];
    try {
      await redis.set('planted', `before ${Buffer.from(`x${text}y`).toString('base64')}`);
      await client.workflow.start('planted', { workflowId: randomUUID(), taskQueue: 'nobody', args: [{ text }] });
      const memo = { note: Buffer.from(text).toString('hex') };
      await client.workflow.start('planted', { workflowId: randomUUID(), taskQueue: 'nobody', args: [], memo });
      await appendFile(join(daypass.stateDir, 'audit', 'planted'), encodeURIComponent(text));
      await query(daypass, `select '${text}'`);
      daypass.api.said.push(`{"password":"${Buffer.from(text).toString('base64url')}"}`);
      // Redis and the log of PostgreSQL are on disk a moment later.
      await until(
        async () => {
          const places = traces(await storesOf(daypass), secret).join('\n');
          for (const place of everyPlace) assert.match(places, place);
          return true;
        },
        { withinMs: 20_000, what: 'what was planted in every place' },
      );
    } finally {
      redis.disconnect();
      await connection.close();
      daypass.api.said.pop();
    }
  });
});

describe('a credential', function () {
  this.timeout(180_000);
  let daypass: System;
  before(async () => {
    daypass = await system();
  });

  it('is sealed to the key that a service sends along: only that key opens it, and not the API’s', async () => {
    const { privateKey, publicKey } = await generateKeyPair('ECDH-ES+A256KW', { crv: 'X25519', extractable: true });
    const { x = '' } = await exportJWK(publicKey);
    const robot = daypass.as('deploy-bot');
    const recipientKey = { kty: 'OKP' as const, crv: 'X25519' as const, x };
    const { grantId } = await robot.ask({ ...reading(8), recipientKey });
    await becomesActive(daypass, grantId, 'deploy-bot');
    const answer = await robot.collect(grantId);
    assert.equal(answer.credential, undefined);
    const sealed = String(answer.sealed);

    const own = await exportJWK(privateKey);
    const opened = await openCredential(sealed, { kty: 'OKP', crv: 'X25519', x, d: own.d ?? '' });
    assert.equal(opened.grantId, grantId);
    const { host, port, database, username: user, password } = opened as unknown as Login;
    const login = { host, port, database, user, password };
    const session = new pg.Client(login);
    session.on('error', () => undefined);
    await session.connect();
    assert.equal((await session.query('select 1 as one')).rows[0].one, 1);

    const api = credentialPrivate(await readFile(join(daypass.stateDir, 'keys', 'api-credential.jwk.json'), 'utf8'));
    await assert.rejects(openCredential(sealed, api), /does not open/);
    await reaches(robot, grantId, 'ENDED');
    assert.equal(await refusalOf(login), '28P01');
    assert.deepEqual(traces(await storesOf(daypass), Buffer.from(password)), []);
    await session.end().catch(() => undefined);
  });

  it('that was lost is renewed: the old one lets nobody in, the new one does, and it is on record', async () => {
    const engineer = daypass.as('engineer');
    const { grantId, login, session } = await reader(daypass, 40);
    const { credential } = await engineer.renew(grantId);
    assert.ok(credential);
    assert.notEqual(credential.password, login.password);
    assert.equal(await refusalOf(login), '28P01');
    const again = new pg.Client({ ...login, password: credential.password });
    again.on('error', () => undefined);
    await again.connect();
    const types = (await recordOf(engineer, grantId)).map(({ type }) => type);
    for (const type of ['renewal-asked', 'renewed'] as const) assert.ok(types.includes(type), types.join(', '));

    await engineer.withdraw(grantId);
    await session.cut;
    await reaches(engineer, grantId, 'WITHDRAWN');
    assert.equal(await refusalOf({ ...login, password: credential.password }), '28P01');
    await assert.rejects(engineer.renew(grantId), /not-active|over|active/);
    await again.end().catch(() => undefined);
  });

  it('is handed over once, to the subject alone, and not after the end', async () => {
    const engineer = daypass.as('engineer');
    const { grantId } = await engineer.ask(reading(30));
    await becomesActive(daypass, grantId);
    for (const account of ['manager', 'operator', 'security', 'maintainer', 'engineer-2']) {
      await assert.rejects(daypass.as(account).collect(grantId), account);
      await assert.rejects(daypass.as(account).renew(grantId), account);
    }
    const collectId = randomUUID();
    const handed = await engineer.collect(grantId, collectId);
    assert.deepEqual(await engineer.collect(grantId, collectId), handed);
    await assert.rejects(engineer.collect(grantId), /handed over|collected/i);
    await engineer.withdraw(grantId);
    await reaches(engineer, grantId, 'WITHDRAWN');
    await assert.rejects(engineer.collect(grantId, collectId));
  });
});

interface Login {
  host: string;
  port: number;
  database: string;
  username: string;
  password: string;
}

function credentialPrivate(text: string): { kty: string; crv: string; x: string; d: string } {
  const jwk = JSON.parse(text) as { d: string };
  return { ...credentialPublicKey.parse({ ...jwk }), d: jwk.d } as { kty: string; crv: string; x: string; d: string };
}

/** What the files of the development keys hold, and the passwords of the target. */
async function heldSecrets(daypass: System): Promise<[string, Buffer][]> {
  const read = (name: string): Promise<string> => readFile(join(daypass.stateDir, 'keys', name), 'utf8');
  const privatePart = async (name: string): Promise<[string, Buffer]> => {
    const { d = '' } = JSON.parse(await read(name)) as { d?: string };
    return [name, Buffer.from(d, 'base64url')];
  };
  const ring = JSON.parse(await read('codec.json')) as { keys: Record<string, string> };
  return [
    ...Object.entries(ring.keys).map(([id, key]): [string, Buffer] => [`codec ${id}`, Buffer.from(key, 'base64')]),
    ['session.key', Buffer.from(await read('session.key'), 'base64')],
    ['risk.key', Buffer.from(await read('risk.key'), 'base64')],
    ['oidc-client.secret', Buffer.from((await read('oidc-client.secret')).trim())],
    await privatePart('api-signing.jwk.json'),
    await privatePart('api-credential.jwk.json'),
    await privatePart('receipt.jwk.json'),
    await privatePart('seal.jwk.json'),
    ['provisioner', Buffer.from(daypass.ordersDb.provisioner.password)],
    ['superuser', Buffer.from(daypass.ordersDb.superuser.password)],
  ];
}

async function query({ ordersDb }: System, sql: string): Promise<void> {
  const { host, port, superuser } = ordersDb;
  const client = new pg.Client({ host, port, ...superuser, database: 'postgres' });
  await client.connect();
  await client.query(sql);
  await client.end();
}

/** The database says from now on everything that anyone asks of it, and keeps that in files. */
async function logsEverything(daypass: System): Promise<void> {
  // Stronger than what the server was started with.
  await query(daypass, `alter role all set log_statement = 'all'`);
  await query(daypass, 'alter system set logging_collector = on');
  await daypass.ordersDb.stop();
  await daypass.ordersDb.start();
}

/** Asks while the connector's password is wrong at the database, so that every way of failing there is taken. */
async function wrongPasswordAtTheTarget(daypass: System): Promise<void> {
  const engineer = daypass.as('engineer');
  const { provisioner } = daypass.ordersDb;
  const { rows } = await verifierOf(daypass, provisioner.user);
  const restore = () => query(daypass, `alter role ${provisioner.user} password '${rows[0]?.rolpassword ?? ''}'`);
  await query(daypass, `alter role ${provisioner.user} password 'another'`);
  await query(daypass, `select pg_terminate_backend(pid) from pg_stat_activity where usename = '${provisioner.user}'`);
  try {
    const { grantId } = await engineer.ask(reading(60));
    await engineer.until(grantId, ({ state }) => state === 'REVOKING', 30_000);
    await restore();
    await reaches(engineer, grantId, 'ACTIVATION_FAILED');
  } finally {
    await restore();
  }
}

async function verifierOf({ ordersDb }: System, user: string): Promise<pg.QueryResult<{ rolpassword: string }>> {
  const { host, port, superuser } = ordersDb;
  const client = new pg.Client({ host, port, ...superuser, database: 'postgres' });
  await client.connect();
  const found = await client.query<{ rolpassword: string }>('select rolpassword from pg_authid where rolname = $1', [
    user,
  ]);
  await client.end();
  return found;
}

/** Mail, stream and files have this grant's last line. */
async function toldEverything(daypass: System, grantId: string): Promise<void> {
  await until(
    async () => {
      const stores = await storesOf(daypass);
      const audit = [...stores].filter(([name]) => name.startsWith('state: audit'));
      return audit.some(([, bytes]) =>
        bytes
          .toString()
          .split('\n')
          .some((line) => line.includes(grantId) && line.includes('"closed"')),
      );
    },
    { withinMs: 60_000, everyMs: 500, what: 'the last line of the grant in the audit' },
  );
}

/** A search that looked nowhere would find nothing. */
function assertPlaces(stores: Stores): void {
  const names = [...stores].filter(([, bytes]) => bytes.length > 0).map(([name]) => name);
  const places = [
    /^log of/,
    /^mail/,
    /^figures of api/,
    /^figures of connectors/,
    /^Temporal’s files.*\.db/,
    /^Redis’s files.*aof/,
  ];
  places.push(
    /^state: audit/,
    /^state: receipts/,
    /^PostgreSQL’s log/,
    /^history of grant/,
    /^visibility of grant/,
    /^answers/,
  );
  for (const place of places)
    assert.ok(
      names.some((name) => place.test(name)),
      `${place.source} in ${names.join(', ')}`,
    );
}

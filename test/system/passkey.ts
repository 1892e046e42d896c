/**
 * Approvals that a connector believes only with passkeys of its own zone file: what a stolen password, or the API by itself,
 * can make at the database. Real processes, a real PostgreSQL, and authenticators in software.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createPasskey, type Passkey } from '../support/authenticator.js';
import { answer, enrols, passkeysOf, proof, removeAll } from '../support/passkey-calls.js';
import { swap } from '../support/policy.js';
import { call } from '../support/system-calls.js';
import { entry, opens, reaches, recordOf, refusalOf } from '../support/system-grant.js';
import { system, type System } from '../support/system.js';
import { passkeyLine } from '../../workers/keys/passkey.js';
import { Visitor } from '../support/visitor.js';

const administering = {
  entitlement: 'orders-db/administer',
  justification: 'The nightly reindex hangs; look at its locks and end it.',
  requestedDuration: 'PT10M',
  ticket: { system: 'OPS', number: 'OPS-7' },
};

describe('a target that believes only listed passkeys', function () {
  this.timeout(240_000);
  let daypass: System;
  let zoneFile: string;
  let zoneBefore: string;
  const passkeys = new Map<string, Passkey>();
  const visitors = new Map<string, Visitor>();

  const page = () => ({ origin: daypass.portal, rpId: 'localhost' });

  async function signsIn(account: string): Promise<Visitor> {
    const who = new Visitor(daypass.portal, daypass.portal);
    await who.signIn(account);
    return who;
  }

  before(async () => {
    daypass = await system();
    const lines: string[] = [];
    for (const account of ['owner', 'security']) {
      const who = await signsIn(account);
      passkeys.set(account, await enrols(who, createPasskey(), page()));
      visitors.set(account, who);
      lines.push(await lineOf(who));
    }
    zoneFile = join(daypass.stateDir, 'zone', 'orders-db.yml');
    zoneBefore = await readFile(zoneFile, 'utf8');
    const listed = swap('passkeys: []', `passkeys:\n${lines.map((line) => `  ${line}`).join('\n')}`);
    const attested = swap('privilege: { role: orders_admin }', 'privilege: { role: orders_admin }\n    attested: true');
    await restarted(attested(listed(zoneBefore)));
  });
  after(() => restarted(zoneBefore));

  /** The page shows a command; the owner of the zone runs it, compares the fingerprint, and adds the line that it prints. */
  async function lineOf(who: Visitor): Promise<string> {
    const page = await (await who.go('/passkeys')).text();
    const enrolment = /npm run keys -- passkey ([\w.-]+)</.exec(page)?.[1];
    const printed = await passkeyLine(enrolment, join(daypass.stateDir, 'keys', 'api-public.jwks.json'), process.env);
    const [known] = await passkeysOf(who);
    assert.ok(printed.includes(`\n  ${String(known?.['fingerprint'])}\n`), printed);
    return /^ *(- \{.*)$/m.exec(printed)?.[1] ?? '';
  }

  async function restarted(zone: string): Promise<void> {
    await daypass.connectors.stop();
    await writeFile(zoneFile, zone);
    await daypass.connectors.start();
  }

  async function asks(): Promise<string> {
    const requester = daypass.as('owner-2');
    const { grantId } = await requester.ask(administering);
    await reaches(requester, grantId, 'APPROVAL_AWAITED');
    return grantId;
  }

  async function approves(who: Visitor, passkey: Passkey, grantId: string): Promise<void> {
    const decision = { decisionId: randomUUID(), about: 'request', step: 0 };
    const asked = await answer(await who.call(`/v1/grants/${grantId}/approve/challenge`, decision));
    const assertion = proof(passkey, asked, page());
    await answer(await who.call(`/v1/grants/${grantId}/approve`, { ...decision, assertion }));
  }

  const of = <Value>(account: string, all: Map<string, Value>): Value => {
    const found = all.get(account);
    assert.ok(found);
    return found;
  };

  it('makes the account when both approvals carry them, and takes it back', async () => {
    const grantId = await asks();
    for (const account of ['owner', 'security']) {
      assert.equal(await daypass.roleOf(grantId), undefined, 'nothing stands before the last approval');
      await approves(of(account, visitors), of(account, passkeys), grantId);
    }
    const requester = daypass.as('owner-2');
    const { session, login } = await opens(requester, grantId);
    assert.equal(await session.count(), 200);
    const record = await recordOf(requester, grantId);
    assert.match(String(entry(record, 'approved').detail['evidence']), /^[\w-]+\.[\w-]+\.[\w-]+$/);
    await requester.withdraw(grantId, {});
    await reaches(requester, grantId, 'WITHDRAWN');
    assert.equal(await refusalOf(login), '28P01');
    assert.equal(await daypass.roleOf(grantId), undefined);
  });

  it('makes nothing for approvals without one: by a token or by a session, each is refused by name', async () => {
    const grantId = await asks();
    const bare = { decisionId: randomUUID(), about: 'request', step: 0 };
    const path = `/v1/grants/${grantId}/approve`;
    const byToken = await call(daypass, { account: 'owner' }, 'POST', path, bare);
    assert.equal(byToken.problem.type, 'passkey-required');
    const bySession = await (await of('security', visitors).call(path, bare)).json();
    assert.equal((bySession as { type: string }).type, 'passkey-required');
    const { state } = await daypass.as('owner-2').see(grantId);
    assert.equal(state, 'APPROVAL_AWAITED');
    assert.equal(await daypass.roleOf(grantId), undefined);
    await daypass.as('owner-2').withdraw(grantId, {});
  });

  it('makes nothing for whoever stole a password and enrolled a passkey of their own, and says why', async () => {
    const grantId = await asks();
    // The password is enough to sign in, to remove what is enrolled, and to enrol: the API believes this passkey.
    const thief = await signsIn('security');
    await removeAll(thief);
    const stolen = await enrols(thief, createPasskey(), page());
    await approves(thief, stolen, grantId);
    await approves(of('owner', visitors), of('owner', passkeys), grantId);
    const requester = daypass.as('owner-2');
    await reaches(requester, grantId, 'ACTIVATION_FAILED');
    assert.equal(await daypass.roleOf(grantId), undefined);
    const failed = entry(await recordOf(requester, grantId), 'activation-failed');
    assert.match(String(failed.detail['code']), /^passkey-|^bad-evidence$/);
    assert.match(String(failed.detail['because']), /passkey/i);
  });
});

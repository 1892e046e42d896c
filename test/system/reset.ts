/**
 * Reset, as whoever runs Temporal can do it: a grant that is over is made to begin again, with and without what people sent
 * to it. No account comes of it, whatever the grant ended in, and also where people let it in once more.
 */
import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeJwt } from 'jose';
import type { Grant } from '../../api/client/client.js';
import type { Receipt } from '../../workflows/domain/receipt.js';
import type { AuditRecord } from '../../workflows/domain/record.js';
import { isTerminal } from '../../workflows/domain/states.js';
import { approves, entry, opens, reaches, reader, recordOf, writing } from '../support/system-grant.js';
import { system, type System } from '../support/system.js';
import { until } from '../support/until.js';

const patient = { withinMs: 60_000, everyMs: 250 };

describe('a grant that is over and is reset', function () {
  this.timeout(240_000);
  let daypass: System;

  before(async () => {
    daypass = await system();
  });

  /** How each comes to its end, and whether people have to let it in again after the reset. */
  const endings: [ending: Grant['state'], how: string, asks: boolean, end: () => Promise<string>][] = [
    ['ENDED', 'after it was used', false, () => used(daypass)],
    ['ENDED', 'after two people approved it', true, () => approved(daypass)],
    ['REVOKED', 'while it was used', false, () => revoked(daypass)],
    ['DENIED', 'by the first who was asked', true, () => denied(daypass)],
    ['EXPIRED', 'since nobody decided', true, () => expired(daypass)],
    ['WITHDRAWN', 'before anybody decided', true, () => withdrawn(daypass)],
  ];

  for (const [ending, how, asks, end] of endings) {
    it(`is ${ending} ${how}: no account comes of it`, async () => {
      const grantId = await end();
      assert.equal((await daypass.as('auditor').see(grantId)).state, ending);
      assert.equal(await daypass.roleOf(grantId), undefined);
      const made = await madeReceipts(daypass, grantId);
      const run = await runOf(daypass, grantId);
      const watch = watchFor(daypass, grantId);

      // As it was: every signal comes once more, each with the evidence that it carried.
      await reset(daypass, grantId, run);
      await settles(daypass, grantId, asks);
      // And as if nobody had said anything. Whoever is asked again says yes.
      await reset(daypass, grantId, run, '--reapply-exclude', 'All');
      const again = await settles(daypass, grantId, asks);
      if (again.state === 'APPROVAL_AWAITED') {
        await approves(daypass, 'manager', grantId);
        await approves(daypass, 'owner', grantId);
      }
      const over = await settles(daypass, grantId, false);

      assert.equal(over.state, 'ACTIVATION_FAILED');
      const failed = entry(await recordOf(daypass.as('auditor'), grantId), 'activation-failed');
      assert.equal(failed.detail['code'], 'tombstone');
      assert.deepEqual(await watch(), [], 'a role was there');
      assert.equal(await daypass.roleOf(grantId), undefined);
      assert.equal(await madeReceipts(daypass, grantId), made, 'the connector made something');
    });
  }
});

async function used(daypass: System): Promise<string> {
  const { grantId, session } = await reader(daypass, 5);
  await session.cut;
  await reaches(daypass.as('engineer'), grantId, 'ENDED');
  return grantId;
}

async function approved(daypass: System): Promise<string> {
  const engineer = daypass.as('engineer');
  const { grantId } = await engineer.ask(writing(5));
  await approves(daypass, 'manager', grantId);
  await approves(daypass, 'owner', grantId);
  const { session } = await opens(engineer, grantId);
  await session.cut;
  await reaches(engineer, grantId, 'ENDED');
  return grantId;
}

async function revoked(daypass: System): Promise<string> {
  const { grantId } = await reader(daypass, 600);
  await daypass.as('security').revoke(grantId, { reason: 'No longer needed.' });
  await reaches(daypass.as('engineer'), grantId, 'REVOKED');
  return grantId;
}

async function denied(daypass: System): Promise<string> {
  const { grantId } = await daypass.as('engineer').ask(writing(600));
  await reaches(daypass.as('engineer'), grantId, 'APPROVAL_AWAITED');
  await daypass.as('manager').deny(grantId, { reason: 'Not today.' });
  await reaches(daypass.as('engineer'), grantId, 'DENIED');
  return grantId;
}

async function withdrawn(daypass: System): Promise<string> {
  const engineer = daypass.as('engineer');
  const { grantId } = await engineer.ask(writing(600));
  await reaches(engineer, grantId, 'APPROVAL_AWAITED');
  await engineer.withdraw(grantId);
  await reaches(engineer, grantId, 'WITHDRAWN');
  return grantId;
}

/** Under a policy that gives people three seconds. */
async function expired(daypass: System): Promise<string> {
  const file = join(daypass.policyDir, 'flows.yml');
  const original = await readFile(file, 'utf8');
  const step = /(- name: manager-then-owners\n {4}steps:\n {6}- name: manager\n {8}approvers: \[manager\]\n)[^]*?PT8H/;
  assert.match(original, step);
  await writeFile(file, original.replace(step, '$1        expireAfter: PT3S'));
  try {
    return await asksUntil(daypass, (waitsMs) => waitsMs < 60_000, 'EXPIRED');
  } finally {
    await writeFile(file, original);
    await asksUntil(daypass, (waitsMs) => waitsMs > 60_000, 'WITHDRAWN');
  }
}

/** Asks until the workers have taken the changed policy up, and ends each request but those that end by themselves. */
async function asksUntil(
  daypass: System,
  fits: (waitsMs: number) => boolean,
  ending: 'EXPIRED' | 'WITHDRAWN',
): Promise<string> {
  const engineer = daypass.as('engineer');
  return until(
    async () => {
      const { grantId } = await engineer.ask(writing(600));
      const { step } = await engineer.until(grantId, (it) => it.step?.expireTime !== undefined, 30_000);
      const isRight = fits(Date.parse(step?.expireTime ?? '') - Date.now());
      if (!isRight || ending === 'WITHDRAWN') await engineer.withdraw(grantId);
      if (isRight) await reaches(engineer, grantId, ending);
      return isRight && grantId;
    },
    { withinMs: 60_000, everyMs: 500, what: 'the changed policy at the workers' },
  );
}

/** The first run begins again at its first workflow task: later ones carry what was sent to it. */
async function reset(daypass: System, grantId: string, run: string, ...how: string[]): Promise<void> {
  const before = await runOf(daypass, grantId);
  const first = ['--run-id', run, '--type', 'FirstWorkflowTask', '--reason', 'to see what comes of it'];
  await daypass.temporalCli(grantId, 'workflow', 'reset', ...first, ...how);
  await until(async () => (await runOf(daypass, grantId)) !== before, { ...patient, what: 'another run' });
}

async function runOf(daypass: System, grantId: string): Promise<string> {
  return /^\s*RunId\s+(\S+)/m.exec(await daypass.temporalCli(grantId, 'workflow', 'describe'))?.[1] ?? '';
}

/** Over, and its record closed; or waiting for people, where that is one of the things that may come. */
async function settles(daypass: System, grantId: string, mayAsk: boolean): Promise<Grant> {
  return until(
    async () => {
      const record = await recordOf(daypass.as('auditor'), grantId).catch(() => [] as AuditRecord[]);
      const it = await daypass.as('auditor').see(grantId);
      const isClosed = isTerminal(it.state) && record.some(({ type }) => type === 'closed');
      return (isClosed || (mayAsk && it.state === 'APPROVAL_AWAITED' && it.step)) && it;
    },
    { ...patient, what: `what comes of the reset of ${grantId}` },
  );
}

/** Asks the database over and over whether a role of this grant stands. Answers what it saw when it is asked to stop. */
function watchFor(daypass: System, grantId: string): () => Promise<unknown[]> {
  let isOver = false;
  const watching = (async () => {
    const seen: unknown[] = [];
    while (!isOver) {
      const role = await daypass.roleOf(grantId);
      if (role) seen.push(role);
    }
    return seen;
  })();
  return () => {
    isOver = true;
    return watching;
  };
}

/** How often the connector wrote into its own book that it made the account. */
async function madeReceipts(daypass: System, grantId: string): Promise<number> {
  const dir = join(daypass.stateDir, 'receipts');
  const texts = await Promise.all((await readdir(dir)).map((name) => readFile(join(dir, name), 'utf8')));
  const receipts = texts.flatMap((text) => text.split('\n').filter(Boolean)).map((jws) => decodeJwt<Receipt>(jws));
  assert.ok(receipts.length > 0, 'the connector keeps no book');
  return receipts.filter((receipt) => receipt.kind === 'made' && receipt.grantId === grantId).length;
}

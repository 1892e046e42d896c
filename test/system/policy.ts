/** A policy that changes under running processes: taken up without a restart, and only when it is right. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ApiProblem } from '../../api/client/client.js';
import { reaches, reader, refusalOf } from '../support/system-grant.js';
import { system, type System } from '../support/system.js';
import { until } from '../support/until.js';

describe('a policy that changes while everything runs', function () {
  this.timeout(120_000);
  let daypass: System;
  let file: string;
  let original: string;
  let directoryFile: string;
  let directory: string;

  before(async () => {
    daypass = await system();
    file = join(daypass.policyDir, 'entitlements.yml');
    original = await readFile(file, 'utf8');
    directoryFile = join(daypass.policyDir, 'directory.yml');
    directory = await readFile(directoryFile, 'utf8');
  });
  afterEach(async () => {
    await writeFile(file, original);
    await writeFile(directoryFile, directory);
    await offers((ids) => ids.includes('orders-db/read'));
    // The workers too: who was refused under the changed policy is let in again.
    await until(() => readsAndGivesBack(), {
      withinMs: 30_000,
      everyMs: 500,
      what: 'the restored policy at the workers',
    });
  });

  async function readsAndGivesBack(): Promise<true> {
    const { grantId } = await reader(daypass, 600);
    await daypass.as('engineer').withdraw(grantId);
    await reaches(daypass.as('engineer'), grantId, 'WITHDRAWN');
    return true;
  }

  /** Waits until what the engineer may have `fits`. */
  async function offers(fits: (ids: string[]) => boolean): Promise<void> {
    const engineer = daypass.as('engineer');
    await until(
      async () => {
        const { entitlements } = await engineer.entitlements();
        return fits(entitlements.filter(({ forSelf }) => forSelf).map(({ id }) => id));
      },
      { withinMs: 20_000, what: 'the changed policy at the API' },
    );
  }

  it('is refused whole when it is wrong: the last good one stays, and the log says what to mend', async () => {
    await writeFile(file, original.replace('eligible: [group:engineers, ', 'eligible: [group:enginers, '));
    await until(() => daypass.said().includes('enginers'), { withinMs: 20_000, what: 'the refusal in the log' });
    await readsAndGivesBack();
  });

  it('is taken up by API and workers: what may be asked for changes, and who lost eligibility loses the access', async () => {
    const { grantId, login, session } = await reader(daypass, 600);
    await writeFile(file, original.replaceAll('eligible: [group:engineers, ', 'eligible: ['));
    await offers((ids) => !ids.includes('orders-db/read'));
    const { ending } = await reaches(daypass.as('engineer'), grantId, 'REVOKED');
    assert.equal(ending?.code, 'lost-eligibility');
    await session.cut;
    assert.equal(await refusalOf(login), '28P01');
  });

  it('shuts out at once whoever is blocked: what they have is ended at the database, and they are told so', async () => {
    const { grantId, login, session } = await reader(daypass, 600);
    await writeFile(directoryFile, directory.replace('blocked: []', 'blocked: [person:engineer]'));
    const { ending } = await reaches(daypass.as('auditor'), grantId, 'REVOKED');
    assert.equal(ending?.code, 'lost-eligibility');
    await session.cut;
    assert.equal(await refusalOf(login), '28P01');
    const isBlocked = (error: unknown) => error instanceof ApiProblem && error.problem.type === 'blocked';
    await assert.rejects(daypass.as('engineer').entitlements(), isBlocked);
  });
});

/** Breaking the glass, looking back at it, and losing a credential: in a real browser against the whole running system. */
import assert from 'node:assert/strict';
import type { BrowserContextOptions } from 'playwright-core';
import pg from 'pg';
import { person, type Person } from './support/browser.js';
import { stack, startsWithinMs } from './support/stack.js';
import { approveAll, ask, reloadUntil } from './support/steps.js';

const why = 'Orders are being lost, and neither the manager nor an owner answers the phone.';

describe('in the browser, an emergency', function () {
  this.timeout(120_000);
  const people: Person[] = [];
  const arrives = async (account: string, options: BrowserContextOptions = {}): Promise<Person> => {
    const someone = await person(account, options);
    people.push(someone);
    return someone;
  };

  before(async function () {
    this.timeout(startsWithinMs);
    await stack();
  });
  afterEach(async () => {
    for (const someone of people.splice(0)) await someone.leave();
  });

  async function breakGlass({ page }: Person): Promise<string> {
    await page.goto('/ask?entitlement=orders-db%2Fwrite');
    await page.getByRole('radio', { name: '15 minutes', exact: true }).check();
    await page.getByLabel('Why you need it').fill(why);
    await page.getByText('Only when nobody can be asked in time.').waitFor();
    await page.getByRole('checkbox', { name: /I take it as an emergency/ }).check();
    await page.getByRole('button', { name: 'Send the request' }).click();
    await page.waitForURL(/\/grants\/[0-9a-z]{26}$/);
    return new URL(page.url()).pathname;
  }

  for (const javaScriptEnabled of [true, false]) {
    const how = javaScriptEnabled ? 'with script' : 'without script';

    it(`is had at once, given back, and looked back at by security, ${how}`, async () => {
      const oncall = await arrives('oncall', { javaScriptEnabled });
      const path = await breakGlass(oncall);
      await reloadUntil(oncall.page, /Time left/);
      await oncall.page.getByRole('heading', { name: 'Emergency: nobody approved this' }).waitFor();
      assert.equal(await oncall.page.getByRole('button', { name: 'Give the review' }).count(), 0);
      await oncall.page.getByRole('button', { name: 'Give it back' }).click();
      await oncall.page.getByRole('heading', { name: 'Thank you for giving it back' }).waitFor();
      await reloadUntil(oncall.page, /Review is owed/);

      const security = await arrives('security', { javaScriptEnabled });
      const { page } = security;
      await security.open('/approvals');
      await page.locator(`a[href="${path}#review"]`).click();
      await page.getByRole('button', { name: 'Give the review' }).click();
      await page.getByText('Say whether it was justified.').first().waitFor();
      // The refused form was answered with 422, which the console of a browser mentions.
      security.complaints.splice(0);
      await page.getByRole('radio', { name: 'It was not justified' }).check();
      await page.getByLabel('What you found').fill('An owner was on call and was not asked.');
      await page.getByRole('button', { name: 'Give the review' }).click();
      await page.getByRole('heading', { name: 'You reviewed it' }).waitFor();
      await page.getByRole('heading', { name: 'Reviewed: it was not justified', level: 2 }).waitFor();
      await page.getByText('An owner was on call and was not asked.').first().waitFor();
      assert.equal(await page.getByRole('button', { name: 'Give the review' }).count(), 0);
    });
  }

  it('is offered to nobody who may not have one', async () => {
    const engineer = await arrives('engineer');
    await engineer.open('/ask?entitlement=orders-db%2Fwrite');
    assert.equal(await engineer.page.getByRole('checkbox').count(), 0);
  });

  it('of more time than it may take is refused beside the field', async () => {
    const { page, complaints } = await arrives('oncall');
    await page.goto('/ask?entitlement=orders-db%2Fwrite');
    await page.getByRole('radio', { name: '2 hours', exact: true }).check();
    await page.getByLabel('Why you need it').fill(why);
    await page.getByRole('checkbox', { name: /I take it as an emergency/ }).check();
    await page.getByRole('button', { name: 'Send the request' }).click();
    await page
      .getByText(/granted for at most 1 hour in an emergency/)
      .first()
      .waitFor();
    assert.ok(await page.getByRole('checkbox', { name: /I take it as an emergency/ }).isChecked());
    complaints.splice(0);
  });

  it('a lost credential is replaced by one that works, and the lost one works no longer', async () => {
    const { page, open } = await arrives('engineer');
    const path = await ask({ page } as Person, 'Read orders', {
      duration: '15 minutes',
      why: 'Look into a late order.',
    });
    await reloadUntil(page, /Show my credential|Waiting for approval/);
    // Depending on the hour, and on what else the engineer asked for.
    if ((await page.getByText('Waiting for approval').count()) > 0) await approveAll(path);
    await reloadUntil(page, /Show my credential/);
    const shown = () => page.locator('#url').innerText();
    await page.getByRole('button', { name: 'Show my credential' }).click();
    const lost = await shown();
    await open(path);
    await page.getByRole('button', { name: 'I lost the credential' }).click();
    await page.getByRole('heading', { name: 'Your credential' }).waitFor();
    const fresh = await shown();
    assert.notEqual(fresh, lost);
    const client = new pg.Client({ connectionString: fresh, connectionTimeoutMillis: 5_000 });
    await client.connect();
    assert.equal((await client.query('select 1 as one')).rows[0].one, 1);
    await client.end();
    await assert.rejects(new pg.Client({ connectionString: lost, connectionTimeoutMillis: 5_000 }).connect());
  });
});

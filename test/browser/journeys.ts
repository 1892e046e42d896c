/** The journeys that matter, in a real browser against the whole running system. */
import assert from 'node:assert/strict';
import pg from 'pg';
import { person, signIn, type Person } from './support/browser.js';
import { stack, startsWithinMs } from './support/stack.js';
import { pauseDecisions } from './support/worker.js';
import { approve, approveAll, askToChangeOrders, openToDecide, reloadUntil } from './support/steps.js';

/** Run in the page. */
const focusedId = 'document.activeElement?.id';
const focusRing =
  '(({ outlineStyle, outlineWidth }) => `${outlineStyle} ${outlineWidth}`)(getComputedStyle(document.activeElement))';

describe('in the browser', function () {
  this.timeout(120_000);
  const people: Person[] = [];
  const arrives = async (...input: Parameters<typeof person>): Promise<Person> => {
    const someone = await person(...input);
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

  it('a request is approved twice, used, and given back, and its page follows by itself', async () => {
    const engineer = await arrives('engineer');
    const path = await askToChangeOrders(engineer);
    const { page } = engineer;
    await page.getByText('Waiting for approval').first().waitFor();
    await page.getByText('Nobody decides on their own request').waitFor();

    const manager = await openToDecide('manager', path);
    people.push(manager);
    await approve(manager, 'Go ahead.');
    await manager.page.getByText(/still needs 1 approval/).waitFor();
    // No reload: the requester's page hears of it.
    await page.getByText('Approval 2 of 2').first().waitFor();
    await page.getByText('Go ahead.').first().waitFor();

    const owner = await arrives('owner');
    await owner.open('/approvals');
    await owner.page.getByRole('link', { name: 'Change orders for Engineer' }).first().click();
    await approve(owner);
    await page.getByText('Time left').waitFor();

    await page.getByRole('button', { name: 'Show my credential' }).click();
    await page.getByRole('heading', { name: 'Your credential' }).waitFor();
    const login = {
      connectionString: await page.locator('#url').innerText(),
      connectionTimeoutMillis: 5_000,
    };
    assert.match(await page.locator('#psql').innerText(), /^psql "host=localhost port=\d+ dbname=orders user=/);
    assert.ok(await page.getByRole('button', { name: 'Copy Password' }).isVisible());
    const client = new pg.Client(login);
    await client.connect();
    // Removal cuts this connection, as it should.
    client.on('error', () => undefined);
    assert.equal((await client.query('select 1 as one')).rows[0].one, 1);

    await page.goto('/access');
    await page.getByRole('button', { name: 'Give back Change orders' }).first().click();
    await page.getByRole('heading', { name: 'Thank you for giving it back' }).waitFor();
    await page.getByText('Removed, and read back at the target').first().waitFor();
    await assert.rejects(new pg.Client(login).connect());
    await client.end().catch(() => undefined);
  });

  it('a denial needs a reason, keeps the page until there is one, and reaches the requester', async () => {
    const engineer = await arrives('engineer');
    const path = await askToChangeOrders(engineer);
    const manager = await openToDecide('manager', path);
    people.push(manager);
    await manager.page.getByRole('button', { name: /^Deny/ }).click();
    const problem = manager.page.getByRole('link', { name: 'Say why you deny it; the requester reads this.' });
    await problem.click();
    assert.equal(await manager.page.evaluate<string>(focusedId), 'reason');
    await manager.page.keyboard.type('Please use the read replica.');
    await manager.page.getByRole('button', { name: /^Deny/ }).click();
    await manager.page.getByRole('heading', { name: 'You denied' }).waitFor();
    await engineer.page.getByText('Please use the read replica.').first().waitFor();
    // The refused form was answered with 422, which the console of a browser mentions.
    manager.complaints.splice(0);
  });

  it('a second approver who comes too late is told who was quicker, and changes nothing', async () => {
    const engineer = await arrives('engineer');
    const path = await askToChangeOrders(engineer);
    const manager = await openToDecide('manager', path);
    await approve(manager);
    await manager.leave();
    // The late one sits before an old page: no script tells of the change.
    const late = await openToDecide('owner', path, { javaScriptEnabled: false });
    people.push(late);
    const quick = await openToDecide('owner-2', path);
    people.push(quick);
    await quick.page.getByLabel('Reason for a denial').fill('Not on a Sunday.');
    await quick.page.getByRole('button', { name: /^Deny/ }).click();
    await quick.page.getByRole('heading', { name: 'You denied' }).waitFor();

    await late.page.getByRole('button', { name: /^Approve/ }).click();
    await late.page.getByRole('heading', { name: 'Someone else was quicker' }).waitFor();
    await late.page.getByText(/Second database owner denied/).waitFor();
    assert.equal((await late.page.getByText('Denied', { exact: true }).count()) > 0, true);
    await late.page.reload();
    await late.page.getByRole('heading', { name: 'Someone else was quicker' }).waitFor();
  });

  it('everything works without script: sign in, ask, approve, approve, collect', async () => {
    const plain = { javaScriptEnabled: false };
    const engineer = await arrives(undefined, plain);
    await signIn(engineer.page, 'engineer');
    const path = await askToChangeOrders(engineer);
    await approveAll(path, plain);
    await reloadUntil(engineer.page, /Time left/);
    await engineer.page.getByText(/until .* UTC/).waitFor();
    await engineer.page.getByRole('button', { name: 'Show my credential' }).click();
    await engineer.page.getByRole('heading', { name: 'Your credential' }).waitFor();
    assert.equal(await engineer.page.getByRole('button', { name: 'Copy Password' }).count(), 0);
    await engineer.open(path);
    await engineer.page.getByRole('button', { name: 'Give it back' }).click();
    await engineer.page.getByRole('heading', { name: 'Thank you for giving it back' }).waitFor();
  });

  it('signing out ends what other browsers of the same person may do, when it is asked for', async () => {
    const [here, there] = [await arrives(undefined), await arrives(undefined)];
    for (const { page } of [here, there]) await signIn(page, 'contractor');
    await here.page.getByRole('button', { name: 'Sign out everywhere' }).click();
    await here.page.getByRole('link', { name: 'Sign in to ask or decide' }).waitFor();
    await there.page.goto('/access');
    await there.page.waitForURL((url) => url.pathname.startsWith('/interaction/'));
  });

  it('a decision is made by keyboard alone', async () => {
    const engineer = await arrives('engineer');
    const path = await askToChangeOrders(engineer);
    const { page } = await (async () => {
      const manager = await openToDecide('manager', path);
      people.push(manager);
      return manager;
    })();
    await page.goto(path);
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate<string>('document.activeElement?.textContent'), 'Skip to the content');
    await page.keyboard.press('Enter');
    const reached: (string | undefined)[] = [];
    for (let presses = 0; presses < 30 && reached.at(-1) !== 'comment'; presses += 1) {
      await page.keyboard.press('Tab');
      reached.push(await page.evaluate<string>(focusedId));
    }
    assert.equal(reached.at(-1), 'comment', 'the form is reached by Tab');
    await page.keyboard.type('By keyboard.');
    for (const id of ['hours', 'minutes']) {
      await page.keyboard.press('Tab');
      assert.equal(await page.evaluate<string>(focusedId), id);
    }
    await page.keyboard.type('5');
    await page.keyboard.press('Tab');
    const ring = await page.evaluate<string>(focusRing);
    assert.equal(ring, 'solid 3px', 'what has the focus shows it');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'You approved' }).waitFor();
    // A screen reader starts there.
    await page.locator('#happened:focus').waitFor();
    await page.getByText('Shortened to 5 minutes').waitFor();
  });

  it('what somebody is typing survives a change of the grant, and they are told of it', async () => {
    const engineer = await arrives('engineer');
    const path = await askToChangeOrders(engineer);
    const manager = await openToDecide('manager', path);
    people.push(manager);
    await manager.page.getByLabel('Comment').fill('I am still thinking');
    await engineer.page.getByRole('button', { name: 'Withdraw the request' }).click();
    await manager.page.getByText('This changed while you were here.').first().waitFor();
    assert.equal(await manager.page.getByLabel('Comment').inputValue(), 'I am still thinking');
    await manager.page.getByRole('link', { name: 'Show what it is now' }).click();
    await manager.page.getByText('The request was taken back.').waitFor();
  });

  it('a decision is recorded while no worker answers, and its page says what came of it when one does', async () => {
    const engineer = await arrives('engineer');
    const path = await askToChangeOrders(engineer);
    const manager = await openToDecide('manager', path);
    people.push(manager);
    const resume = await pauseDecisions();
    try {
      await manager.page.getByRole('button', { name: /^Approve/ }).click();
      await manager.page.getByRole('heading', { name: 'Recorded' }).waitFor();
      await engineer.page.reload();
      await engineer.page.getByText('No worker answers just now').waitFor();
    } finally {
      resume();
    }
    await manager.page.getByRole('heading', { name: 'You approved' }).waitFor();
    await engineer.page.getByText('Approval 2 of 2').first().waitFor();
  });

  it('access is asked for someone else, to start later in the time zone of whoever asks', async () => {
    const { page } = await arrives('manager');
    await page.goto('/ask?entitlement=orders-db/read');
    await page.getByLabel('Who gets it').selectOption({ label: 'Engineer' });
    await page.getByLabel('Why you need it').fill('Will look after the reports next week.');
    await page.getByText('Start later', { exact: true }).click();
    await page.getByText('Europe/Berlin').waitFor();
    const day = new Date(Date.now() + 3 * 86_400_000).toISOString().slice(0, 10);
    await page.getByLabel('Start at').fill(`${day}T09:15`);
    await page.getByRole('button', { name: 'Send the request' }).click();
    await page.getByText('For Engineer, asked by Manager').waitFor();
    await page
      .getByText(/, 09:15$/)
      .first()
      .waitFor();
    const [start] = await page
      .locator('time')
      .evaluateAll((all) => all.map((one) => one.getAttribute('datetime')).filter((at) => at?.includes(':15:00.000Z')));
    assert.match(start ?? '', new RegExp(`^${day}T0[78]:15`));
    await page.goto('/access');
    await page.getByRole('heading', { name: 'Asked for others' }).waitFor();
  });

  it('more time is asked for, and moves the end or waits for approval', async () => {
    const engineer = await arrives('engineer');
    const path = await askToChangeOrders(engineer);
    await approveAll(path);
    const { page } = engineer;
    await page.getByText('Time left').waitFor();
    await page.getByText('Ask for more time', { exact: true }).first().click();
    await page.locator('#extend-minutes').fill('20');
    await page.getByLabel('Why more time').fill('The import is slower than I thought.');
    await page.getByRole('button', { name: 'Ask for more time' }).click();
    await page.getByRole('heading', { name: 'Extension asked for' }).waitFor();
    const manager = await openToDecide('manager', path);
    people.push(manager);
    await manager.page.getByText('The import is slower than I thought.').first().waitFor();
    await approve(manager);
    const operator = await arrives('operator');
    await operator.open(path);
    await operator.page.getByRole('link', { name: 'Its workflow in the Temporal UI' }).waitFor();
    await operator.page.getByText('Revoke it', { exact: true }).click();
    await operator.page.getByRole('button', { name: 'Revoke now' }).click();
    await operator.page.getByRole('heading', { name: 'You revoked it' }).waitFor();
    await page.getByText('Somebody ended it.').first().waitFor();
  });
});

/**
 * Every page, on a phone and on a wide screen, light and dark: nothing overflows, everything can be read and is named.
 *
 * With `DAYPASS_SCREENSHOTS=<folder>` it also leaves a picture of each there.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { person, type Person } from './support/browser.js';
import { stack, startsWithinMs } from './support/stack.js';
import { approve, approveAll, ask, askToChangeOrders, openToDecide, reloadUntil } from './support/steps.js';

const sizes = { phone: { width: 390, height: 844 }, wide: { width: 1280, height: 800 } };
/** The narrowest that WCAG asks for (a page enlarged four times), and a tablet. */
const inBetween = [320, 768];
const schemes = ['light', 'dark'] as const;

describe('every page', function () {
  this.timeout(120_000);
  const people = new Map<string, Person>();
  const grants = { active: '', waiting: '', over: '', tooLate: '' };
  let audit = '';

  before(async function () {
    this.timeout(startsWithinMs);
    await stack();
    audit = await readFile(new URL('support/audit.js', import.meta.url), 'utf8');
    const engineer = await person('engineer');
    people.set('engineer', engineer);
    const why = 'Find out why the nightly report counts some orders twice.';
    // Depending on the hour this is active at once or waits; the pages show either.
    await ask(engineer, 'Read orders', { duration: '1 hour', why });
    grants.over = await askToChangeOrders(engineer, 'Look up which orders the importer mangled last night.');
    const manager = await openToDecide('manager', grants.over);
    people.set('manager', manager);
    await approve(manager, 'Fine with me.');
    const late = await openToDecide('owner', grants.over);
    people.set('owner', late);
    // What is being typed keeps the form on the page, although someone else decides meanwhile.
    await late.page.getByLabel('Comment').fill('Go ahead.');
    const quick = await openToDecide('owner-2', grants.over);
    people.set('owner-2', quick);
    await quick.page.getByLabel('Reason for a denial').fill('Reading is enough for that: ask for “Read orders”.');
    await quick.page.getByRole('button', { name: /^Deny/ }).click();
    await quick.page.getByRole('heading', { name: 'You denied' }).waitFor();
    await late.page.getByRole('button', { name: /^Approve/ }).click();
    await late.page.getByRole('heading', { name: 'Someone else was quicker' }).waitFor();
    grants.tooLate = late.page.url();
    grants.active = await askToChangeOrders(
      engineer,
      'Correct the shipping address of 14 orders, as agreed with support.',
    );
    await approveAll(grants.active);
    await reloadUntil(engineer.page, /Time left/);
    grants.waiting = await askToChangeOrders(
      engineer,
      'Restore the discount codes of the orders from the summer sale.',
    );
    const others = [
      {
        account: 'engineer-2',
        title: 'Change orders',
        duration: '2 hours',
        why: 'Load the corrected prices of last week.',
      },
      {
        account: 'oncall',
        title: 'Administer the orders database',
        duration: '30 minutes',
        why: 'Rebuild the index that slows the checkout down.',
        ticket: 'OPS-1234',
      },
    ];
    for (const { account, title, ...asked } of others) {
      const other = await person(account);
      people.set(account, other);
      await ask(other, title, asked);
    }
    for (const account of ['operator', 'contractor', undefined])
      people.set(account ?? 'stranger', await person(account));
  });
  after(async () => {
    for (const someone of people.values()) {
      // A page that is not there is a page too; the console of a browser mentions its status.
      const complaints = someone.complaints.filter((words) => !/status of 4\d\d/.test(words));
      someone.complaints.splice(0);
      await someone.leave();
      assert.deepEqual(complaints, []);
    }
  });

  const visits: [name: string, who: string, path: () => string][] = [
    ['welcome', 'stranger', () => '/'],
    ['access', 'engineer', () => '/access'],
    ['access-empty', 'contractor', () => '/access'],
    ['ask', 'engineer', () => '/ask'],
    ['ask-form', 'engineer', () => '/ask?entitlement=orders-db/write'],
    ['ask-nothing', 'contractor', () => '/ask'],
    ['approvals', 'manager', () => '/approvals'],
    ['approvals-empty', 'engineer', () => '/approvals'],
    ['decide', 'manager', () => grants.waiting],
    ['grant-waiting', 'engineer', () => grants.waiting],
    ['grant-active', 'engineer', () => grants.active],
    ['grant-over', 'operator', () => grants.over],
    ['too-late', 'owner', () => grants.tooLate],
    ['all-grants', 'operator', () => '/grants'],
    ['not-found', 'engineer', () => '/nowhere'],
    ['forbidden', 'engineer', () => '/grants'],
    ['sign-in-failed', 'stranger', () => '/sign-in/callback?state=unknown'],
  ];

  /** The page as it was loaded, wherever it is looked at. */
  async function onAnyScreen(page: Person['page'], name: string): Promise<void> {
    for (const [size, viewport] of Object.entries(sizes)) {
      for (const colorScheme of schemes) {
        await page.setViewportSize(viewport);
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        const found: string[] = await page.evaluate<string[]>(audit);
        await keepPicture(page, `${name}-${size}-${colorScheme}.png`);
        assert.deepEqual(found, [], `${size}, ${colorScheme}`);
      }
    }
  }

  for (const [name, who, path] of visits) {
    it(`${name} can be read and used on any screen`, async () => {
      const page = people.get(who)?.page;
      assert.ok(page);
      await page.goto(path());
      await page.evaluate('document.fonts.ready');
      for (const width of inBetween) {
        await page.setViewportSize({ width, height: 800 });
        const found: string[] = await page.evaluate<string[]>(audit);
        assert.deepEqual(found, [], `${width} pixels`);
      }
      await onAnyScreen(page, name);
    });
  }

  it('the credential page can be read and used on any screen, and is not kept', async () => {
    const page = people.get('engineer')?.page;
    assert.ok(page);
    await page.goto(grants.active);
    const answer = page.waitForResponse((response) => response.request().method() === 'POST');
    await page.getByRole('button', { name: 'Show my credential' }).click();
    assert.equal((await answer).headers()['cache-control'], 'no-store');
    await page.getByRole('heading', { name: 'Your credential' }).waitFor();
    await onAnyScreen(page, 'credential');
  });

  it('the form that asks names every field that is wrong, and keeps what was typed', async () => {
    const page = people.get('engineer')?.page;
    assert.ok(page);
    await page.setViewportSize(sizes.wide);
    await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
    await page.goto('/ask?entitlement=orders-db/write');
    await page.getByRole('radio', { name: 'Other' }).check();
    await page.locator('#hours').fill('9');
    await page.getByLabel('System').fill('JIRA');
    await page.getByLabel('Why you need it').fill('Because.');
    await page.getByRole('button', { name: 'Send the request' }).click();
    await page.getByRole('heading', { name: '3 things need another look' }).waitFor();
    await keepPicture(page, 'ask-refused-wide-light.png');
    assert.deepEqual(await page.evaluate<string[]>(audit), []);
    assert.equal(await page.locator('#hours').inputValue(), '9');
    assert.equal(await page.getByLabel('System').inputValue(), 'JIRA');
    await page.getByRole('link', { name: /Say a little more/ }).click();
    assert.equal(await page.evaluate('document.activeElement?.id'), 'justification');
  });

  it('entitlements are found as somebody types, and without script by a search', async () => {
    const engineer = people.get('engineer');
    assert.ok(engineer);
    const { page } = engineer;
    await page.goto('/ask');
    await page.getByLabel('Search entitlements').fill('rows');
    assert.equal(await page.getByRole('link', { name: 'Read orders' }).isVisible(), false);
    assert.equal(await page.getByRole('link', { name: 'Change orders' }).isVisible(), true);
    await page.getByLabel('Search entitlements').fill('nothing like it');
    await page.getByText('Nothing matches.').waitFor();
    await page.keyboard.press('Enter');
    await page.waitForURL(/q=nothing/);
    await page.getByText('Nothing matches.').waitFor();
  });
});

async function keepPicture(page: Person['page'], name: string): Promise<void> {
  const folder = process.env['DAYPASS_SCREENSHOTS'];
  if (folder) await page.screenshot({ path: join(folder, name), fullPage: true, animations: 'disabled' });
}

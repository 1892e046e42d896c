/** Passkeys in a real browser, with its virtual authenticator: enrolled, proven, renamed, removed, and approved with. */
import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { device, type Device } from './support/authenticator.js';
import { person, type Person } from './support/browser.js';
import { stack, startsWithinMs } from './support/stack.js';
import { ask, openToDecide } from './support/steps.js';

describe('passkeys in the browser', function () {
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

  async function enrol(page: Page, name: string): Promise<void> {
    await page.goto('/passkeys');
    await page.getByLabel('Name', { exact: true }).fill(name);
    await page.getByRole('button', { name: 'Enrol', exact: true }).click();
    await page.getByRole('heading', { name: 'Passkey enrolled' }).waitFor();
    await page.getByRole('heading', { name, exact: true }).waitFor();
  }

  /** Nobody's passkeys stay for the next test. */
  async function removeAll(page: Page): Promise<void> {
    await page.goto('/passkeys');
    while ((await page.locator('summary', { hasText: /^Remove/ }).count()) > 0) {
      await page
        .locator('summary', { hasText: /^Remove/ })
        .first()
        .click();
      await page.getByRole('button', { name: 'Remove it now' }).first().click();
      await page.getByRole('heading', { name: 'Passkey removed' }).waitFor();
    }
  }

  /** An owner with a device, and something to decide that needs a passkey. */
  async function ownerAndRequest(): Promise<{ owner: Person; held: Device; path: string }> {
    const path = await askToAdminister();
    const owner = await arrives('owner');
    const held = await device(owner.page);
    await removeAll(owner.page);
    await enrol(owner.page, 'Work laptop');
    return { owner, held, path };
  }

  async function askToAdminister(): Promise<string> {
    const asks = await arrives('owner-2');
    return ask(asks, 'Administer the orders database', {
      duration: '15 minutes',
      why: 'The nightly reindex hangs, and its locks must be looked at by hand.',
      ticket: 'OPS-7',
    });
  }

  async function openDecision({ page }: Person, path: string): Promise<void> {
    await page.goto(path);
    await page.getByRole('heading', { name: 'Your decision' }).waitFor();
  }

  it('one is enrolled, named anew and removed, and says how strong this sign-in is', async () => {
    const { page } = await arrives('contractor');
    await device(page);
    await page.goto('/passkeys');
    await page.getByText('You have no passkey yet').waitFor();
    await page.getByText(/passkey is (far )?stronger/i).waitFor();
    await enrol(page, 'My old phone');
    await page.getByText(/^([0-9a-f]{4} ){9}[0-9a-f]{4}$/).waitFor();
    await page.locator('summary', { hasText: 'Add it at a target' }).click();
    assert.match(await page.locator('pre').first().innerText(), /^npm run keys -- passkey [\w-]+\.[\w-]+\.[\w-]+$/);
    await page.locator('summary', { hasText: /^Rename/ }).click();
    await page.getByLabel('New name').fill('My telephone');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('heading', { name: 'Passkey renamed' }).waitFor();
    await page.getByRole('heading', { name: 'My telephone', exact: true }).waitFor();
    await removeAll(page);
    await page.getByText('You have no passkey yet').waitFor();
    await page.goto('/passkeys?done=enrolled&mark=made-up');
    assert.equal(await page.getByRole('heading', { name: 'Passkey enrolled' }).count(), 0);
  });

  it('another one takes the proof of the first, which makes the sign-in stronger, under a new session', async () => {
    const { page } = await arrives('contractor');
    await device(page);
    await removeAll(page);
    await enrol(page, 'First');
    await page.getByRole('link', { name: 'Prove a passkey' }).waitFor();
    const before = await page.context().cookies();
    await page.getByRole('link', { name: 'Prove a passkey' }).click();
    await page.getByRole('button', { name: 'Use my passkey' }).click();
    await page.waitForURL(/\/passkeys$/);
    await page.getByText('You proved a passkey in this sign-in').waitFor();
    // The old session is worth nothing from now on.
    const old = await arrives(undefined);
    await old.page.context().addCookies(before);
    await old.page.goto('/passkeys');
    await old.page.waitForURL((url) => url.pathname.startsWith('/interaction/'));
    await page.getByRole('button', { name: 'Enrol', exact: true }).waitFor();
    // The virtual device holds one for this person already, and says so itself.
    await page.getByLabel('Name', { exact: true }).fill('Second');
    await page.getByRole('button', { name: 'Enrol', exact: true }).click();
    await page.getByText('This device or key holds a passkey of yours already.').waitFor();
    await removeAll(page);
  });

  it('the way back after a proof is never another site', async () => {
    const { page } = await arrives('contractor');
    await page.goto('/step-up?returnTo=https%3A%2F%2Fevil.example%2F');
    assert.equal(await page.getByRole('link', { name: 'Not now' }).getAttribute('href'), '/');
    await page.getByText('you have none here yet').waitFor();
  });

  it('a decision that needs one is approved with it, and the record says so', async () => {
    const { owner, path } = await ownerAndRequest();
    await openDecision(owner, path);
    await owner.page.getByText('This approval is signed with your passkey').waitFor();
    await owner.page.getByLabel('Comment').fill('Mind the locks.');
    await owner.page.locator('#minutes').fill('10');
    await owner.page.getByRole('button', { name: /^Approve/ }).click();
    await owner.page.getByRole('heading', { name: 'You approved' }).waitFor();
    await owner.page.getByText('Shortened to 10 minutes').waitFor();
  });

  it('whoever has none is told so before anything is sent, with the way to enrol one', async () => {
    const path = await askToAdminister();
    const security = await arrives('security');
    await device(security.page);
    await removeAll(security.page);
    await openDecision(security, path);
    await security.page.getByRole('button', { name: /^Approve/ }).click();
    await security.page.getByText('You have no passkey here yet').waitFor();
    await security.page.getByRole('link', { name: 'To your passkeys' }).waitFor();
    assert.equal(new URL(security.page.url()).pathname, path);
    // The browser's console mentions the answer 403.
    security.complaints.splice(0);
  });

  it('one whose person is not verified, or that counts lower than before, approves nothing', async () => {
    const { owner, held, path } = await ownerAndRequest();
    await openDecision(owner, path);
    await held.verifies(false);
    await owner.page.getByRole('button', { name: /^Approve/ }).click();
    await owner.page.getByText('No passkey answered, so nothing was sent.').waitFor();
    await held.verifies(true);
    await held.countsFrom(0);
    await owner.page.getByRole('button', { name: /^Approve/ }).click();
    await owner.page.getByText(/counts lower than before/).waitFor();
    await owner.page.getByText('Nothing was changed').waitFor();
  });

  it('without script the page says that this needs one, and a click approves nothing', async () => {
    const path = await askToAdminister();
    const plain = await openToDecide('owner', path, { javaScriptEnabled: false });
    people.push(plain);
    await plain.page.getByText('browsers ask for one only with JavaScript').waitFor();
    await plain.page.getByRole('button', { name: /^Approve/ }).click();
    await plain.page.getByText('Nothing was changed').waitFor();
    await plain.page.getByText('This needs your passkey: approve with JavaScript turned on').waitFor();
  });
});

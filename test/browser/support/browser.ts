/** A real Chromium, and people who sign in with it. Whatever a page complains about in its console fails the test. */
import assert from 'node:assert/strict';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { findChromium } from '../../../workers/dev/find-chromium.js';
import { whenTestsEnd } from '../../support/services.js';
import { stack } from './stack.js';

const flags = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

let launched: Promise<Browser> | undefined;

async function launch(): Promise<Browser> {
  const browser = await chromium.launch({ executablePath: await findChromium(() => undefined), args: flags });
  whenTestsEnd(() => browser.close());
  return browser;
}

export interface Person {
  page: Page;
  /** What the consoles of this person's pages complained about. */
  complaints: string[];
  /** Opens a page of the portal. */
  open(path: string): Promise<void>;
  leave(): Promise<void>;
}

/** Someone with a browser of their own, signed in at the development provider; nobody where no account is named. */
export async function person(account: string | undefined, options: BrowserContextOptions = {}): Promise<Person> {
  // With a profile of its own, which goes with it.
  const { portal } = (await stack()).addresses;
  const browser = await (launched ??= launch());
  const context = await browser.newContext({
    baseURL: portal,
    locale: 'en-GB',
    timezoneId: 'Europe/Berlin',
    ...options,
  });
  context.setDefaultTimeout(20_000);
  const complaints: string[] = [];
  context.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  context.on('weberror', (error) => complaints.push(String(error.error())));
  const page = await context.newPage();
  if (account !== undefined) {
    await page.goto('/sign-in');
    await page.locator(`button[name=account][value="${account}"]`).click();
    await page.getByRole('button', { name: 'Sign out', exact: true }).waitFor();
  }
  return {
    page,
    complaints,
    open: async (path) => void (await page.goto(path)),
    leave: async () => {
      await context.close();
      assert.deepEqual(complaints, [], `the console of ${account ?? 'a stranger'}`);
    },
  };
}

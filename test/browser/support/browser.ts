/** A real Chromium, and people who sign in with it. Whatever a page complains about in its console fails the test. */
import assert from 'node:assert/strict';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { findChromium } from '../../../workers/dev/find-chromium.js';
import { whenTestsEnd } from '../../support/services.js';
import { Visitor } from '../../support/visitor.js';
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

/** Whoever signed in before, in another browser. */
async function cookiesOf(account: string, portal: string): Promise<{ name: string; value: string; url: string }[]> {
  const visitor = new Visitor(portal, portal);
  await visitor.signIn(account);
  return [...visitor.jar].map(([name, value]) => ({ name, value, url: portal }));
}

/** On the pages of the portal and of the provider. */
export async function signIn(page: Page, account: string): Promise<void> {
  await page.goto('/sign-in');
  await page.locator(`button[name=account][value="${account}"]`).click();
  await page.getByRole('button', { name: 'Sign out', exact: true }).waitFor();
}

export interface Person {
  page: Page;
  /** What the consoles of this person's pages complained about. */
  complaints: string[];
  /** Opens a page of the portal. */
  open(path: string): Promise<void>;
  leave(): Promise<void>;
}

/**
 * Someone with a browser of their own, who has signed in at the development provider; nobody where no account is named. They
 * bring their cookies along: signing in on the pages is `signIn`, and has a journey of its own.
 */
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
  if (account !== undefined) await context.addCookies(await cookiesOf(account, portal));
  const page = await context.newPage();
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

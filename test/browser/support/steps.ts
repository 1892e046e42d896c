/** What people do on the pages, step by step, with script or without. */
import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { person, type Person } from './browser.js';

const reason = 'Correct the shipping address of the orders that the importer mangled.';

/** Asks to change orders; always needs the manager, then a database owner. Answers the path of the grant's page. */
export async function askToChangeOrders({ page }: Person, why = reason): Promise<string> {
  await page.goto('/ask');
  await page.getByRole('link', { name: 'Change orders' }).click();
  await page.getByRole('radio', { name: '15 minutes' }).check();
  await page.getByLabel('Why you need it').fill(why);
  await page.getByRole('button', { name: 'Send the request' }).click();
  await page.waitForURL(/\/grants\/[0-9a-z]{26}$/);
  return new URL(page.url()).pathname;
}

/** Loads the page until the words show: the way of those without script. */
export async function reloadUntil(page: Page, words: RegExp): Promise<void> {
  const deadline = Date.now() + 20_000;
  while ((await page.getByText(words).count()) === 0) {
    assert.ok(Date.now() < deadline, `${words.source} did not show on ${page.url()}`);
    await page.reload();
  }
}

export async function openToDecide(account: string, path: string, options = {}): Promise<Person> {
  const approver = await person(account, options);
  await approver.open(path);
  await reloadUntil(approver.page, /Your decision|Decide on the extension/);
  return approver;
}

export async function approve({ page }: Person, comment = ''): Promise<void> {
  if (comment !== '') await page.getByLabel('Comment').fill(comment);
  await page.getByRole('button', { name: /^Approve/ }).click();
  await page.getByRole('heading', { name: 'You approved' }).waitFor();
}

/** The manager approves, then the database owner. */
export async function approveBoth(path: string): Promise<void> {
  for (const account of ['manager', 'owner']) {
    const approver = await openToDecide(account, path);
    await approve(approver);
    await approver.leave();
  }
}

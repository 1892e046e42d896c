/** What people do on the pages, step by step, with script or without. */
import type { Page } from 'playwright-core';
import { until } from '../../support/until.js';
import { person, type Person } from './browser.js';

const reason = 'Correct the shipping address of the orders that the importer mangled.';

export interface Asked {
  /** As it stands on the page. */
  duration: string;
  why: string;
  ticket?: string;
}

/** Answers the path of the grant's page. */
export async function ask({ page }: Person, title: string, { duration, why, ticket }: Asked): Promise<string> {
  await page.goto('/ask');
  await page.getByRole('link', { name: title }).click();
  await page.getByRole('radio', { name: duration, exact: true }).check();
  await page.getByLabel('Why you need it').fill(why);
  if (ticket !== undefined) {
    await page.getByLabel('System').fill('JIRA');
    await page.getByLabel('Number').fill(ticket);
  }
  await page.getByRole('button', { name: 'Send the request' }).click();
  await page.waitForURL(/\/grants\/[0-9a-z]{26}$/);
  return new URL(page.url()).pathname;
}

/** Always needs the manager, then a database owner. */
export function askToChangeOrders(someone: Person, why = reason): Promise<string> {
  return ask(someone, 'Change orders', { duration: '15 minutes', why });
}

/** Loads the page until the words show: the way of those without script. */
export async function reloadUntil(page: Page, words: RegExp): Promise<void> {
  const isShown = async (): Promise<boolean> => (await page.getByText(words).count()) > 0;
  if (await isShown()) return;
  await until(
    async () => {
      await page.reload();
      return isShown();
    },
    { withinMs: 20_000, everyMs: 250, what: `${words.source} on ${page.url()}` },
  );
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

/**
 * The manager approves, then a database owner, then the second one where the risk asks for two: it grows with what the
 * requester did before, so that no test can know. Without script every click is a double one, which is one decision.
 */
export async function approveAll(path: string, options: { javaScriptEnabled?: boolean } = {}): Promise<void> {
  for (const account of ['manager', 'owner', 'owner-2']) {
    const approver = await openToDecide(account, path, options);
    const { page } = approver;
    if (options.javaScriptEnabled === false) {
      await page.getByRole('button', { name: /^Approve/ }).dblclick();
      await page.getByRole('heading', { name: 'You approved' }).waitFor();
    } else await approve(approver);
    await reloadUntil(page, /still needs|being set up now|has access now/);
    const isDone = (await page.getByText(/still needs/).count()) === 0;
    await approver.leave();
    if (isDone) return;
  }
}

/**
 * Every page as every role, while each field that people or systems fill carries script and markup: nothing of it runs, nothing
 * becomes an element, and, on a phone and on a wide screen, nothing pushes the page out of shape.
 *
 * With `DAYPASS_SCREENSHOTS=<folder>` it also leaves a picture of each there.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { typeset } from '../../activities/mail/letter.js';
import { allPages } from '../../api/web/pages.js';
import { until } from '../support/until.js';
import { device } from './support/authenticator.js';
import { person, type Person } from './support/browser.js';
import { brief, endless, heal, hostile, poison, traces } from './support/hostile.js';
import { stack, startsWithinMs } from './support/stack.js';

const screens = [
  { name: 'phone', width: 360, height: 740, colorScheme: 'dark' },
  { name: 'wide', width: 1280, height: 800, colorScheme: 'light' },
] as const;

const roles = ['engineer', 'manager', 'owner', 'oncall', 'operator', 'security', 'auditor', 'maintainer', 'contractor'];
/** Between them they see all that a page may hold: its shape is looked at for them, on every screen. */
const shapedFor = ['stranger', 'engineer', 'manager', 'security'];
/** Two of them have to agree on a change. */
const approvers = ['manager', 'owner', 'owner-2'];

const patient = { withinMs: 60_000 };
const reason = `${hostile} ${endless}`;
const change = { entitlement: 'orders-db/write', justification: reason, requestedDuration: 'PT15M' };

describe('every page, whatever its fields hold', function () {
  this.timeout(300_000);
  const people = new Map<string, Person>();
  const grants = new Map<string, string>();
  let policyDir = '';
  let portal = '';
  let audit = '';

  before(async function () {
    this.timeout(startsWithinMs);
    const running = await stack();
    policyDir = running.settings.policyDir;
    portal = running.addresses.portal;
    audit = await readFile(new URL('support/audit.js', import.meta.url), 'utf8');
    await poison(policyDir);
    for (const account of ['stranger', ...roles, 'owner-2']) people.set(account, await arrives(account));
    const { page } = of('engineer');
    await until(async () => {
      await page.goto('/access');
      return (await page.locator('.who-name').innerText()).includes(brief);
    }, patient);
    await makeGrants();
    await enrol(page);
  });
  after(async () => {
    await heal(policyDir);
    const { page } = of('engineer');
    await until(async () => {
      await page.goto('/access');
      return !(await page.locator('.who-name').innerText()).includes(brief);
    }, patient);
    for (const someone of people.values()) {
      // A page that is not there, or not theirs, is a page too; the console of a browser mentions its status. And it says that
      // it shows nothing of a time that is none.
      const complaints = someone.complaints.filter(
        (words) => !/status of 4\d\d|does not conform to the required format/.test(words),
      );
      someone.complaints.splice(0);
      await someone.leave();
      assert.deepEqual(complaints, []);
    }
  });

  for (const role of ['stranger', ...roles]) {
    it(`shows text as text to ${role}`, async () => {
      const { page } = of(role);
      const wrong: string[] = [];
      const isShaped = shapedFor.includes(role);
      const looks = isShaped ? [traces, audit] : [traces];
      let isRefusalSeen = false;
      await turnTo(page, screens[0]);
      for (const path of paths()) {
        const answer = await page.goto(path);
        // All that somebody may not see is one page.
        if (answer?.status() === 404 && isRefusalSeen) continue;
        isRefusalSeen ||= answer?.status() === 404;
        for (const screen of isShaped ? screens : screens.slice(0, 1)) {
          const { name } = screen;
          if (isShaped) await turnTo(page, screen);
          for (const look of looks) {
            const found = await page.evaluate<string[]>(look);
            wrong.push(...found.map((what) => `${path} on ${name}: ${what}`));
          }
          await keepPicture(page, `${role}-${path.replace(/\W+/g, '-').slice(0, 60)}-${name}.png`);
        }
      }
      assert.deepEqual(wrong, []);
    });
  }

  it('shows the reason as it was typed, to those who decide', async () => {
    const { page } = of('manager');
    await page.goto(`/grants/${grants.get('awaited') ?? ''}`);
    assert.ok((await page.locator('main').innerText()).includes(hostile));
    assert.ok((await page.locator('main').innerText()).includes(endless));
  });

  it('sends mail that a reader of HTML mail shows as text', async () => {
    const { page } = of('stranger');
    const { html } = typeset({
      subject: reason,
      sentences: [reason],
      quote: { label: reason, text: reason },
      facts: [{ label: reason, value: reason }],
      list: { label: reason, items: [reason] },
      link: { label: reason, url: `http://localhost/"><img src=x data-injected>` },
      footer: reason,
    });
    await page.goto('about:blank');
    await page.setContent(html);
    const found = await page.evaluate<string[]>(traces);
    assert.deepEqual(
      found.filter((what) => !/leads elsewhere: http:\/\/localhost\//.test(what)),
      [],
    );
    assert.ok((await page.locator('blockquote').innerText()).includes('<script>canary=1</script>'));
  });

  async function turnTo(page: Page, { width, height, colorScheme }: (typeof screens)[number]): Promise<void> {
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
  }

  function of(role: string): Person {
    const found = people.get(role);
    assert.ok(found, `nobody is ${role}`);
    return found;
  }

  async function arrives(account: string): Promise<Person> {
    const userAgent = `Mozilla/5.0 <script>canary=5</script> "><img src=x data-injected>`;
    const someone = await person(account === 'stranger' ? undefined : account, { userAgent });
    someone.page.on('dialog', (dialog) => {
      someone.complaints.push(`a dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    return someone;
  }

  /** Every page, of every grant where it is about one, and with the same text in each question that it can be asked. */
  function paths(): string[] {
    const asked = encodeURIComponent(hostile);
    const shown = allPages.filter(({ method, path }) => method === 'get' && !/export|approvals\/:id/.test(path));
    return [
      ...shown.flatMap(({ path }) =>
        path.includes(':id') ? [...grants.values()].map((id) => path.replace(':id', id)) : [path],
      ),
      '/ask?entitlement=orders-db/write',
      `/ask?q=${asked}`,
      `/grants?state=${asked}&subject=${asked}&entitlement=${asked}&cursor=${asked}`,
      `/audit?by=${asked}&chain=${asked}&from=${asked}&type=${asked}`,
      '/audit?chain=journal',
      `/audit?grant=${grants.get('extending') ?? ''}`,
      `/passkeys?done=${asked}&mark=${asked}`,
      `/step-up?returnTo=${asked}`,
      `/grants/${grants.get('active') ?? ''}?done=${asked}&refused=${asked}&decision=${asked}`,
      `/nowhere/${asked}`,
      `/sign-in/callback?error=${asked}&error_description=${asked}`,
    ];
  }

  /** As the page's own script would call. */
  async function call(account: string, path: string, data: object): Promise<Record<string, unknown>> {
    const { page } = of(account);
    const answer = await page.request.post(path, { data, headers: { origin: portal } });
    const text = await answer.text();
    assert.ok(answer.status() < 300, `${path} as ${account} answered ${answer.status()}: ${text}`);
    return JSON.parse(text) as Record<string, unknown>;
  }

  async function ask(account: string, body: object): Promise<string> {
    const { grantId } = await call(account, '/v1/grants', body);
    return String(grantId);
  }

  async function reaches(id: string, ...states: string[]): Promise<string> {
    return until(async () => {
      const answer = await of('operator').page.request.get(`/v1/grants/${id}`);
      const { state } = (await answer.json()) as { state: string };
      return states.includes(state) && state;
    }, patient);
  }

  async function approveAll(id: string): Promise<void> {
    for (const account of approvers) {
      if ((await reaches(id, 'APPROVAL_AWAITED', 'ACTIVATING', 'ACTIVE')) !== 'APPROVAL_AWAITED') break;
      // Their step opens when the one before has all its approvals.
      await until(() => call(account, `/v1/grants/${id}/approve`, { comment: reason }), patient);
    }
    await reaches(id, 'ACTIVE');
  }

  async function makeGrants(): Promise<void> {
    for (const kind of ['awaited', 'active', 'extending', 'denied', 'revoked']) {
      grants.set(kind, await ask('engineer', { ...change, ticket: { system: 'JIRA', number: 'OPS-1' } }));
    }
    const id = (kind: string): string => grants.get(kind) ?? '';
    for (const grant of grants.values()) await reaches(grant, 'APPROVAL_AWAITED');
    for (const kind of ['active', 'extending', 'revoked']) await approveAll(id(kind));
    await call('engineer', `/v1/grants/${id('extending')}/extend`, { reason, duration: 'PT1H' });
    await call('manager', `/v1/grants/${id('denied')}/deny`, { reason });
    await call('operator', `/v1/grants/${id('revoked')}/revoke`, { reason });
    const { justification: bypassReason, ...rest } = change;
    for (const kind of ['emergency', 'reviewed']) {
      grants.set(kind, await ask('oncall', { ...rest, bypassReason, emergency: true }));
      await reaches(id(kind), 'ACTIVE');
    }
    await call('security', `/v1/grants/${id('reviewed')}/review`, { verdict: 'not-justified', comment: reason });
  }

  async function enrol(page: Page): Promise<void> {
    await device(page);
    await page.goto('/passkeys');
    await page.getByLabel('Name', { exact: true }).fill(brief + endless.slice(0, 30));
    await page.getByRole('button', { name: 'Enrol', exact: true }).click();
    await page.getByRole('heading', { name: 'Passkey enrolled' }).waitFor();
  }
});

async function keepPicture(page: Page, name: string): Promise<void> {
  const folder = process.env['DAYPASS_SCREENSHOTS'];
  if (folder) await page.screenshot({ path: join(folder, name), fullPage: true, animations: 'disabled' });
}

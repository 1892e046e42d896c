/**
 * The Temporal UI below the portal, in a real browser: what operators see, what only a maintainer may do, and what becomes of
 * markup that somebody put into a workflow.
 *
 * With `DAYPASS_SCREENSHOTS=<folder>` it also leaves pictures there.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { person, type Person } from './support/browser.js';
import { stack, startsWithinMs } from './support/stack.js';
import { until } from '../support/until.js';
import { approveAll, askToChangeOrders, reloadUntil } from './support/steps.js';

const why = 'Correct the shipping address of the orders that the importer mangled.';

describe('the Temporal UI in the browser', function () {
  this.timeout(180_000);
  const people: Person[] = [];
  let grantId = '';
  let story = '';
  const arrives = async (account: string): Promise<Person> => {
    const someone = await person(account, { viewport: { width: 1400, height: 1000 } });
    people.push(someone);
    return someone;
  };

  before(async function () {
    this.timeout(startsWithinMs);
    const { addresses } = await stack();
    const engineer = await arrives('engineer');
    const path = await askToChangeOrders(engineer, why);
    await approveAll(path);
    await reloadUntil(engineer.page, /Time left/);
    await engineer.open(path);
    await engineer.page.getByRole('button', { name: 'Give it back' }).click();
    await engineer.page.getByText('Removed, and read back at the target').first().waitFor();
    grantId = path.split('/').at(-1) ?? '';
    story = `/temporal/namespaces/${addresses.temporal.namespace}/workflows/grant%2F${grantId}`;
  });
  afterEach(async () => {
    for (const someone of people.splice(0)) {
      // Chromium mentions refused calls and the icon that it looks for at the root; the UI, each payload that holds nothing, and how
      // its own pages are made.
      await someone.page.goto('about:blank');
      const known = [
        /^Failed to load resource: the server responded with a status of 40[034]/,
        /^Could not parse payload/,
        /^https:\/\/svelte\.dev\/e\//,
      ];
      const rest = someone.complaints.filter((complaint) => !known.some((each) => each.test(complaint)));
      someone.complaints.splice(0, someone.complaints.length, ...rest);
      await someone.leave();
    }
  });

  it('shows an operator a grant’s history, sealed without the portal’s codec and open with it', async () => {
    const operator = await arrives('operator');
    const { page } = operator;
    await operator.open(`/grants/${grantId}`);
    await page.getByRole('link', { name: 'Its workflow in the Temporal UI' }).click();
    await page.waitForURL(/\/[0-9a-f-]{36}\/timeline/);
    const history = page.url().replace(/\/timeline.*/, '/history');
    await page.goto(history);
    await page.getByText('Workflow Execution Completed').first().waitFor({ timeout: 60_000 });
    await page
      .getByText(/"justification": "Correct the shipping/)
      .first()
      .waitFor();
    await picture(page, 'temporal-ui.png');

    // The same without the codec: this browser's UI is not told of it.
    let asked = 0;
    page.on('request', (request) => (asked += Number(request.url().includes('/v1/codec/'))));
    await page.route('**/temporal/api/v1/settings*', async (route) => {
      const settings = (await (await route.fetch()).json()) as object;
      await route.fulfill({ json: { ...settings, Codec: { Endpoint: '' } } });
    });
    await page.goto(history);
    await page.getByText('Workflow Execution Completed').first().waitFor({ timeout: 60_000 });
    await page.getByText('Result').first().waitFor();
    assert.equal(asked, 0, 'the codec was asked');
    assert.equal(await page.getByText(/Correct the shipping/).count(), 0);
    await picture(page, 'temporal-ui-sealed.png');
  });

  it('shows what people wrote nowhere to whoever is neither operator nor maintainer', async () => {
    for (const account of ['engineer', 'auditor']) {
      const someone = await arrives(account);
      const answer = await someone.page.goto(`${story}/history`);
      assert.equal(answer?.status(), 403);
      await someone.page.getByText('for operators and maintainers').waitFor();
    }
  });

  it('refuses an operator’s Reset, and passes a maintainer’s on', async () => {
    const operator = await arrives('operator');
    await operator.open(story);
    const run = /\/([0-9a-f-]{36})\//;
    await operator.page.waitForURL(run);
    assert.equal(await operator.page.getByRole('button', { name: 'Reset' }).isEnabled(), false);
    // The button is a courtesy; the call is what counts.
    const runId = run.exec(operator.page.url())?.[1];
    const reset = (page: Person['page']) =>
      page.evaluate<number>(`fetch('/temporal/api/v1${story.slice('/temporal'.length)}/reset', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ workflowExecution: { workflowId: 'grant/${grantId}', runId: '${runId}' },
          reason: 'x', requestId: '${randomUUID()}', workflowTaskFinishEventId: '4' }),
      }).then(({ status }) => status)`);
    assert.equal(await reset(operator.page), 403);

    const maintainer = await arrives('maintainer');
    const { page } = maintainer;
    await maintainer.open(story);
    await page.waitForURL(run);
    await page.getByRole('button', { name: 'Reset', exact: true }).click();
    await page.getByRole('dialog').waitFor();
    await picture(page, 'temporal-ui-reset.png');
    assert.equal(await reset(page), 200);

    const auditor = await arrives('auditor');
    await auditor.open('/audit');
    const lines = await auditor.page.evaluate<{ type: string; by: string; detail: { workflow?: string } }[]>(
      `fetch('/v1/audit/records?chain=journal').then((answer) => answer.json()).then(({ records }) => records)`,
    );
    const seen = lines.map(({ type, by }) => `${type} ${by}`);
    for (const line of [
      'payloads-opened person:operator',
      'temporal-refused person:operator',
      'temporal-changed person:maintainer',
    ]) {
      assert.ok(seen.includes(line), `${line} in ${seen.join(', ')}`);
    }
  });

  it('runs nothing that somebody put into a workflow', async () => {
    const { temporal } = (await stack()).addresses;
    const connection = await Connection.connect({ address: temporal.address });
    const client = new Client({ connection, namespace: temporal.namespace });
    const evil =
      '<img src=x onerror="window.ran=1"><script>window.ran=2</script><svg onload="window.ran=3"></svg>' +
      '<iframe srcdoc="<script>parent.ran=4</script>"></iframe>[here](javascript:window.ran=5)' +
      '<meta http-equiv="refresh" content="0;url=https://evil.example/"><form action="/sign-out"><button>Go</button></form>';
    const workflowId = `evil/${randomUUID()}${evil.slice(0, 40)}`;
    try {
      await client.workflow.start(evil.slice(0, 200), {
        workflowId,
        taskQueue: `nobody ${evil.slice(0, 40)}`,
        args: [evil, { [evil]: evil }],
        memo: { [evil.slice(0, 30)]: evil },
        staticSummary: evil.slice(0, 190),
        staticDetails: evil,
      });
      const handle = client.workflow.getHandle(workflowId);
      await handle.signal(evil.slice(0, 100), evil);
      await handle.terminate(evil);

      const operator = await arrives('operator');
      const { page } = operator;
      const base = `/temporal/namespaces/${temporal.namespace}/workflows`;
      const its = `${base}/${encodeURIComponent(workflowId)}`;
      const { runId } = (await handle.describe()).raw.workflowExecutionInfo?.execution ?? {};
      const tabs = ['timeline', 'history', 'user-metadata', 'memo', 'search-attributes', 'workers', 'call-stack'];
      for (const path of [base, ...tabs.map((tab) => `${its}/${String(runId)}/${tab}`)]) {
        await page.goto(path);
        // Some of these pages go on asking for news.
        await page.waitForLoadState('networkidle', { timeout: 8_000 }).catch(() => undefined);
        for (const frame of page.frames()) {
          const isOurs = frame.url() === 'about:srcdoc' || new URL(frame.url()).origin === new URL(page.url()).origin;
          assert.ok(isOurs, frame.url());
          assert.equal(await frame.evaluate('window.ran'), undefined, path);
        }
      }
      // The frames with Markdown are there, and what was in them was blocked.
      await page.goto(`${its}/${String(runId)}/user-metadata`);
      await until(() => operator.complaints.some((complaint) => complaint.includes('Blocked script execution')), {
        withinMs: 30_000,
        what: 'a frame with the markup',
      });
      await page.goto('about:blank');
      operator.complaints.splice(0);
    } finally {
      await connection.close();
    }
  });
});

async function picture(page: Person['page'], name: string): Promise<void> {
  const folder = process.env['DAYPASS_SCREENSHOTS'];
  if (folder) await page.screenshot({ path: join(folder, name), animations: 'disabled' });
}

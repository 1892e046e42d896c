/**
 * The audit as an auditor meets it: searched on the page, exported with a click, and proved with the command.
 *
 * With `DAYPASS_SCREENSHOTS=<folder>` it also leaves a picture of the page on each screen there.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { linesOf } from '../../api/audit/verify/lines.js';
import { readAudit } from '../../api/audit/verify/audit-file.js';
import { readAuditKeys } from '../../api/audit/verify/keys.js';
import { verifyAudit } from '../../api/audit/verify/verify.js';
import { person, type Person } from './support/browser.js';
import { stack, startsWithinMs } from './support/stack.js';
import { approveAll, askToChangeOrders, reloadUntil } from './support/steps.js';

const sizes = {
  narrow: { width: 320, height: 800 },
  phone: { width: 390, height: 844 },
  tablet: { width: 768, height: 800 },
  desktop: { width: 1280, height: 800 },
};

describe('the audit, for an auditor', function () {
  this.timeout(120_000);
  let auditor: Person;
  let checks = '';
  let grant = '';

  before(async function () {
    this.timeout(startsWithinMs);
    await stack();
    checks = await readFile(new URL('support/audit.js', import.meta.url), 'utf8');
    const engineer = await person('engineer');
    grant = await askToChangeOrders(engineer, 'Correct the shipping address of 14 orders, as agreed with support.');
    await approveAll(grant);
    await reloadUntil(engineer.page, /Time left/);
    await engineer.leave();
    auditor = await person('auditor');
  });
  after(async () => {
    // A page of a failure is one too; the console of a browser mentions its status.
    const complaints = auditor.complaints.filter((words) => !/status of 4\d\d/.test(words));
    auditor.complaints.splice(0);
    await auditor.leave();
    assert.deepEqual(complaints, []);
  });

  const pages: [name: string, path: () => string][] = [
    ['audit', () => '/audit'],
    ['audit-search', () => `/audit?grant=${grant.split('/').at(-1)}`],
    ['audit-empty', () => '/audit?target=nowhere'],
    ['audit-refused', () => '/audit?target=No%20where&from=2026-11-02T10%3A00&to=2026-11-01T10%3A00'],
  ];

  for (const [name, path] of pages) {
    it(`${name} can be read and used on any screen`, async () => {
      const { page } = auditor;
      for (const [size, viewport] of Object.entries(sizes)) {
        for (const colorScheme of ['light', 'dark'] as const) {
          await page.setViewportSize(viewport);
          await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
          await page.goto(path());
          await page.evaluate('document.fonts.ready');
          const found: string[] = await page.evaluate<string[]>(checks);
          const folder = process.env['DAYPASS_SCREENSHOTS'];
          const file = `${name}-${size}-${colorScheme}.png`;
          if (folder) await page.screenshot({ path: join(folder, file), fullPage: true, animations: 'disabled' });
          assert.deepEqual(found, [], `${size}, ${colorScheme}`);
        }
      }
    });
  }

  it('is searched with the form, leads to the grant, and is exported with a click so that it can be proved', async () => {
    const { page } = auditor;
    await page.setViewportSize(sizes.desktop);
    await page.goto('/access');
    await page.getByRole('link', { name: 'Audit', exact: true }).click();
    await page.getByLabel('What happened').selectOption('approved');
    await page.getByLabel('Who did it').fill('manager');
    await page.getByRole('button', { name: 'Search' }).click();
    await page.getByRole('heading', { name: 'Approved', exact: true }).first().waitFor();
    assert.equal(await page.getByRole('heading', { name: 'Access is usable' }).count(), 0);

    for (const name of ['Export as CSV', 'Export as JSON Lines']) {
      const coming = page.waitForEvent('download');
      await page.getByRole('link', { name }).click();
      const download = await coming;
      const file = await download.path();
      const text = await readFile(file, 'utf8');
      if (name === 'Export as CSV') assert.match(text, /^"time","chain","sequence"/);
      else {
        const keys = await readAuditKeys(join((await stack()).settings.stateDir, 'keys'));
        const { holds, findings, checked } = await verifyAudit(await readAudit(linesOf([file])), { keys });
        assert.deepEqual([holds, findings], [true, []]);
        assert.ok(checked.grants >= 1 && (checked.statements.approve ?? 0) >= 1);
        const kept = process.env['DAYPASS_SCREENSHOTS'];
        if (kept) await download.saveAs(join(kept, 'export.jsonl'));
      }
    }

    await page
      .getByRole('link', { name: /^Grant / })
      .first()
      .click();
    await page.waitForURL(/\/grants\/[0-9a-z]{26}$/);
  });
});

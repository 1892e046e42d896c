/** The audit of the whole system: what happened is exported, proved with the published keys alone, and nothing in it can be bent. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { readAudit } from '../../api/audit/verify/audit-file.js';
import { readBooks } from '../../api/audit/verify/books.js';
import { readAuditKeys } from '../../api/audit/verify/keys.js';
import { linesOf } from '../../api/audit/verify/lines.js';
import { verifyAudit, type Report } from '../../api/audit/verify/verify.js';
import { readSigningKey } from '../../activities/platform/keys.js';
import type { AuditRecord } from '../../workflows/domain/record.js';
import { exported } from '../support/audit-world.js';
import { call } from '../support/system-calls.js';
import { approves, reaches, reader, writing } from '../support/system-grant.js';
import { system, type System } from '../support/system.js';
import { until } from '../support/until.js';

const run = promisify(execFile);
/** Seals are made every minute. */
const sealedWithinMs = 150_000;

describe('the audit of the whole system', function () {
  this.timeout(300_000);
  let daypass: System;
  let folder: string;
  let approved: string;
  let automatic: string;
  let lines: string[];

  before(async () => {
    daypass = await system();
    folder = await mkdtemp(join(tmpdir(), 'daypass-system-audit-'));
    const engineer = daypass.as('engineer');
    ({ grantId: automatic } = await reader(daypass, 5));
    ({ grantId: approved } = await engineer.ask(writing(5)));
    await approves(daypass, 'manager', approved);
    await engineer.until(approved, ({ step }) => step?.index === 1);
    await approves(daypass, 'owner', approved);
    for (const grantId of [automatic, approved]) await reaches(engineer, grantId, 'ENDED');
    await writeFile(join(folder, 'keys.json'), await fetched('/v1/keys'));
    // Until both are sealed as they are now. Looked at by themselves: each export goes into the journal, which is newer again.
    for (const grantId of [automatic, approved]) {
      const isSealed = async (): Promise<boolean> => {
        const { unseen } = await verify(await exportOf(`&grant=${grantId}`));
        return !unseen.some((sentence) => / newer than every seal|There is no seal/.test(sentence));
      };
      await until(isSealed, { withinMs: sealedWithinMs, everyMs: 5_000, what: `a seal over ${grantId}` });
    }
    lines = await exportOf('');
  });
  after(() => rm(folder, { recursive: true, force: true }));

  async function fetched(path: string, account = 'auditor'): Promise<string> {
    const headers = { authorization: `Bearer ${await daypass.token(account)}` };
    const answer = await fetch(new URL(path, daypass.portal), { headers, signal: AbortSignal.timeout(60_000) });
    const body = await answer.text();
    assert.equal(answer.status, 200, body);
    return body;
  }

  async function exportOf(narrowed: string): Promise<string[]> {
    return (await fetched(`/v1/audit/export?format=jsonl${narrowed}`)).split(/(?<=\n)/);
  }

  const keys = () => readAuditKeys(join(folder, 'keys.json'));

  async function verify(text: readonly string[]): Promise<Report> {
    return verifyAudit(await readAudit(text), { keys: await keys() });
  }

  /** By the command, as an auditor runs it. */
  async function command(text: readonly string[]): Promise<{ code: number; said: string }> {
    const file = join(folder, 'export.jsonl');
    await writeFile(file, text.join(''));
    const args = ['--import', 'tsx', 'api/cli/audit-verify.ts', file, '--keys', join(folder, 'keys.json')];
    return run(process.execPath, args).then(
      ({ stdout }) => ({ code: 0, said: stdout }),
      ({ code, stdout }: { code: number; stdout: string }) => ({ code, said: stdout }),
    );
  }

  const recordAt = (line: string): Partial<AuditRecord> => JSON.parse(line) as Partial<AuditRecord>;

  function indexOf(grantId: string, type: AuditRecord['type']): number {
    const found = lines.findIndex((line) => {
      const record = recordAt(line);
      return record.chain === `grant/${grantId}` && record.type === type;
    });
    assert.ok(found > 0, `${grantId} has no ${type}`);
    return found;
  }

  it('is proved from an export and the published keys, down to every signature and receipt', async () => {
    const { holds, findings, checked } = await verify(lines);
    assert.deepEqual([holds, findings], [true, []]);
    const { request = 0, approve = 0 } = checked.statements;
    const { made = 0, removed = 0 } = checked.receipts;
    assert.ok(checked.grants >= 2 && request >= 2 && approve >= 2, JSON.stringify(checked));
    assert.ok(made >= 2 && removed >= 2, JSON.stringify(checked));
    assert.ok(checked.seals >= 1 && checked.heads >= 2, JSON.stringify(checked));
  });

  it('is proved from the audit files as well, which no API and no worker has to hand out', async () => {
    const audit = join(daypass.stateDir, 'audit');
    const files = (await readdir(audit)).filter((name) => name.endsWith('.jsonl')).map((name) => join(audit, name));
    const given = { keys: await keys(), portal: daypass.portal };
    const { holds, findings, checked } = await verifyAudit(await readAudit(linesOf(files)), given);
    assert.deepEqual([holds, findings], [true, []]);
    assert.ok(checked.grants >= 2 && checked.seals >= 1);
  });

  it('names what was changed, dropped, reordered, inserted or cut off in it', async () => {
    const chain = `grant/${approved}`;
    const at = indexOf(approved, 'approved');
    const { sequence } = recordAt(lines[at] ?? '');
    const line = lines[at] ?? '';
    const expected = (code: string, of = sequence) => ({ code, chain, sequence: of });
    const tampered: [string[], ReturnType<typeof expected>][] = [
      [lines.with(at, line.replace('person:manager', 'person:operator')), expected('changed')],
      [lines.toSpliced(at, 1), expected('dropped')],
      [lines.with(at, lines[at + 1] ?? '').with(at + 1, line), expected('reordered')],
      [lines.toSpliced(at, 0, line), expected('inserted')],
      [
        lines.toSpliced(indexOf(approved, 'closed'), 1),
        expected('cut-off', recordAt(lines[indexOf(approved, 'closed')] ?? '').sequence),
      ],
      [lines.filter((it) => recordAt(it).chain !== chain), expected('dropped', 1)],
    ];
    for (const [text, { code, chain: of, sequence: number }] of tampered) {
      const { holds, findings } = await verify(text);
      assert.equal(holds, false);
      const [first] = findings;
      assert.deepEqual([first?.code, first?.chain, first?.sequence], [code, of, number], first?.says);
    }
  });

  it('names a grant that was kept out of it, by the books that the connectors keep themselves', async () => {
    const books = await readBooks(join(daypass.stateDir, 'receipts'));
    const whole = await verifyAudit(await readAudit(lines), { keys: await keys(), books });
    assert.deepEqual([whole.holds, whole.findings], [true, []]);
    assert.ok((whole.checked.receiptBooks?.told ?? 0) >= 4, JSON.stringify(whole.checked));

    // All that its keys can do for whoever decides and seals, and for whoever exports.
    const { header, chains } = await readAudit(lines);
    assert.ok(header);
    const { installation, portal, at, from, to, begins } = header.says;
    const others = [...chains].flatMap(([name, all]) => (name === `grant/${automatic}` ? [] : all));
    const records = others.map(({ record }) => record);
    const key = await readSigningKey(join(daypass.stateDir, 'keys', 'api-signing.jwk.json'));
    const text = await exported(records, [], key, { installation, portal, at, from, to, begins });
    assert.deepEqual((await verify(text)).findings, []);
    const { findings } = await verifyAudit(await readAudit(text), { keys: await keys(), books });
    assert.ok(findings.length > 0 && findings.every(({ chain }) => chain === `grant/${automatic}`));
    const says = `An account was made for grant ${automatic} that no record tells of`;
    assert.ok(findings.some(({ code, says: said }) => code === 'unrecorded' && said.startsWith(says)));
  });

  it('is proved, or not, by the command that an auditor runs', async () => {
    const whole = await command(lines);
    assert.deepEqual([whole.code, whole.said.split('\n')[0]], [0, 'All of it holds.']);
    const at = indexOf(approved, 'approved');
    const line = lines[at] ?? '';
    const bent = await command(lines.with(at, line.replace('person:manager', 'person:operator')));
    assert.equal(bent.code, 1);
    const says = `It does not hold. Record ${recordAt(line).sequence} of grant/${approved} was changed`;
    assert.ok(bent.said.startsWith(says), bent.said);
  });

  it('is searched by what happened and by whom, page by page', async () => {
    const query = new URLSearchParams({ type: 'approved', by: 'person:manager', limit: '200' });
    const { records } = JSON.parse(await fetched(`/v1/audit/records?${query.toString()}`)) as {
      records: AuditRecord[];
    };
    assert.ok(records.some(({ chain }) => chain === `grant/${approved}`));
    assert.ok(records.every(({ type, by }) => type === 'approved' && by === 'person:manager'));
    const csv = await fetched(`/v1/audit/export?format=csv&grant=${automatic}`);
    assert.match(csv.split('\r\n')[0] ?? '', /^"time","chain","sequence"/);
    assert.ok(csv.includes(`"grant/${automatic}","1","requested","person:engineer"`));
  });

  it('notes every export in its journal, for whoever exports next', async () => {
    const journal = await fetched('/v1/audit/export?format=jsonl&chain=journal');
    const noted = journal.split('\n').filter((line) => line.includes('"audit-exported"'));
    assert.ok(noted.length >= 2);
    assert.match(noted[0] ?? '', /"by":"person:auditor"/);
  });

  it('is not for those who may not search it', async () => {
    for (const account of ['engineer', 'operator', 'manager']) {
      for (const path of ['/v1/audit/records', '/v1/audit/export?format=csv']) {
        assert.equal((await call(daypass, { account }, 'GET', path)).status, 403, `${account} ${path}`);
      }
    }
  });

  it('says so, and hands nothing out, while no worker answers', async () => {
    await daypass.decisions.stop();
    try {
      for (const path of ['/v1/audit/records', '/v1/audit/export?format=jsonl', '/v1/audit/export?format=csv']) {
        const { status, problem } = await call(daypass, { account: 'auditor' }, 'GET', path);
        assert.deepEqual([status, problem.type], [503, 'temporal-unavailable'], path);
        assert.match(problem.detail ?? '', /no worker answers|cannot be reached/);
      }
    } finally {
      await daypass.decisions.start();
    }
  });
});

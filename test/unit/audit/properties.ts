/**
 * No byte of an audit changes unnoticed, wherever it is and whatever becomes of it. A failure prints its seed: see
 * test/support/seed.ts.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { readAudit } from '../../../api/audit/verify/audit-file.js';
import { linesOf } from '../../../api/audit/verify/lines.js';
import { verifyAudit, type Report } from '../../../api/audit/verify/verify.js';
import { auditWorld, type AuditWorld } from '../../support/audit-world.js';
import { page } from '../../support/authenticator.js';
import { seeded } from '../../support/seed.js';

const run = seeded<unknown>({ numRuns: 100 });

describe('no byte of an audit changes unnoticed', function () {
  // Each run reads and verifies a whole audit; beside the other tests that takes a minute in all.
  this.timeout(180_000);
  let world: AuditWorld;
  let folder: string;
  let lines: string[];
  before(async () => {
    world = await auditWorld();
    lines = await world.export();
    folder = await mkdtemp(join(tmpdir(), 'daypass-audit-'));
  });
  after(() => rm(folder, { recursive: true }));

  /** By way of a real file, as the command reads it. */
  async function verify(bytes: Buffer): Promise<Report> {
    const file = join(folder, 'audit.jsonl');
    await writeFile(file, bytes);
    return verifyAudit(await readAudit(linesOf([file])), { keys: world.keys, portal: page.origin });
  }

  async function noticed(bytes: Buffer, what: string): Promise<void> {
    const { holds, findings } = await verify(bytes);
    assert.equal(holds, false, what);
    assert.match(findings[0]?.says ?? '', /\.$/);
  }

  const places = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

  /** One byte replaced, dropped or inserted at a random place. */
  async function anyByte(original: Buffer): Promise<void> {
    const change = fc.constantFrom('replace', 'drop', 'insert');
    await fc.assert(
      fc.asyncProperty(places, change, fc.nat(255), async (place, how, byte) => {
        const at = Math.floor(place * original.length);
        const put = how === 'drop' ? Buffer.alloc(0) : Buffer.from([byte]);
        const rest = original.subarray(how === 'insert' ? at : at + 1);
        const bytes = Buffer.concat([original.subarray(0, at), put, rest]);
        fc.pre(!bytes.equals(original));
        await noticed(bytes, `${how} at ${at}: ${byte}`);
      }),
      run,
    );
  }

  it('in an export', async () => {
    const original = Buffer.from(lines.join(''));
    assert.equal((await verify(original)).holds, true);
    await anyByte(original);
  });

  it('in audit files, which have no digest of the whole', async () => {
    const original = Buffer.from(lines.slice(1).join(''));
    assert.equal((await verify(original)).holds, true);
    await anyByte(original);
  });

  it('and no line of an export is dropped, repeated, moved or put in place of another', async () => {
    const how = fc.constantFrom('drop', 'repeat', 'move', 'replace', 'cut');
    await fc.assert(
      fc.asyncProperty(places, places, how, async (from, to, what) => {
        const [a, b] = [from, to].map((place) => 1 + Math.floor(place * (lines.length - 1))) as [number, number];
        const line = lines[a] ?? '';
        const changed = {
          drop: () => lines.toSpliced(a, 1),
          repeat: () => lines.toSpliced(b, 0, line),
          move: () => lines.toSpliced(a, 1).toSpliced(b, 0, line),
          replace: () => lines.with(b, line),
          cut: () => lines.slice(0, a),
        }[what]();
        fc.pre(changed.join('') !== lines.join(''));
        await noticed(Buffer.from(changed.join('')), `${what} ${a} ${b}`);
      }),
      run,
    );
  });
});

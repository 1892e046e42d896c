/** Verification of an export: all of it holds as it was written, and whatever was done to it afterwards is named. */
import assert from 'node:assert/strict';
import { readAudit } from '../../../api/audit/verify/audit-file.js';
import type { Finding } from '../../../api/audit/verify/finding.js';
import { verifyAudit, type Given, type Report } from '../../../api/audit/verify/verify.js';
import { signAs } from '../../../activities/platform/jws.js';
import { sealType } from '../../../api/audit/verify/seals.js';
import { digest } from '../../../workflows/domain/digest.js';
import { firstPrevious, following, headOf, noHead, type AuditRecord } from '../../../workflows/domain/record.js';
import type { Seal } from '../../../workflows/domain/seal.js';
import { claimed } from '../../../workflows/domain/signature.js';
import { asking, auditWorld, exported, requestFor, type AuditWorld } from '../../support/audit-world.js';
import { createPasskey } from '../../support/authenticator.js';
import { privateKey } from '../../support/signer.js';

const one = 'grant/00000000000000000000000001';
const two = 'grant/00000000000000000000000002';

type Edit = (record: AuditRecord) => AuditRecord;

describe('verification of an audit', () => {
  let world: AuditWorld;
  let lines: string[];
  before(async () => {
    world = await auditWorld();
    lines = await world.export();
  });

  async function verify(text: readonly string[], more: Partial<Given> = {}): Promise<Report> {
    return verifyAudit(await readAudit(text), { keys: world.keys, ...more });
  }

  /** The first thing found, after checking that something was. */
  async function caught(text: readonly string[], more: Partial<Given> = {}): Promise<Finding> {
    const { holds, findings } = await verify(text, more);
    assert.equal(holds, false);
    const [first] = findings;
    assert.ok(first);
    assert.match(first.says, /^[A-Z].*\.$/);
    return first;
  }

  function lineOf(chain: string, sequence: number): number {
    const found = lines.findIndex((line) => of(line).chain === chain && of(line).sequence === sequence);
    assert.ok(found > 0, `${chain} ${sequence}`);
    return found;
  }

  const of = (line: string | undefined) => JSON.parse(line ?? '{}') as AuditRecord;
  const text = (record: AuditRecord): string => `${JSON.stringify(record)}\n`;
  const chain = (name: string): AuditRecord[] => world.chains.get(name) ?? [];
  const others = (name: string): AuditRecord[] => [...world.chains].flatMap(([it, all]) => (it === name ? [] : all));

  /** As whoever owns the state of a grant would do it: every hash fits again. */
  function rewritten(name: string, edit: Edit, records = chain(name)): AuditRecord[] {
    const made: AuditRecord[] = [];
    for (const record of records) {
      const { hash: _hash, previous: _previous, sequence: _sequence, ...entry } = edit(structuredClone(record));
      made.push(following(headOf(made, noHead), entry));
    }
    return made;
  }

  /** Made anew from the records on: seals and header too, by the keys that a party has. */
  async function resealed(records: readonly AuditRecord[]): Promise<string[]> {
    const chains = new Map<string, AuditRecord[]>();
    for (const record of records) chains.set(record.chain, [...(chains.get(record.chain) ?? []), record]);
    const heads = [...chains].map(([name, all]) => ({ chain: name, ...headOf(all) }));
    const seal: Seal = { installation: 'test', number: 1, previous: firstPrevious, at: records[0]?.at ?? 0, heads };
    return exported(records, [await signAs(sealType, seal, world.private.seals)], world.private.api);
  }

  const at = (name: string, sequence: number, edit: Edit) =>
    rewritten(name, (record) => (record.sequence === sequence ? edit(record) : record));
  const detail =
    (change: AuditRecord['detail']): Edit =>
    (record) => ({ ...record, detail: { ...record.detail, ...change } });

  it('holds, and says how many of each it checked', async () => {
    const { holds, findings, checked, unseen } = await verify(lines);
    assert.deepEqual([holds, findings], [true, []]);
    assert.deepEqual(checked, {
      lines: 28,
      chains: 4,
      grants: 2,
      records: 24,
      seals: 3,
      heads: 12,
      statements: { request: 2, approve: 1, extend: 1, passkey: 1, note: 1 },
      passkeys: 1,
      receipts: { made: 2, 'end-moved': 1, removed: 2 },
      books: 1,
      stories: 2,
    });
    assert.ok(unseen.some((sentence) => sentence.startsWith('After the last seal (3, ')));
  });

  it('takes audit files in any order, with repeats and without a header', async () => {
    const files = lines.slice(1).toReversed();
    const { holds, findings } = await verify([...files, ...files.slice(0, 9)], { portal: 'http://localhost:7300' });
    assert.deepEqual([holds, findings], [true, []]);
  });

  it('takes a file whose last line is torn where another file tells it whole, and nowhere else', async () => {
    const files = lines.slice(1);
    const torn = (lines[lineOf(one, 4)] ?? '').slice(0, 60);
    const portal = 'http://localhost:7300';
    assert.equal((await verify([...files, torn], { portal })).holds, true);
    assert.equal((await caught([...files, torn.replace('grant', 'other')], { portal })).code, 'unreadable');
    assert.equal((await verify([...lines, torn], { portal })).holds, false);
  });

  describe('names a record that was', () => {
    for (const [what, edit] of [
      ['an approver', (record) => ({ ...record, by: 'person:other' })],
      ['a time', (record) => ({ ...record, at: record.at - 1 })],
      ['a type', (record) => ({ ...record, type: 'denied' })],
      ['a comment', detail({ comment: 'Never.' })],
      ['a number', (record) => ({ ...record, sequence: 9 })],
      ['a hash', (record) => ({ ...record, hash: 'a'.repeat(64) })],
      ['what came before', (record) => ({ ...record, previous: 'a'.repeat(64) })],
    ] as [string, Edit][]) {
      it(`changed: ${what}`, async () => {
        const index = lineOf(one, 4);
        const found = await caught(lines.with(index, text(edit(of(lines[index])))));
        assert.deepEqual([found.code, found.chain, found.sequence], ['changed', one, 4]);
      });
    }

    it('changed: the text of a request', async () => {
      const index = lineOf(one, 1);
      const found = await caught(lines.with(index, (lines[index] ?? '').replace('a late order', 'all orders')));
      assert.deepEqual([found.code, found.chain, found.sequence], ['changed', one, 1]);
    });

    it('changed until it can no longer be read', async () => {
      const found = await caught(lines.with(lineOf(one, 4), '{"chain":\n'));
      assert.deepEqual([found.code, found.chain, found.sequence], ['changed', one, 4]);
    });

    it('written so that two readers see two things', async () => {
      const index = lineOf(one, 4);
      const twice = (lines[index] ?? '').replace('"by":', '"by":"person:other","by":');
      const found = await caught(lines.with(index, twice));
      assert.deepEqual([found.code, found.chain, found.sequence], ['changed', one, 4]);
    });

    it('dropped', async () => {
      for (const sequence of [1, 4]) {
        const found = await caught(lines.toSpliced(lineOf(one, sequence), 1));
        assert.deepEqual([found.code, found.chain, found.sequence], ['dropped', one, sequence]);
      }
    });

    it('reordered', async () => {
      const index = lineOf(one, 4);
      const moved = lines.with(index, lines[index + 1] ?? '').with(index + 1, lines[index] ?? '');
      const found = await caught(moved);
      assert.deepEqual([found.code, found.chain, found.sequence], ['reordered', one, 4]);
    });

    it('inserted, also with a hash that fits', async () => {
      const index = lineOf(one, 5);
      const again = await caught(lines.toSpliced(index, 0, lines[index - 1] ?? ''));
      assert.deepEqual([again.code, again.chain, again.sequence], ['inserted', one, 4]);
      const { hash: _hash, ...before } = of(lines[index - 1]);
      const forged = following(headOf(chain(one).slice(0, 4)), { ...before, type: 'step-completed' });
      const found = await caught(lines.toSpliced(index, 0, text(forged)));
      assert.deepEqual([found.code, found.chain, found.sequence], ['inserted', one, 5]);
    });

    it('replaced by another one whose hash fits', async () => {
      const forged = following(headOf(chain(one).slice(0, 3)), { ...of(lines[lineOf(one, 4)]), by: 'person:other' });
      const found = await caught(lines.with(lineOf(one, 4), text(forged)));
      assert.deepEqual([found.code, found.chain, found.sequence], ['changed', one, 4]);
    });
  });

  describe('names what was cut off or left out', () => {
    it('of a chain, by the seal that knows more', async () => {
      const found = await caught(lines.toSpliced(lineOf(one, 13), 1));
      assert.deepEqual([found.code, found.chain, found.sequence, found.seal], ['cut-off', one, 13, 3]);
    });

    it('of the file', async () => {
      const found = await caught(lines.slice(0, lineOf(two, 3)));
      assert.equal(found.code, 'cut-off');
      assert.match(found.says, /The export was made with/);
      const half = await caught([...lines.slice(0, -1), (lines.at(-1) ?? '').slice(0, -20)]);
      assert.ok(['cut-off', 'unreadable'].includes(half.code));
    });

    it('of the seals', async () => {
      const found = await caught(lines.slice(0, -1));
      assert.deepEqual([found.code, found.seal], ['cut-off', 3]);
      assert.equal((await caught(lines.toSpliced(-2, 1))).seal, 2);
      assert.deepEqual((await caught(lines.toSpliced(-3, 1))).code, 'cut-off');
    });

    it('a whole grant, also when the header was made anew', async () => {
      const rest = others(two);
      const found = await caught(await exported(rest, world.seals, world.private.api));
      assert.deepEqual([found.code, found.chain, found.sequence, found.seal], ['dropped', two, 1, 1]);
      const files = lines.slice(1).filter((line) => !line.includes(`"chain":"${two}"`));
      assert.equal((await caught(files, { portal: 'http://localhost:7300' })).chain, two);
    });
  });

  describe('names a seal that was', () => {
    it('replaced, or signed by another key', async () => {
      const other = { ...(await privateKey('Ed25519')), kid: 'seals' };
      for (const key of [other, { ...other, kid: 'mine' }]) {
        const forged = await signAs(sealType, claimed(world.seals[1] ?? ''), key);
        const found = await caught(lines.with(-2, `${JSON.stringify({ seal: forged })}\n`));
        assert.equal(found.code, 'bad-seal');
        assert.match(found.says, new RegExp(`line ${lines.length - 1} is not signed`));
      }
    });

    it('replaced by one that the right key signed', async () => {
      const seal = { ...claimed(world.seals[1] ?? ''), heads: [] };
      const forged = await signAs(sealType, seal, world.private.seals);
      const found = await caught(lines.with(-2, `${JSON.stringify({ seal: forged })}\n`));
      assert.deepEqual([found.code, found.seal], ['bad-seal', 3]);
    });

    it('moved, or stands twice', async () => {
      assert.equal((await caught([...lines, lines.at(-3) ?? ''])).code, 'reordered');
      const swapped = lines.with(-1, lines.at(-2) ?? '').with(-2, lines.at(-1) ?? '');
      assert.equal((await caught(swapped)).code, 'reordered');
    });

    describe('of a chain that goes on twice, by the right key', () => {
      const portal = 'http://localhost:7300';
      const files = () => lines.slice(1);
      const line = async (seal: Seal) =>
        `${JSON.stringify({ seal: await signAs(sealType, seal, world.private.seals) })}\n`;
      const sealed = (index: number) => claimed(world.seals[index] ?? '') as unknown as Seal;
      /** As if each had been made a second later. */
      async function again(from: number, previous: string, count = 3 - from): Promise<string[]> {
        const made: string[] = [];
        for (let index = from; index < from + count; index += 1) {
          const seal: Seal = { ...sealed(index), at: sealed(index).at + 1_000, previous };
          made.push(await line(seal));
          previous = digest(seal);
        }
        return made;
      }

      it('from its beginning', async () => {
        const found = await caught([...files(), ...(await again(0, firstPrevious))], { portal });
        assert.deepEqual([found.code, found.seal], ['bad-seal', 2]);
        assert.match(found.says, /forked or begun anew/);
      });

      it('from the middle', async () => {
        const found = await caught([...files(), ...(await again(1, digest(sealed(0))))], { portal });
        assert.deepEqual([found.code, found.seal], ['bad-seal', 3]);
      });

      it('also where the files begin later', async () => {
        const later = files().filter((it) => !world.seals.slice(0, 2).some((seal) => it.includes(seal)));
        const found = await caught([...later, ...(await again(2, 'b'.repeat(64)))], { portal });
        assert.deepEqual([found.code, found.seal], ['bad-seal', 3]);
      });

      it('but not where nobody follows the second one: its first answer was lost', async () => {
        for (const from of [0, 1, 2]) {
          const previous = from === 0 ? firstPrevious : digest(sealed(from - 1));
          const { holds, findings } = await verify([...files(), ...(await again(from, previous, 1))], { portal });
          assert.deepEqual([holds, findings], [true, []]);
        }
      });
    });

    it('written in another way, though its signature is the same', async () => {
      const seal = world.seals[0] ?? '';
      const twins = [...'AQgw'].map((last) => seal.slice(0, -1) + last);
      for (const twin of twins.filter((it) => it !== seal)) {
        await caught(lines.with(-3, `${JSON.stringify({ seal: twin })}\n`));
      }
    });
  });

  describe('names a chain that was made anew from a record on', () => {
    it('by the seal that knows another hash', async () => {
      const forged = at(one, 10, (record) => ({ ...record, at: record.at - 1 }));
      const files = [...forged, ...others(one)].map(text);
      const seals = world.seals.map((seal) => `${JSON.stringify({ seal })}\n`);
      const found = await caught([...files, ...seals], { portal: 'http://localhost:7300' });
      // Seal 2 knows record 8, and it holds: what was changed comes after it.
      assert.deepEqual([found.code, found.chain, found.sequence, found.seal], ['changed', one, 9, 3]);
    });

    // From here on the forger has the seal key and the header too: only what others signed is left.
    for (const [what, code, name, sequence, edit] of [
      ['a request edited', 'bad-evidence', one, 1, detail({ request: requestFor('00000000000000000000000001') })],
      ['an approver edited', 'bad-evidence', one, 4, (record: AuditRecord) => ({ ...record, by: 'person:other' })],
      ['an approval without its signature', 'bad-evidence', one, 4, detail({ evidence: undefined })],
      ['a shorter duration claimed', 'bad-evidence', one, 4, detail({ durationMs: 1_000 })],
      ['a longer extension', 'bad-evidence', one, 8, detail({ totalMs: 99 * 60_000 })],
      ['an earlier removal claimed', 'bad-receipt', one, 12, detail({ removedAt: 1 })],
      ['a later end claimed', 'bad-receipt', one, 7, detail({ expireTime: 9_999_999_999_999 })],
      ['a removal without a receipt', 'bad-receipt', one, 12, detail({ receipt: undefined })],
      ['who opened payloads', 'bad-evidence', 'journal', 1, (record: AuditRecord) => ({ ...record, by: 'person:x' })],
      ['what was opened', 'bad-evidence', 'journal', 1, detail({ payloads: 1 })],
      ['a passkey put in its place', 'bad-evidence', 'person/manager', 1, detail({ publicKey: 'AAAA' })],
    ] as [string, string, string, number, Edit][]) {
      it(what, async () => {
        const found = await caught(await resealed([...at(name, sequence, edit), ...others(name)]));
        assert.deepEqual([found.code, found.chain, found.sequence], [code, name, sequence]);
      });
    }

    it('and signed again with another key', async () => {
      const other = { ...(await privateKey('Ed25519')), kid: 'api' };
      const request = requestFor('00000000000000000000000001', { justification: 'Another reason.' });
      const { detail: asked } = await asking(other, request);
      const found = await caught(await resealed([...at(one, 1, detail(asked)), ...others(one)]));
      assert.deepEqual([found.code, found.chain, found.sequence], ['bad-evidence', one, 1]);
    });

    it('with receipts swapped between grants', async () => {
      const [first, second] = [chain(one)[6]?.detail['receipt'], chain(two)[3]?.detail['receipt']];
      const records = [...at(one, 7, detail({ receipt: second })), ...at(two, 4, detail({ receipt: first }))];
      const found = await caught(await resealed([...records, ...others(one).filter((it) => it.chain !== two)]));
      assert.deepEqual([found.code, found.chain, found.sequence], ['bad-receipt', one, 7]);
      assert.match(found.says, /the receipt of another grant/);
    });
  });

  describe('names a story that cannot have happened', () => {
    for (const [what, name, sequence, change] of [
      ['access before its approvals', one, 5, (all: AuditRecord[]) => all.filter(({ sequence }) => sequence !== 4)],
      ['access that nobody was asked for', two, 3, (all: AuditRecord[]) => all.map(detailIn(2, { automatic: false }))],
      ['access without an assessment', two, 2, (all: AuditRecord[]) => all.filter(({ type }) => type !== 'assessed')],
      ['a close without a removal', two, 7, (all: AuditRecord[]) => all.filter(({ type }) => type !== 'removed')],
      [
        'something after the close',
        two,
        9,
        (all: AuditRecord[]) => [...all, ...all.filter(({ type }) => type === 'withdrawn')],
      ],
    ] as [string, string, number, (all: AuditRecord[]) => AuditRecord[]][]) {
      it(what, async () => {
        const made = rewritten(name, (record) => record, change(chain(name)));
        const { findings } = await verify(await resealed([...made, ...others(name)]));
        const found = findings.find(({ code }) => code === 'story');
        assert.deepEqual([found?.chain, found?.sequence], [name, sequence]);
      });
    }

    describe('access that was made on something else than its record shows:', () => {
      async function foundIn(name: string, records: AuditRecord[]): Promise<Finding | undefined> {
        const made = rewritten(name, (record) => record, records);
        return (await verify(await resealed([...made, ...others(name)]))).findings[0];
      }

      /** As the connector would have signed it. */
      async function madeOn(evidenceDigest: string, when: number): Promise<Edit> {
        const { detail: stands } = chain(one)[6] ?? { detail: {} };
        const more = { evidenceDigest };
        const { jws } = await world.receipt({ kind: 'made', at: when, grantId: one.slice(6), more });
        return (record) =>
          record.type === 'activated'
            ? { ...record, detail: { ...stands, expireTime: when, evidenceDigest, receipt: jws } }
            : record;
      }

      it('one approval dropped, and said to be automatic', async () => {
        const without = chain(one).filter(({ sequence }) => ![3, 4, 5].includes(sequence));
        const found = await foundIn(one, without.map(detailIn(2, { automatic: true })));
        assert.deepEqual([found?.code, found?.chain, found?.sequence], ['bad-receipt', one, 4]);
        assert.match(found?.says ?? '', /other evidence than the request and the approvals/);
      });

      it('nobody’s approval, and one shown', async () => {
        const request = chain(one)[0]?.detail['evidence'];
        const edit = await madeOn(digest({ request, approvals: [], extensions: [] }), chain(one)[5]?.at ?? 0);
        const found = await foundIn(one, chain(one).map(edit));
        assert.deepEqual([found?.code, found?.chain, found?.sequence], ['bad-receipt', one, 7]);
      });

      it('an approval that was signed after the account was made', async () => {
        const [asked, , , approval] = chain(one);
        const evidence = { request: asked?.detail['evidence'], approvals: [approval?.detail['evidence']] };
        const issuedAt = asked?.at ?? 0;
        for (const [when, code] of [
          [issuedAt - 5_000, undefined],
          [issuedAt - 5_001, 'bad-receipt'],
        ] as const) {
          const edit = await madeOn(digest({ ...evidence, extensions: [] }), when);
          const found = await foundIn(
            one,
            chain(one)
              .map(edit)
              .filter(({ sequence }) => ![8, 9].includes(sequence)),
          );
          assert.deepEqual([found?.code, found?.sequence], code ? [code, 7] : [undefined, undefined], found?.says);
        }
      });

      it('more time, on another wish', async () => {
        const found = await foundIn(
          one,
          chain(one).map((record) => (record.sequence === 8 ? { ...record, type: 'denied' } : record)),
        );
        assert.deepEqual([found?.chain, found?.sequence], [one, 9]);
      });
    });

    function detailIn(sequence: number, change: AuditRecord['detail']): Edit {
      return (record) => (record.sequence === sequence ? detail(change)(record) : record);
    }
  });

  describe('of passkeys', () => {
    const listed = () => ({
      person: 'person:manager',
      credentialId: world.passkey.credentialId,
      publicKey: world.passkey.publicKey,
    });

    it('holds where the zone lists the passkey too', async () => {
      const { holds, checked } = await verify(lines, { zone: [listed()] });
      assert.deepEqual([holds, checked.passkeys], [true, 1]);
    });

    it('names the approval by a passkey that the zone does not list, or lists with another key', async () => {
      const { publicKey } = createPasskey();
      for (const zone of [[], [{ ...listed(), person: 'person:other' }], [{ ...listed(), publicKey }]]) {
        const found = await caught(lines, { zone });
        assert.deepEqual([found.code, found.chain, found.sequence], ['bad-passkey', one, 4]);
      }
    });

    it('names the approval that was proved on another page', async () => {
      const found = await caught(lines, { portal: 'https://other.example' });
      assert.deepEqual([found.code, found.chain, found.sequence], ['bad-passkey', one, 4]);
    });

    it('says so when the enrolment is not in the file', async () => {
      const rest = others('person/manager');
      const { holds, checked, unseen } = await verify(await exported(rest, [], world.private.api));
      assert.deepEqual([holds, checked.passkeys], [true, 0]);
      assert.ok(unseen.some((sentence) => sentence.startsWith('1 proofs of passkeys could not be checked')));
    });
  });

  it('believes no header that the API did not sign', async () => {
    const head = JSON.parse(lines[0] ?? '') as { export: object; signature: string };
    const wider = { ...head, export: { ...head.export, filter: { subject: 'person:other' } } };
    assert.equal((await caught([`${JSON.stringify(wider)}\n`, ...lines.slice(1)])).code, 'bad-header');
    const other = await privateKey('Ed25519');
    const signature = await signAs('daypass-export+jws', { digest: digest(head.export) }, other);
    assert.equal((await caught([`${JSON.stringify({ ...head, signature })}\n`, ...lines.slice(1)])).code, 'bad-header');
  });

  it('refuses to join what two installations wrote', async () => {
    const found = await caught(await world.export({ installation: 'other' }));
    assert.match(found.says, /mixes installations: other, test/);
  });
});

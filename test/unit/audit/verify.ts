/** Verification of an export: all of it holds as it was written, and whatever was done to it afterwards is named. */
import assert from 'node:assert/strict';
import { signAs } from '../../../activities/platform/jws.js';
import { sealType } from '../../../api/audit/verify/seals.js';
import { digest } from '../../../workflows/domain/digest.js';
import { firstPrevious, following, headOf } from '../../../workflows/domain/record.js';
import type { Seal } from '../../../workflows/domain/seal.js';
import { claimed } from '../../../workflows/domain/signature.js';
import { exported } from '../../support/audit-world.js';
import { createPasskey } from '../../support/authenticator.js';
import { privateKey } from '../../support/signer.js';
import { detail, of, one, text, two, type Edit, WholeAudit } from './support/whole-audit.js';

describe('verification of an audit', () => {
  let audit: WholeAudit;
  before(async () => {
    audit = await WholeAudit.make();
  });

  it('holds, and says how many of each it checked', async () => {
    const { holds, findings, checked, unseen } = await audit.verify(audit.lines);
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
    const files = audit.lines.slice(1).toReversed();
    const { holds, findings } = await audit.verify([...files, ...files.slice(0, 9)], {
      portal: 'http://localhost:7300',
    });
    assert.deepEqual([holds, findings], [true, []]);
  });

  it('takes a file whose last line is torn where another file tells it whole, and nowhere else', async () => {
    const files = audit.lines.slice(1);
    const torn = (audit.lines[audit.lineOf(one, 4)] ?? '').slice(0, 60);
    const portal = 'http://localhost:7300';
    assert.equal((await audit.verify([...files, torn], { portal })).holds, true);
    assert.equal((await audit.caught([...files, torn.replace('grant', 'other')], { portal })).code, 'unreadable');
    assert.equal((await audit.verify([...audit.lines, torn], { portal })).holds, false);
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
        const index = audit.lineOf(one, 4);
        const found = await audit.caught(audit.lines.with(index, text(edit(of(audit.lines[index])))));
        assert.deepEqual([found.code, found.chain, found.sequence], ['changed', one, 4]);
      });
    }

    it('changed: the text of a request', async () => {
      const index = audit.lineOf(one, 1);
      const found = await audit.caught(
        audit.lines.with(index, (audit.lines[index] ?? '').replace('a late order', 'all orders')),
      );
      assert.deepEqual([found.code, found.chain, found.sequence], ['changed', one, 1]);
    });

    it('changed until it can no longer be read', async () => {
      const found = await audit.caught(audit.lines.with(audit.lineOf(one, 4), '{"chain":\n'));
      assert.deepEqual([found.code, found.chain, found.sequence], ['changed', one, 4]);
    });

    it('written so that two readers see two things', async () => {
      const index = audit.lineOf(one, 4);
      const twice = (audit.lines[index] ?? '').replace('"by":', '"by":"person:other","by":');
      const found = await audit.caught(audit.lines.with(index, twice));
      assert.deepEqual([found.code, found.chain, found.sequence], ['changed', one, 4]);
    });

    it('dropped', async () => {
      for (const sequence of [1, 4]) {
        const found = await audit.caught(audit.lines.toSpliced(audit.lineOf(one, sequence), 1));
        assert.deepEqual([found.code, found.chain, found.sequence], ['dropped', one, sequence]);
      }
    });

    it('reordered', async () => {
      const index = audit.lineOf(one, 4);
      const moved = audit.lines.with(index, audit.lines[index + 1] ?? '').with(index + 1, audit.lines[index] ?? '');
      const found = await audit.caught(moved);
      assert.deepEqual([found.code, found.chain, found.sequence], ['reordered', one, 4]);
    });

    it('inserted, also with a hash that fits', async () => {
      const index = audit.lineOf(one, 5);
      const again = await audit.caught(audit.lines.toSpliced(index, 0, audit.lines[index - 1] ?? ''));
      assert.deepEqual([again.code, again.chain, again.sequence], ['inserted', one, 4]);
      const { hash: _hash, ...before } = of(audit.lines[index - 1]);
      const forged = following(headOf(audit.chain(one).slice(0, 4)), { ...before, type: 'step-completed' });
      const found = await audit.caught(audit.lines.toSpliced(index, 0, text(forged)));
      assert.deepEqual([found.code, found.chain, found.sequence], ['inserted', one, 5]);
    });

    it('replaced by another one whose hash fits', async () => {
      const forged = following(headOf(audit.chain(one).slice(0, 3)), {
        ...of(audit.lines[audit.lineOf(one, 4)]),
        by: 'person:other',
      });
      const found = await audit.caught(audit.lines.with(audit.lineOf(one, 4), text(forged)));
      assert.deepEqual([found.code, found.chain, found.sequence], ['changed', one, 4]);
    });
  });

  describe('names what was cut off or left out', () => {
    it('of a chain, by the seal that knows more', async () => {
      const found = await audit.caught(audit.lines.toSpliced(audit.lineOf(one, 13), 1));
      assert.deepEqual([found.code, found.chain, found.sequence, found.seal], ['cut-off', one, 13, 3]);
    });

    it('of the file', async () => {
      const found = await audit.caught(audit.lines.slice(0, audit.lineOf(two, 3)));
      assert.equal(found.code, 'cut-off');
      assert.match(found.says, /The export was made with/);
      const half = await audit.caught([...audit.lines.slice(0, -1), (audit.lines.at(-1) ?? '').slice(0, -20)]);
      assert.ok(['cut-off', 'unreadable'].includes(half.code));
    });

    it('of the seals', async () => {
      const found = await audit.caught(audit.lines.slice(0, -1));
      assert.deepEqual([found.code, found.seal], ['cut-off', 3]);
      assert.equal((await audit.caught(audit.lines.toSpliced(-2, 1))).seal, 2);
      assert.deepEqual((await audit.caught(audit.lines.toSpliced(-3, 1))).code, 'cut-off');
    });

    it('a whole grant, also when the header was made anew', async () => {
      const rest = audit.others(two);
      const found = await audit.caught(await exported(rest, audit.world.seals, audit.world.private.api));
      assert.deepEqual([found.code, found.chain, found.sequence, found.seal], ['dropped', two, 1, 1]);
      const files = audit.lines.slice(1).filter((line) => !line.includes(`"chain":"${two}"`));
      assert.equal((await audit.caught(files, { portal: 'http://localhost:7300' })).chain, two);
    });
  });

  describe('names a seal that was', () => {
    it('replaced, or signed by another key', async () => {
      const other = { ...(await privateKey('Ed25519')), kid: 'seals' };
      for (const key of [other, { ...other, kid: 'mine' }]) {
        const forged = await signAs(sealType, claimed(audit.world.seals[1] ?? ''), key);
        const found = await audit.caught(audit.lines.with(-2, `${JSON.stringify({ seal: forged })}\n`));
        assert.equal(found.code, 'bad-seal');
        assert.match(found.says, new RegExp(`line ${audit.lines.length - 1} is not signed`));
      }
    });

    it('replaced by one that the right key signed', async () => {
      const seal = { ...claimed(audit.world.seals[1] ?? ''), heads: [] };
      const forged = await signAs(sealType, seal, audit.world.private.seals);
      const found = await audit.caught(audit.lines.with(-2, `${JSON.stringify({ seal: forged })}\n`));
      assert.deepEqual([found.code, found.seal], ['bad-seal', 3]);
    });

    it('moved, or stands twice', async () => {
      assert.equal((await audit.caught([...audit.lines, audit.lines.at(-3) ?? ''])).code, 'reordered');
      const swapped = audit.lines.with(-1, audit.lines.at(-2) ?? '').with(-2, audit.lines.at(-1) ?? '');
      assert.equal((await audit.caught(swapped)).code, 'reordered');
    });

    describe('of a chain that goes on twice, by the right key', () => {
      const portal = 'http://localhost:7300';
      const files = () => audit.lines.slice(1);
      const line = async (seal: Seal) =>
        `${JSON.stringify({ seal: await signAs(sealType, seal, audit.world.private.seals) })}\n`;
      const sealed = (index: number) => claimed(audit.world.seals[index] ?? '') as unknown as Seal;
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
        const found = await audit.caught([...files(), ...(await again(0, firstPrevious))], { portal });
        assert.deepEqual([found.code, found.seal], ['bad-seal', 2]);
        assert.match(found.says, /forked or begun anew/);
      });

      it('from the middle', async () => {
        const found = await audit.caught([...files(), ...(await again(1, digest(sealed(0))))], { portal });
        assert.deepEqual([found.code, found.seal], ['bad-seal', 3]);
      });

      it('also where the files begin later', async () => {
        const later = files().filter((it) => !audit.world.seals.slice(0, 2).some((seal) => it.includes(seal)));
        const found = await audit.caught([...later, ...(await again(2, 'b'.repeat(64)))], { portal });
        assert.deepEqual([found.code, found.seal], ['bad-seal', 3]);
      });

      it('but not where nobody follows the second one: its first answer was lost', async () => {
        for (const from of [0, 1, 2]) {
          const previous = from === 0 ? firstPrevious : digest(sealed(from - 1));
          const { holds, findings } = await audit.verify([...files(), ...(await again(from, previous, 1))], { portal });
          assert.deepEqual([holds, findings], [true, []]);
        }
      });
    });

    it('written in another way, though its signature is the same', async () => {
      const seal = audit.world.seals[0] ?? '';
      const twins = [...'AQgw'].map((last) => seal.slice(0, -1) + last);
      for (const twin of twins.filter((it) => it !== seal)) {
        await audit.caught(audit.lines.with(-3, `${JSON.stringify({ seal: twin })}\n`));
      }
    });
  });

  describe('of passkeys', () => {
    const listed = () => ({
      person: 'person:manager',
      credentialId: audit.world.passkey.credentialId,
      publicKey: audit.world.passkey.publicKey,
    });

    it('holds where the zone lists the passkey too', async () => {
      const { holds, checked } = await audit.verify(audit.lines, { zone: [listed()] });
      assert.deepEqual([holds, checked.passkeys], [true, 1]);
    });

    it('names the approval by a passkey that the zone does not list, or lists with another key', async () => {
      const { publicKey } = createPasskey();
      for (const zone of [[], [{ ...listed(), person: 'person:other' }], [{ ...listed(), publicKey }]]) {
        const found = await audit.caught(audit.lines, { zone });
        assert.deepEqual([found.code, found.chain, found.sequence], ['bad-passkey', one, 4]);
      }
    });

    it('names the approval that was proved on another page', async () => {
      const found = await audit.caught(audit.lines, { portal: 'https://other.example' });
      assert.deepEqual([found.code, found.chain, found.sequence], ['bad-passkey', one, 4]);
    });

    it('says so when the enrolment is not in the file', async () => {
      const rest = audit.others('person/manager');
      const { holds, checked, unseen } = await audit.verify(await exported(rest, [], audit.world.private.api));
      assert.deepEqual([holds, checked.passkeys], [true, 0]);
      assert.ok(unseen.some((sentence) => sentence.startsWith('1 proofs of passkeys could not be checked')));
    });
  });

  it('believes no header that the API did not sign', async () => {
    const head = JSON.parse(audit.lines[0] ?? '') as { export: object; signature: string };
    const wider = { ...head, export: { ...head.export, filter: { subject: 'person:other' } } };
    assert.equal((await audit.caught([`${JSON.stringify(wider)}\n`, ...audit.lines.slice(1)])).code, 'bad-header');
    const other = await privateKey('Ed25519');
    const signature = await signAs('daypass-export+jws', { digest: digest(head.export) }, other);
    assert.equal(
      (await audit.caught([`${JSON.stringify({ ...head, signature })}\n`, ...audit.lines.slice(1)])).code,
      'bad-header',
    );
  });

  it('refuses to join what two installations wrote', async () => {
    const found = await audit.caught(await audit.world.export({ installation: 'other' }));
    assert.match(found.says, /mixes installations: other, test/);
  });
});

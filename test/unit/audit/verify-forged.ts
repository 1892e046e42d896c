/** Verification against a forger who owns the records and the seals: what others signed, and what cannot have happened, tells. */
import assert from 'node:assert/strict';
import type { Finding } from '../../../api/audit/verify/finding.js';
import { digest } from '../../../workflows/domain/digest.js';
import type { AuditRecord } from '../../../workflows/domain/record.js';
import { asking, requestFor } from '../../support/audit-world.js';
import { privateKey } from '../../support/signer.js';
import { detail, one, text, two, type Edit, WholeAudit } from './support/whole-audit.js';

describe('verification of an audit that was made anew, with every hash as it should be,', () => {
  let audit: WholeAudit;
  before(async () => {
    audit = await WholeAudit.make();
  });

  describe('names a chain that was made anew from a record on', () => {
    it('by the seal that knows another hash', async () => {
      const forged = audit.at(one, 10, (record) => ({ ...record, at: record.at - 1 }));
      const files = [...forged, ...audit.others(one)].map(text);
      const seals = audit.world.seals.map((seal) => `${JSON.stringify({ seal })}\n`);
      const found = await audit.caught([...files, ...seals], { portal: 'http://localhost:7300' });
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
        const found = await audit.caught(
          await audit.resealed([...audit.at(name, sequence, edit), ...audit.others(name)]),
        );
        assert.deepEqual([found.code, found.chain, found.sequence], [code, name, sequence]);
      });
    }

    it('and signed again with another key', async () => {
      const other = { ...(await privateKey('Ed25519')), kid: 'api' };
      const request = requestFor('00000000000000000000000001', { justification: 'Another reason.' });
      const { detail: asked } = await asking(other, request);
      const found = await audit.caught(
        await audit.resealed([...audit.at(one, 1, detail(asked)), ...audit.others(one)]),
      );
      assert.deepEqual([found.code, found.chain, found.sequence], ['bad-evidence', one, 1]);
    });

    it('with receipts swapped between grants', async () => {
      const [first, second] = [audit.chain(one)[6]?.detail['receipt'], audit.chain(two)[3]?.detail['receipt']];
      const records = [
        ...audit.at(one, 7, detail({ receipt: second })),
        ...audit.at(two, 4, detail({ receipt: first })),
      ];
      const found = await audit.caught(
        await audit.resealed([...records, ...audit.others(one).filter((it) => it.chain !== two)]),
      );
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
        const made = audit.rewritten(name, (record) => record, change(audit.chain(name)));
        const { findings } = await audit.verify(await audit.resealed([...made, ...audit.others(name)]));
        const found = findings.find(({ code }) => code === 'story');
        assert.deepEqual([found?.chain, found?.sequence], [name, sequence]);
      });
    }

    describe('access that was made on something else than its record shows:', () => {
      async function foundIn(name: string, records: AuditRecord[]): Promise<Finding | undefined> {
        const made = audit.rewritten(name, (record) => record, records);
        return (await audit.verify(await audit.resealed([...made, ...audit.others(name)]))).findings[0];
      }

      /** As the connector would have signed it. */
      async function madeOn(evidenceDigest: string, when: number): Promise<Edit> {
        const { detail: stands } = audit.chain(one)[6] ?? { detail: {} };
        const more = { evidenceDigest };
        const { jws } = await audit.world.receipt({ kind: 'made', at: when, grantId: one.slice(6), more });
        return (record) =>
          record.type === 'activated'
            ? { ...record, detail: { ...stands, expireTime: when, evidenceDigest, receipt: jws } }
            : record;
      }

      it('one approval dropped, and said to be automatic', async () => {
        const without = audit.chain(one).filter(({ sequence }) => ![3, 4, 5].includes(sequence));
        const found = await foundIn(one, without.map(detailIn(2, { automatic: true })));
        assert.deepEqual([found?.code, found?.chain, found?.sequence], ['bad-receipt', one, 4]);
        assert.match(found?.says ?? '', /other evidence than the request and the approvals/);
      });

      it('nobody’s approval, and one shown', async () => {
        const request = audit.chain(one)[0]?.detail['evidence'];
        const edit = await madeOn(digest({ request, approvals: [], extensions: [] }), audit.chain(one)[5]?.at ?? 0);
        const found = await foundIn(one, audit.chain(one).map(edit));
        assert.deepEqual([found?.code, found?.chain, found?.sequence], ['bad-receipt', one, 7]);
      });

      it('an approval that was signed after the account was made', async () => {
        const [asked, , , approval] = audit.chain(one);
        const evidence = { request: asked?.detail['evidence'], approvals: [approval?.detail['evidence']] };
        const issuedAt = asked?.at ?? 0;
        for (const [when, code] of [
          [issuedAt - 5_000, undefined],
          [issuedAt - 5_001, 'bad-receipt'],
        ] as const) {
          const edit = await madeOn(digest({ ...evidence, extensions: [] }), when);
          const found = await foundIn(
            one,
            audit
              .chain(one)
              .map(edit)
              .filter(({ sequence }) => ![8, 9].includes(sequence)),
          );
          assert.deepEqual([found?.code, found?.sequence], code ? [code, 7] : [undefined, undefined], found?.says);
        }
      });

      it('more time, on another wish', async () => {
        const found = await foundIn(
          one,
          audit.chain(one).map((record) => (record.sequence === 8 ? { ...record, type: 'denied' } : record)),
        );
        assert.deepEqual([found?.chain, found?.sequence], [one, 9]);
      });
    });

    function detailIn(sequence: number, change: AuditRecord['detail']): Edit {
      return (record) => (record.sequence === sequence ? detail(change)(record) : record);
    }
  });
});

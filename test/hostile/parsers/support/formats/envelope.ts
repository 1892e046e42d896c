/** Signed statements, receipts, notes and seals: whoever wrote them, only what a pinned key signed counts, in one spelling. */
import assert from 'node:assert/strict';
import { signAs, verifyStatement } from '../../../../../activities/platform/jws.js';
import type { PrivateJwk } from '../../../../../activities/platform/keys.js';
import { openCredential, sealCredential } from '../../../../../activities/platform/jwe.js';
import { sealType, checkSeals } from '../../../../../api/audit/verify/seals.js';
import { statementType, type Statement } from '../../../../../workflows/domain/evidence.js';
import { isLine, readNote, readStray } from '../../../../../workflows/domain/note.js';
import { receiptType } from '../../../../../workflows/domain/receipt.js';
import { claimed, keyIdOf, verified } from '../../../../../workflows/domain/signature.js';
import { whyUnproved } from '../../../../../workflows/receipts.js';
import { auditWorld } from '../../../../support/audit-world.js';
import { createPasskey } from '../../../../support/authenticator.js';
import { keyOf, signerOf } from '../../../../support/signer.js';
import { reader, type Format } from '../format.js';
import { changedSigned, forgeries, keyObject, signed, written, type Signed } from '../jws.js';
import { changedText } from '../mutate.js';

const now = Date.now();
const types = [statementType, receiptType, sealType, 'at+jwt', 'daypass-export+jws'];

export async function envelope(): Promise<Format> {
  const api = signerOf(now);
  const world = await auditWorld();
  const opened = (jws: string): object => claimed(jws);
  const passkey = createPasskey();
  const of =
    (typ: string, { kid }: PrivateJwk) =>
    (jws: string): Signed =>
      signed({ alg: 'EdDSA', typ, kid }, opened(jws));
  const statements = (
    await Promise.all([
      api.request(),
      api.request({}, passkey.attest),
      api.approval({}, passkey.attest),
      api.extension(),
      api.renewal(),
    ])
  ).map(of(statementType, api.key));
  const receipts = world.book.map((line) => of(receiptType, world.private.receipts)(line.trim()));
  const seals = world.seals.map(of(sealType, world.private.seals));
  const note: Statement = {
    type: 'note',
    installation: 'test',
    noteId: 'n-1',
    issuedAt: now,
    event: 'payloads-opened',
    by: 'person:operator',
    detail: { workflows: ['grant/1'], payloads: 3 },
  };
  const notes = [of(statementType, api.key)(await signAs(statementType, note, api.key))];
  /** With a member that one of two readers could pass over. */
  const withMore = (of: Signed[], member: string, more: string): Signed[] =>
    of.map((it) => ({ ...it, payload: it.payload.replace(member, more) }));
  const recipientKey = `{"kty":"OKP","crv":"X25519","x":"${'A'.repeat(43)}","for":"another"}`;
  const unusual = [
    ...withMore(notes, '"payloads":3', '"__proto__":{"payloads":3}'),
    ...withMore(notes, '"payloads":3', `"payloads":${'['.repeat(4_000)}${']'.repeat(4_000)}`),
    ...withMore(statements.slice(0, 1), '"type":"request"', `"type":"request","recipientKey":${recipientKey}`),
  ];
  const pinned = [{ kid: api.key.kid ?? '', x: api.key.x ?? '' }];
  const believed = { installation: 'test', api: pinned, receipts: world.keys.receipts };
  const recipient = keyOf('X25519');
  const credential = { grantId: '0123456789abcdefghjkmnpqrs', subject: 'person:engineer', password: 'secret' };
  const sealed = await sealCredential(credential, recipient);

  const common = { change: changedSigned, refuses: () => false };
  const writer = ({ d, ...jwk }: PrivateJwk) => ({ key: keyObject({ d, ...jwk }), algorithm: 'EdDSA' as const });
  const [ofApi, ofReceipts, ofSeals] = [writer(api.key), writer(world.private.receipts), writer(world.private.seals)];

  /** Nothing but the right key signed it, over exactly this, and it is written in the one way. */
  function isGenuine(input: Signed, text: string, made: string, typ: string): void {
    assert.equal(input.by, 'pinned', 'somebody else signed it');
    const header = JSON.parse(input.header) as { alg?: unknown; typ?: unknown };
    assert.deepEqual([header.alg, header.typ], ['EdDSA', typ], 'it was signed for something else');
    assert.equal(text, made, 'it is written in another way than it was signed');
    // As it was signed: half a character has no bytes of its own.
    const payload = Buffer.from(input.payload).toString();
    assert.equal(JSON.stringify(JSON.parse(payload)), payload, 'a member stands twice, or not as we write it');
  }

  return {
    name: 'envelope',
    readers: [
      reader<Signed>({
        name: 'statement',
        valid: [...statements, ...notes],
        corpus: [...statements.slice(0, 3).flatMap((it) => forgeries(it, types)), ...unusual],
        change: changedSigned,
        read: async (input) => {
          const { made, text } = written(input, ofApi);
          const said = await verifyStatement(text, api.keys);
          isGenuine(input, text, made, statementType);
          // Two ways to verify, one verdict.
          assert.deepEqual(verified(text, statementType, pinned)?.payload, said);
        },
        refuses: (error) =>
          error instanceof Error && error.name === 'Error' && /^(This|The) [^{}]{5,400}\.$/.test(error.message),
      }),
      reader<Signed>({
        ...common,
        name: 'receipt',
        valid: receipts.slice(0, 2),
        corpus: receipts.slice(0, 2).flatMap((it) => forgeries(it, types)),
        read: (input) => {
          const { made, text } = written(input, ofReceipts);
          keyIdOf(text);
          const proof = verified(text, receiptType, world.keys.receipts);
          const unproved = whyUnproved(
            { receipt: text, says: { target: 'orders-db', kind: 'made' } },
            world.keys.receipts,
          );
          if (proof) isGenuine(input, text, made, receiptType);
          else assert.ok(unproved !== undefined, 'what was not verified proves something');
        },
      }),
      reader<Signed>({
        ...common,
        name: 'seal',
        valid: seals,
        corpus: seals.slice(0, 1).flatMap((it) => forgeries(it, types)),
        read: (input) => {
          const { made, text } = written(input, ofSeals);
          const { seals: counted, findings } = checkSeals([{ jws: text, line: 1 }], world.keys.seals, undefined);
          if (counted.length > 0) isGenuine(input, text, made, sealType);
          else assert.match(findings[0]?.says ?? '', /\.$/);
        },
      }),
      reader<Signed>({
        ...common,
        name: 'note and stray',
        valid: [...notes, ...receipts.slice(0, 1)],
        corpus: [...notes, ...receipts.slice(0, 2)].flatMap((it) => forgeries(it, types)),
        read: (input) => {
          const isReceipt = input.header.includes('receipt');
          const { made, text } = written(input, isReceipt ? ofReceipts : ofApi);
          const stray = { target: 'orders-db', grantId: '00000000000000000000000001', account: 'a', receipt: text };
          const read = isReceipt ? readStray(stray, believed) : readNote({ statement: text }, believed, now);
          if (isLine(read)) isGenuine(input, text, made, isReceipt ? receiptType : statementType);
          else assert.match(read.because, /\.$/);
        },
      }),
      reader<string>({
        name: 'sealed credential',
        valid: [sealed],
        corpus: ['', '....', sealed.replace(/\.[^.]*\./, '..'), `${sealed}.`, 'e'.repeat(100_000)],
        change: (text, script) => changedText(text, script, ['.', '=']),
        read: async (text) => assert.deepEqual(await openCredential(text, recipient), credential),
        refuses: (error) =>
          error instanceof Error && error.message === 'The sealed credential does not open with this key.',
      }),
    ],
  };
}

/** Reconcile believes of a target only what its connector signed: who else answers ends nobody's access, and hides no account. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { WorkflowFailedError } from '@temporalio/client';
import type { Undos } from '../../activities/contract.js';
import { digest } from '../../workflows/domain/digest.js';
import { grantIdFrom } from '../../workflows/ids.js';
import { deep } from '../support/deep.js';
import { reconcileWorld, removal, standing, type ReconcileWorld } from '../support/reconcile-world.js';
import { privateKey } from '../support/signer.js';

const hour = 3_600_000;

describe('reconcile, when a stranger answers for the connector', function () {
  this.timeout(90_000);
  let world: ReconcileWorld;
  /** Another target of the same connector. */
  let elsewhere: string;
  before(async () => {
    world = await reconcileWorld();
    elsewhere = (await world.newTarget()).name;
  });
  afterEach(() => world.clear());
  after(() => world.stop());

  const lies: [what: string, tell: (target: string, after: string) => Promise<unknown>][] = [
    ['nothing at all', async () => undefined],
    ['a list of no accounts', async () => ({ standing: [null, 7, {}], receipt: 'a.b.c' })],
    ['a list without an end to its depth', async () => ({ standing: [deep(2_800)], receipt: 'a.b.c' })],
    [
      'accounts of an endless depth',
      async () => ({ standing: [{ ...standing(stranger), more: deep(2_800) }], receipt: 'a.b.c' }),
    ],
    ['a list without a receipt', async () => ({ standing: [standing(stranger)] })],
    [
      'a list that another key signed',
      async (target, after) => {
        const other = await privateKey('Ed25519');
        const page = { after, count: 0, standingDigest: digest({ standing: [] }) };
        return { standing: [], receipt: await world.sign({ kind: 'listed', target, ...page }, other) };
      },
    ],
    [
      'fewer accounts than were signed',
      async (target, after) => ({ ...(await world.listing(target, after, [standing(stranger)])), standing: [] }),
    ],
    ['the list of another target', (_, after) => world.listing(elsewhere, after, [])],
    [
      'the list of another installation',
      (target, after) => world.listing(target, after, [], { installation: 'other' }),
    ],
    ['the last page in place of the first', (target) => world.listing(target, 'zzz', [])],
    ['a list of an hour ago', (target, after) => world.listing(target, after, [], { at: Date.now() - hour })],
  ];
  const stranger = grantIdFrom(randomBytes(17));

  // Who can poll the queue answers in the connector's place: an empty list would end every grant's peace, a full one hide strays.
  for (const [what, tell] of lies) {
    it(`believes no answer but the connector's, and so removes and misses nothing: ${what}`, async () => {
      const target = await world.newTarget(
        {},
        { list: (({ target: name, after = '' }) => tell(name, after)) as Undos['list'] },
      );
      target.accounts.add(stranger);
      const active = await world.startGrant(target.name, 'ACTIVE', { expireTime: Date.now() + hour });
      await world.listed(target.name, 1);
      await assert.rejects((await world.startPass(target.name)).result());
      assert.deepEqual([[...target.accounts], world.reported], [[stranger], []]);
      assert.equal(await world.signals(active.handle), undefined);
    });
  }

  it('asks again when a stranger answered, and believes the connector', async () => {
    let lists = 0;
    const rogue: Pick<Undos, 'list'> = {
      list: async ({ target: name, after = '' }) => {
        lists += 1;
        return lists === 1
          ? { standing: [], receipt: 'a.b.c' }
          : world.listing(name, after, after ? [] : [standing(stranger)]);
      },
    };
    const mixed = await world.newTarget({}, rogue);
    mixed.accounts.add(stranger);
    assert.deepEqual(await world.pass(mixed.name), { standing: 1, strays: 1, missing: 0 });
    assert.deepEqual(
      world.reported.map(({ grantId }) => grantId),
      [stranger],
    );
  });

  it('does not believe that a stray is gone without a receipt, and says that it stands', async () => {
    const remove: Undos['remove'] = async ({ grantId }) => ({ ...removal(grantId, true), receipt: 'a.b.c' });
    const target = await world.newTarget({}, { remove });
    const stray = grantIdFrom(randomBytes(17));
    target.accounts.add(stray);
    assert.equal((await world.pass(target.name)).strays, 1);
    assert.deepEqual(
      world.reported.map((it) => [it.grantId, it.removal, typeof it.listed]),
      [[stray, undefined, 'string']],
    );
  });

  // A turn that fails is repeated for half an hour, and no other pass of the target begins meanwhile.
  const nonsense = {
    nothing: undefined,

    'wrong fields': { grantIds: 'x', next: 7 },
    depth: deep(2_800),
  };
  for (const name of ['believed', 'unexplained', 'expected', 'active'] as const) {
    for (const [what, answer] of Object.entries(nonsense)) {
      it(`ends the pass at once when somebody answers ${what} to ${name}, and the next one does the work`, async () => {
        const target = await world.newTarget();
        target.accounts.add(stranger);
        await world.startGrant(target.name, 'ACTIVE', { expireTime: Date.now() + hour });
        await world.listed(target.name, 1);
        world.answers.set(name, answer);
        await assert.rejects((await world.startPass(target.name)).result(), WorkflowFailedError);
        world.answers.clear();
        assert.equal((await world.pass(target.name)).missing, 1);
        assert.equal(target.accounts.size, 0);
      });
    }
  }
});

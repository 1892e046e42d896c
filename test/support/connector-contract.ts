/** What every connector promises, whatever its target; run against the real one by a `connector-contract-<kind>.ts`. */
import assert from 'node:assert/strict';
import { randomGrantId } from '../../api/grant-id.js';
import { type Connector, type Credential, type Order, TargetError } from '../../activities/connectors/connector.js';
import { isTargetError, isUnknown, onceKnown, refuses } from './connector-answers.js';
import type { Ground } from './connector-ground.js';
import { until } from './until.js';

const minute = 60_000;

export function connectorContract<Privilege>(kind: string, prepare: () => Promise<Ground<Privilege>>): void {
  describe(`the ${kind} connector keeps the contract of connectors`, () => {
    let ground: Ground<Privilege>;
    let connector: Connector<Privilege>;
    const signal = new AbortController().signal;

    before(async () => {
      ground = await prepare();
      connector = ground.connector;
    });

    function order(change: Partial<Order<Privilege>> = {}): Order<Privilege> {
      return {
        grantId: randomGrantId(),
        subject: 'person:engineer',
        entitlement: 'orders-db/read',
        privilege: ground.privileges[0],
        durationMs: 10 * minute,
        endBy: Date.now() + 60 * minute,
        evidenceDigest: 'e'.repeat(64),
        signedBy: ['key-1'],
        recipientKey: { kty: 'OKP' },
        attempt: 1,
        ...change,
      };
    }

    async function provisioned(change: Partial<Order<Privilege>> = {}, by = connector) {
      const asked = order(change);
      const { credential, ...standing } = await by.provision(asked, signal);
      assert.ok(credential);
      return { asked, credential, ...standing };
    }

    const listed = async (by = connector): Promise<string[]> => (await by.list(signal)).map(({ grantId }) => grantId);

    async function isRefusedLogin(credential: Credential): Promise<boolean> {
      try {
        await (await ground.login(credential)).close();
        return false;
      } catch {
        return true;
      }
    }

    it('makes an account that can do what the privilege says', async () => {
      const before = Date.now();
      const { asked, credential, endsAt, evidenceDigest } = await provisioned();
      await (await ground.login(credential)).use();
      assert.ok(endsAt >= before + asked.durationMs && endsAt <= Date.now() + asked.durationMs);
      assert.equal(evidenceDigest, asked.evidenceDigest);
    });

    it('ends access no later than the evidence allows', async () => {
      const endBy = Date.now() + 2 * minute;
      assert.equal((await provisioned({ endBy })).endsAt, endBy);
    });

    it('makes nothing when the time that was agreed has passed', async () => {
      const late = order({ endBy: Date.now() - 1 });
      await refuses(connector.provision(late, signal), 'bad-evidence');
      assert.ok(!(await listed()).includes(late.grantId));
    });

    it('answers a repeated order with the same account and end', async () => {
      const first = await provisioned();
      const second = await connector.provision({ ...first.asked, attempt: 2 }, signal);
      assert.deepEqual([second.account, second.endsAt], [first.account, first.endsAt]);
      assert.equal((await listed()).filter((each) => each === first.grantId).length, 1);
      assert.ok(second.credential);
      await (await ground.login(second.credential)).use();
    });

    it('does not let an attempt that arrives late replace a newer credential', async () => {
      const { asked, credential } = await provisioned({ attempt: 2 });
      await assert.rejects(connector.provision({ ...asked, attempt: 1 }, signal), isTargetError);
      await (await ground.login(credential)).use();
    });

    it('keeps one account when two attempts race', async () => {
      const asked = order();
      const answers = await Promise.allSettled(
        [1, 2, 3, 4].map((attempt) => connector.provision({ ...asked, attempt }, signal)),
      );
      const ends = answers.flatMap((each) => (each.status === 'fulfilled' ? [each.value.endsAt] : []));
      assert.equal(new Set(ends).size, 1);
      const last = answers[3];
      assert.ok(last?.status === 'fulfilled' && last.value.credential);
      await (await ground.login(last.value.credential)).use();
    });

    it('refuses an account that was made on other evidence', async () => {
      const { asked } = await provisioned();
      const other = { ...asked, attempt: 2, evidenceDigest: 'f'.repeat(64) };
      await refuses(connector.provision(other, signal), 'bad-evidence');
    });

    it('removes an account and reads back that it is gone', async () => {
      const { grantId, account, credential, targetIdentity } = await provisioned();
      const before = Date.now();
      const removal = await connector.remove(grantId, signal);
      const { removedAt, verifiedAt, ...rest } = removal;
      assert.deepEqual(rest, { grantId, account, wasPresent: true, sessionsEnded: 0, targetIdentity, remarks: [] });
      assert.ok(before <= removedAt && removedAt <= verifiedAt && verifiedAt <= Date.now());
      await assert.rejects(ground.login(credential));
      assert.ok(!(await listed()).includes(grantId));
    });

    it('removes again with the same answer', async () => {
      const { grantId } = await provisioned();
      const first = await connector.remove(grantId, signal);
      const second = await connector.remove(grantId, signal);
      assert.ok(second.verifiedAt >= first.verifiedAt);
      assert.deepEqual(second, { ...first, verifiedAt: second.verifiedAt });
    });

    it('lets two removals of one account run at once', async () => {
      const { grantId, credential } = await provisioned();
      await ground.login(credential);
      const both = await Promise.all([connector.remove(grantId, signal), connector.remove(grantId, signal)]);
      assert.deepEqual(
        both.map(({ wasPresent }) => wasPresent),
        [true, true],
      );
    });

    it('removes what never existed, and refuses it from then on', async () => {
      const never = order();
      const { wasPresent, sessionsEnded, remarks } = await connector.remove(never.grantId, signal);
      assert.deepEqual({ wasPresent, sessionsEnded, remarks }, { wasPresent: false, sessionsEnded: 0, remarks: [] });
      await refuses(connector.provision(never, signal), 'tombstone');
    });

    // A worker that was paused may create the account minutes after the grant ended: access that nobody would remove.
    it('refuses a late order after the removal', async () => {
      const { asked } = await provisioned();
      await connector.remove(asked.grantId, signal);
      await refuses(connector.provision({ ...asked, attempt: 7 }, signal), 'tombstone');
      assert.ok(!(await listed()).includes(asked.grantId));
    });

    it('leaves nothing behind when order and removal race', async () => {
      const orders = Array.from({ length: 12 }, () => order());
      const calls = orders.flatMap((each) => [
        connector.provision(each, signal).catch(() => undefined),
        onceKnown(() => connector.remove(each.grantId, signal)),
      ]);
      await Promise.all(calls);
      const left = (await listed()).filter((each) => orders.some(({ grantId }) => grantId === each));
      assert.deepEqual(left, []);
    });

    it('survives a lost answer to an order', async () => {
      const asked = order();
      await isUnknown((await ground.losingAnswers()).provision(asked, signal));
      const [standing] = (await connector.list(signal)).filter(({ grantId }) => grantId === asked.grantId);
      assert.ok(standing, 'the lost answer was about an account that stands');
      const again = await connector.provision({ ...asked, attempt: 2 }, signal);
      assert.equal(again.endsAt, standing.endsAt);
      assert.ok(again.credential);
      await (await ground.login(again.credential)).use();
    });

    it('survives a lost answer to a removal', async () => {
      const { grantId, credential, asked } = await provisioned();
      await isUnknown((await ground.losingAnswers()).remove(grantId, signal));
      await refuses(connector.provision({ ...asked, attempt: 2 }, signal), 'tombstone');
      assert.equal((await connector.remove(grantId, signal)).wasPresent, true);
      await assert.rejects(ground.login(credential));
    });

    it('lists exactly what is its own', async () => {
      const ours = await provisioned();
      const theirs = await provisioned({}, ground.stranger);
      assert.ok((await listed()).includes(ours.grantId));
      assert.ok(!(await listed()).includes(theirs.grantId));
      assert.deepEqual(await listed(ground.stranger), [theirs.grantId]);
      const [standing] = (await connector.list(signal)).filter(({ grantId }) => grantId === ours.grantId);
      const { account, endsAt, evidenceDigest, grantId, targetIdentity, signedBy } = ours;
      assert.deepEqual(standing, { account, endsAt, evidenceDigest, grantId, targetIdentity, signedBy });
    });

    it('lists in pages what it lists at once, in the order of the grants', async () => {
      for (let made = 0; made < 3; made += 1) await provisioned();
      const all = (await listed()).toSorted();
      const paged: string[] = [];
      for (let page = ['']; page.length > 0;) {
        page = (await connector.list(signal, { after: paged.at(-1) ?? '', most: 2 })).map(({ grantId }) => grantId);
        assert.ok(page.length === Math.min(2, all.length - paged.length), `${page.length} after ${paged.length}`);
        paged.push(...page);
      }
      assert.deepEqual(paged, all);
    });

    it("never touches another installation's account", async () => {
      const theirs = await provisioned({}, ground.stranger);
      await connector.remove(theirs.grantId, signal);
      await (await ground.login(theirs.credential)).use();
      assert.ok((await listed(ground.stranger)).includes(theirs.grantId));
    });

    it('ends live sessions as it declares', async () => {
      const { grantId, credential } = await provisioned();
      const live = [await ground.login(credential), await ground.login(credential)];
      const { sessionsEnded } = await connector.remove(grantId, signal);
      const { endsLiveSessions } = connector.can;
      if (endsLiveSessions === 'no') return;
      assert.equal(sessionsEnded, 2);
      const withinMs = endsLiveSessions === 'yes' ? 500 : endsLiveSessions.withinMs;
      await until(async () => !(await live[0]?.isOpen()) && !(await live[1]?.isOpen()), { withinMs });
    });

    it("refuses logins after the end by the target's own expiry, while nobody removes", async () => {
      const { credential, endsAt } = await provisioned({ durationMs: 1_000 });
      await (await ground.login(credential)).use();
      await until(() => isRefusedLogin(credential), { withinMs: 5_000 });
      assert.ok(Date.now() >= endsAt);
    });

    it('says by which keys its evidence is signed, all that it ever stood on', async () => {
      const { asked } = await provisioned({ signedBy: ['key-2', 'key-1'] });
      const { grantId } = asked;
      const keys = async () => (await connector.list(signal)).find((each) => each.grantId === grantId)?.signedBy;
      assert.deepEqual(await keys(), ['key-1', 'key-2']);
      await connector.renew({ ...asked, renewedAt: Date.now(), signedBy: ['key-3'] }, signal);
      await connector.setEnd?.({ ...asked, signedBy: ['key-4'] }, signal);
      const all = ['key-1', 'key-2', 'key-3', ...(connector.can.movesEnd ? ['key-4'] : [])];
      assert.deepEqual(await keys(), all);
    });

    it('renews the credential of a standing account: the old one is refused at the next login, its end and what is open stay', async () => {
      const { asked, credential, account, endsAt } = await provisioned();
      const open = await ground.login(credential);
      const renewed = await connector.renew({ ...asked, renewedAt: Date.now() }, signal);
      assert.deepEqual(
        [renewed.account, renewed.endsAt, renewed.evidenceDigest],
        [account, endsAt, asked.evidenceDigest],
      );
      assert.ok(renewed.credential);
      await (await ground.login(renewed.credential)).use();
      assert.ok(await isRefusedLogin(credential));
      await open.use();
    });

    it('makes no account by a renewal, before the order and after the removal', async () => {
      const never = order({ renewedAt: Date.now() });
      await refuses(connector.renew(never, signal), 'target-refused');
      assert.ok(!(await listed()).includes(never.grantId));
      const { asked } = await provisioned();
      await connector.remove(asked.grantId, signal);
      await refuses(connector.renew({ ...asked, renewedAt: Date.now() }, signal), 'tombstone');
      assert.ok(!(await listed()).includes(asked.grantId));
    });

    it('renews nothing on other evidence, unasked, or past the end', async () => {
      const { asked } = await provisioned();
      const renewedAt = Date.now();
      await refuses(connector.renew({ ...asked, renewedAt, evidenceDigest: 'f'.repeat(64) }, signal), 'bad-evidence');
      await refuses(connector.renew(asked, signal), 'bad-evidence');
      const brief = await provisioned({ durationMs: 100 });
      await until(() => Date.now() > brief.endsAt);
      await refuses(connector.renew({ ...brief.asked, renewedAt }, signal), 'bad-evidence');
    });

    // Who lost a password and got another must not be locked out by an answer that was on its way for a minute.
    it('lets no late attempt, of an order or of an older renewal, replace the newest credential', async () => {
      const { asked } = await provisioned({ attempt: 3 });
      const renew = (renewedAt: number, attempt: number) => connector.renew({ ...asked, renewedAt, attempt }, signal);
      const at = Date.now();
      await renew(at, 5);
      const { credential } = await renew(at + 1, 2);
      assert.ok(credential);
      await refuses(renew(at, 9), 'bad-evidence');
      await isUnknown(renew(at + 1, 1));
      await refuses(connector.provision({ ...asked, attempt: 9 }, signal), 'target-refused');
      await (await ground.login(credential)).use();
      const { credential: repeated } = await renew(at + 1, 3);
      assert.ok(repeated);
      await (await ground.login(repeated)).use();
    });

    it('moves the end of a standing account, later and earlier, and never past what the evidence allows', async function () {
      if (!connector.can.movesEnd) return;
      const { asked, endsAt, credential } = await provisioned({ durationMs: 5 * minute });
      const { setEnd } = connector;
      assert.ok(setEnd);
      const evidenceDigest = 'a'.repeat(64);
      const moved = async (change: Partial<Order<Privilege>>) =>
        setEnd({ ...asked, evidenceDigest, ...change }, signal);
      const later = await moved({ durationMs: 20 * minute });
      assert.equal(later.endsAt, endsAt + 15 * minute);
      assert.equal((await moved({ durationMs: 20 * minute })).endsAt, later.endsAt);
      assert.equal((await moved({ durationMs: 90 * minute })).endsAt, asked.endBy);
      assert.equal((await connector.list(signal)).find((each) => each.grantId === asked.grantId)?.endsAt, asked.endBy);
      await (await ground.login(credential)).use();
      await moved({ durationMs: 1 });
      await until(() => isRefusedLogin(credential), { withinMs: 2_000 });
    });

    it('ends what stands earlier without any evidence, never later, and changes nothing else', async function () {
      if (!connector.can.movesEnd) return;
      const { shorten } = connector;
      assert.ok(shorten);
      const { asked, credential, ...made } = await provisioned();
      const earlier = made.endsAt - 4 * minute;
      for (const [wish, endsAt] of [
        [made.endsAt + minute, made.endsAt],
        [earlier, earlier],
        [made.endsAt, earlier],
      ] as const) {
        assert.deepEqual(await shorten(asked.grantId, wish, signal), { ...made, endsAt });
        assert.deepEqual(
          (await connector.list(signal)).find((each) => each.grantId === asked.grantId),
          { ...made, endsAt },
        );
      }
      await (await ground.login(credential)).use();
      await shorten(asked.grantId, Date.now(), signal);
      await until(() => isRefusedLogin(credential), { withinMs: 2_000 });
    });

    it('never moves the end of what is over or was never made', async function () {
      if (!connector.can.movesEnd) return;
      const { asked } = await provisioned();
      await connector.remove(asked.grantId, signal);
      const { setEnd, shorten } = connector;
      assert.ok(setEnd && shorten);
      await refuses(setEnd({ ...asked, durationMs: 20 * minute }, signal), 'tombstone');
      await refuses(shorten(asked.grantId, Date.now(), signal), 'tombstone');
      await refuses(shorten(randomGrantId(), Date.now() + minute, signal), 'target-refused');
    });

    it('counts what is made without approval in the creating transaction, also under a race and after removals', async () => {
      const entitlement = `orders-db/${randomGrantId()}`;
      const some = await Promise.allSettled(
        Array.from({ length: 8 }, () => connector.provision(order({ entitlement, automaticPerHour: 3 }), signal)),
      );
      const made = some.flatMap((each) => (each.status === 'fulfilled' ? [each.value.grantId] : []));
      assert.equal(made.length, 3);
      await connector.remove(made[0] ?? '', signal);
      await refuses(connector.provision(order({ entitlement, automaticPerHour: 3 }), signal), 'ceiling-refused');
      // What people approved is not counted, and not refused.
      await connector.provision(order({ entitlement }), signal);
    });

    it('quotes hostile names and texts', async () => {
      const evidenceDigest = `'); DROP ROLE daypass_provisioner; -- \\' " $$ \\x00`;
      const { asked, credential } = await provisioned({ evidenceDigest, privilege: ground.privileges[1] });
      await (await ground.login(credential)).use();
      const [standing] = (await connector.list(signal)).filter(({ grantId }) => grantId === asked.grantId);
      assert.equal(standing?.evidenceDigest, evidenceDigest);
      for (const grantId of ['', "x'; DROP TABLE daypass.account; --", '../..', 'A'.repeat(26), `${'a'.repeat(26)}"`]) {
        await refuses(connector.provision(order({ grantId }), signal), 'target-refused');
        await refuses(connector.remove(grantId, signal), 'target-refused');
      }
    });

    it('says that the outcome is unknown when the target does not answer', async () => {
      const { unreachable } = ground;
      await isUnknown(unreachable.provision(order(), signal));
      await isUnknown(unreachable.renew(order({ renewedAt: Date.now() }), signal));
      await isUnknown(unreachable.remove(randomGrantId(), signal));
      await isUnknown(unreachable.list(signal));
      await isUnknown(unreachable.now(signal));
    });

    it('stops at once when it is told to, and says that the outcome is unknown', async () => {
      await isUnknown(connector.provision(order(), AbortSignal.abort()));
      const soon = AbortSignal.timeout(1);
      await isUnknown(
        (async () => {
          for (;;) await connector.remove(randomGrantId(), soon);
        })(),
      );
    });

    it("tells the time by the target's own clock", async () => {
      const before = Date.now();
      const now = await connector.now(signal);
      assert.ok(now >= before - 1 && now <= Date.now() + 1);
    });

    it('shows no password in what it throws', async () => {
      const { asked, credential } = await provisioned({ attempt: 2 });
      const error = await connector.provision({ ...asked, attempt: 1 }, signal).catch((thrown: unknown) => thrown);
      assert.ok(error instanceof TargetError);
      assert.ok(!JSON.stringify([error.message, error.stack, error.cause, error]).includes(credential.password));
    });
  });
}

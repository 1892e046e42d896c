/** The sweep removes what stands past its end or by a key that leaked, whatever happens to it, and touches nothing else. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { register } from 'prom-client';
import type { Removed } from '../../../activities/connectors/connector.js';
import type { StandingAccount } from '../../../activities/contract.js';
import { sweep, type SweepOptions } from '../../../activities/connectors/sweep.js';
import { createLog } from '../../../activities/platform/log.js';
import { receiptBook, type TestBook } from '../../support/receipt-book.js';
import { until } from '../../support/until.js';

const now = 1_800_000_000_000;

function account(grantId: string, endsAt: number, signedBy = ['pinned']): StandingAccount {
  const evidenceDigest = 'a'.repeat(64);
  return { grantId, account: `daypass_${grantId}`, endsAt, evidenceDigest, targetIdentity: '1', signedBy };
}

/** A target in memory that can be away, hang, or keep one account. */
class FakeTarget {
  standing: StandingAccount[] = [];
  clock = now;
  away = false;
  hangs = false;
  keeps = '';
  hangsOn = '';
  lists = 0;
  atOnce = 0;
  mostAtOnce = 0;

  async now(): Promise<number> {
    return this.call(async () => this.clock);
  }

  async list(): Promise<StandingAccount[]> {
    return this.call(async () => {
      this.lists++;
      return [...this.standing];
    });
  }

  async remove(grantId: string): Promise<Removed> {
    return this.call(async () => {
      if (grantId === this.hangsOn) return new Promise<never>(() => {});
      if (grantId === this.keeps) throw new Error('it will not go');
      this.standing = this.standing.filter((it) => it.grantId !== grantId);
      const at = { removedAt: now, verifiedAt: now };
      return { grantId, account: grantId, ...at, wasPresent: true, sessionsEnded: 0, targetIdentity: '1', remarks: [] };
    });
  }

  private async call<T>(work: () => Promise<T>): Promise<T> {
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.atOnce);
    try {
      if (this.hangs) return await new Promise<never>(() => {});
      if (this.away) throw new Error('connection refused');
      return await work();
    } finally {
      this.atOnce--;
    }
  }
}

describe('the sweep', () => {
  let target: FakeTarget;
  let lines: { msg: string; level: string; lateMs?: number; because?: string }[];
  let stop: AbortController;
  let running: Promise<void>;
  let receipts: TestBook;
  let kids: string[];
  let changed: () => void;
  beforeEach(async () => {
    receipts = await receiptBook('test', 'orders-db');
    kids = ['pinned'];
    changed = () => {};
    target = new FakeTarget();
    lines = [];
    stop = new AbortController();
  });
  afterEach(async () => {
    stop.abort();
    await running;
    await receipts.book.close();
  });

  const keys = {
    current: () => ({ keys: kids.map((kid) => ({ kty: 'OKP', kid })) }),
    onChange: (callback: () => void) => {
      changed = callback;
      return () => {};
    },
  };
  function pin(...pinned: string[]): void {
    kids = pinned;
    changed();
  }

  function start(change: Partial<SweepOptions> = {}): void {
    const log = createLog('test', 'info', (line) => lines.push(JSON.parse(line)));
    const options = {
      target: 'orders-db',
      connector: target,
      keys,
      book: receipts.book,
      log,
      everyMs: 5,
      callMaxMs: 50,
      clock: () => now,
      ...change,
    };
    running = sweep(options, stop.signal);
  }

  const rounds = async (more: number): Promise<void> => {
    const from = target.lists;
    await until(() => target.lists >= from + more);
  };

  it('removes what stood a minute past its end, and nothing else', async () => {
    target.standing = [account('over', now - 60_000), account('young', now - 40_000), account('active', now + 1)];
    start();
    await rounds(2);
    assert.deepEqual(
      target.standing.map((it) => it.grantId),
      ['young', 'active'],
    );
  });

  it('goes by the clock of the target while its own is an hour wrong, either way', async () => {
    for (const wrongMs of [3_600_000, -3_600_000]) {
      target.standing = [account('active', now + 1_000_000), account('over', now - 61_000)];
      stop = new AbortController();
      start({ clock: () => now + wrongMs });
      await rounds(2);
      stop.abort();
      await running;
      assert.deepEqual(
        target.standing.map((it) => it.grantId),
        ['active'],
      );
    }
  });

  it('goes by its own clock, later, when that of the target fell back', async () => {
    target.standing = [account('over', now - 4_200_000), account('recent', now - 4_199_000)];
    target.clock = now - 86_400_000;
    start();
    await rounds(2);
    assert.deepEqual(
      target.standing.map((it) => it.grantId),
      ['recent'],
    );
    assert.ok(lines.some(({ because }) => because === 'past its end by our clock'));
  });

  it('removes what is certain when the target does not say what time it is, and counts that as a failure', async () => {
    target.standing = [account('leaked', now + 1, ['leaked']), account('over', now - 4_200_000), account('late', now)];
    const before = await failureCount();
    target.clock = Number.NaN;
    start();
    await until(() => target.standing.length === 1);
    await until(() => lines.some(({ msg }) => msg.startsWith('sweep cannot reach')));
    assert.equal(target.standing[0]?.grantId, 'late');
    assert.ok((await failureCount()) > before);
    target.clock = now + 60_000;
    await until(() => target.standing.length === 0);
  });

  it('judges each end when its turn comes, also after a removal that hung', async () => {
    target.standing = [account('stuck', now - 200_000), account('turning', now - 59_900)];
    target.hangsOn = 'stuck';
    start({ everyMs: 60_000, callMaxMs: 300 });
    await until(() => target.standing.length === 1);
    assert.equal(target.standing[0]?.grantId, 'stuck');
    assert.equal(target.lists, 1);
  });

  it('says once that the clocks differ, once that they agree again, and how far in the figures', async () => {
    const skew = async () => (await register.getSingleMetric('daypass_target_clock_skew_seconds')?.get())?.values;
    target.clock = now - 5_001;
    start();
    await rounds(3);
    assert.equal((await skew())?.[0]?.value, -5.001);
    target.clock = now + 5_000;
    await rounds(3);
    assert.deepEqual(
      lines.map(({ level, msg }) => [level, msg]),
      [
        ['error', 'the clock of the target and ours differ'],
        ['info', 'the clock of the target and ours agree again'],
      ],
    );
  });

  it('says loudly what it removed and how late, and counts it', async () => {
    const before = await removedCount();
    target.standing = [account('over', now - 90_000)];
    start();
    await until(() => lines.length > 0);
    assert.equal(lines[0]?.level, 'error');
    const lateMs = lines[0]?.lateMs ?? 0;
    assert.ok(lateMs >= 90_000 && lateMs < 100_000, `${lateMs}`);
    assert.equal(await removedCount(), before + 1);
  });

  it('signs a receipt of what it removed', async () => {
    target.standing = [account('over', now - 90_000)];
    start();
    await until(async () => (await receipts.kept()).length === 1);
    const [receipt] = await receipts.kept();
    assert.ok(receipt?.kind === 'swept');
    assert.deepEqual([receipt.grantId, receipt.wasPresent], ['over', true]);
  });

  it('removes what is signed by a key that is no longer pinned, at once and with its receipt', async () => {
    target.standing = [account('leaked', now + 1, ['leaked', 'pinned']), account('sound', now + 1)];
    pin('leaked', 'pinned');
    start({ everyMs: 60_000 });
    await until(() => target.lists === 1);
    pin('pinned');
    await until(() => target.standing.length === 1);
    await until(async () => (await receipts.kept()).length === 1);
    assert.deepEqual([target.standing[0]?.grantId, (await receipts.kept()).map((it) => it.kind)], ['sound', ['swept']]);
  });

  it('removes all that is ours once no key is pinned, and what does not say who signed for it', async () => {
    target.standing = [account('nobody', now + 1, []), account('sound', now + 1)];
    start({ everyMs: 60_000 });
    await until(() => target.standing.length === 1);
    pin();
    await until(() => target.standing.length === 0);
  });

  // A key that leaks while the target is slow must not live on until the next round.
  it('looks again at once when the keys change during a round', async () => {
    target.standing = [account('leaked', now + 1)];
    let isFirst = true;
    const list = target.list.bind(target);
    target.list = async () => {
      const standing = await list();
      if (isFirst) pin();
      isFirst = false;
      return standing;
    };
    start({ everyMs: 60_000 });
    await until(() => target.standing.length === 0);
  });

  it('removes also while no receipt can be kept', async () => {
    target.standing = [account('over', now - 100_000)];
    await writeFile(receipts.dir, 'a file where the folder belongs');
    start();
    await until(() => target.standing.length === 0);
  });

  it('removes what has an end that is no number', async () => {
    target.standing = [account('strange', NaN)];
    start();
    await until(() => target.standing.length === 0);
  });

  it('goes on when one account cannot be removed', async () => {
    target.standing = [account('stuck', now - 200_000), account('over', now - 100_000)];
    target.keeps = 'stuck';
    start();
    await until(() => target.standing.length === 1);
    target.keeps = '';
    await until(() => target.standing.length === 0);
  });

  it('keeps trying while the target is away, in two lines, and removes when it is back', async () => {
    target.standing = [account('over', now - 100_000)];
    target.away = true;
    start();
    await until(() => lines.length === 1);
    target.away = false;
    await until(() => target.standing.length === 0);
    await until(() => lines.some((line) => line.msg.includes('again')));
    assert.equal(lines.filter((line) => line.msg.includes('keeps trying')).length, 1);
  });

  it('gives up a call that hangs, and not the sweep', async () => {
    target.standing = [account('over', now - 100_000)];
    target.hangs = true;
    start();
    await until(() => lines.length === 1);
    target.hangs = false;
    await until(() => target.standing.length === 0);
  });

  it('never overlaps itself', async () => {
    target.standing = Array.from({ length: 20 }, (_, index) => account(`over${index}`, now - 100_000));
    start({ everyMs: 0 });
    await until(() => target.standing.length === 0);
    await rounds(3);
    assert.equal(target.mostAtOnce, 1);
  });

  it('ends at once when asked to, also in the middle of a call that hangs', async () => {
    target.hangs = true;
    start({ everyMs: 60_000, callMaxMs: 60_000 });
    await until(() => target.mostAtOnce === 1);
    stop.abort();
    await running;
    assert.deepEqual(lines, []);
  });
});

async function removedCount(): Promise<number> {
  const values = (await register.getSingleMetric('daypass_sweep_removed_total')?.get())?.values ?? [];
  return values.find((it) => it.labels['target'] === 'orders-db')?.value ?? 0;
}

async function failureCount(): Promise<number> {
  const values = (await register.getSingleMetric('daypass_sweep_failures_total')?.get())?.values ?? [];
  return values.find((it) => it.labels['target'] === 'orders-db')?.value ?? 0;
}

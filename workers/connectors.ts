/**
 * The connector process of one trust zone. It removes what stands past its end from its first second on, with or without
 * Temporal; it serves removals as soon as Temporal is there; and it creates only at targets that were found safe.
 */
import { Worker } from '@temporalio/worker';
import { createAccounts } from '../activities/accounts.js';
import { readZones } from '../activities/zone.js';
import { openBook, type Book } from '../activities/connectors/book.js';
import type { Connector } from '../activities/connectors/connector.js';
import type { Believed } from '../activities/connectors/evidence.js';
import { createPace } from '../activities/connectors/pace.js';
import { openConnector, readPrivileges } from '../activities/connectors/registry.js';
import { sweep } from '../activities/connectors/sweep.js';
import { pageOf } from '../activities/platform/assertion.js';
import { connectorsConfig } from '../activities/platform/config.js';
import {
  readCodecKeys,
  readCredentialPublicKey,
  readSigningKey,
  watchSigningKeys,
  type KeyRing,
  type KeyWatch,
} from '../activities/platform/keys.js';
import { dataConverter } from '../activities/platform/temporal.js';
import { changeQueue, undoQueue } from '../workflows/ids.js';
import { pause, run, serve, type Life } from './run.js';

interface Target {
  believed: Believed<unknown>;
  book: Book;
  /** One each, with connections of its own: no flood of changes can hold up a removal, nor one of those the sweep. */
  change: Connector;
  undo: Connector;
  sweep: Connector;
}

await run('connectors', connectorsConfig, async (life, config) => {
  const keys = await readCodecKeys(config.DAYPASS_CODEC_KEYS_FILE);
  const receiptKey = await readSigningKey(config.DAYPASS_RECEIPT_KEY_FILE);
  const credentialKey = await readCredentialPublicKey(config.DAYPASS_CREDENTIAL_PUBLIC_KEY_FILE);
  const zones = await readZones(config.DAYPASS_ZONE_DIR, process.env);
  const installation = config.DAYPASS_INSTALLATION;
  const page = pageOf(config.DAYPASS_PORTAL_URL);
  const apiKeys = watchSigningKeys(config.DAYPASS_API_KEYS_FILE, life.log);
  const targets = zones.map((zone) => {
    const { target, passkeys } = zone;
    const open = (): Connector => openConnector(zone, installation);
    const change = open();
    const believed: Believed<unknown> = {
      installation,
      target,
      ceilings: readPrivileges(zone, change),
      passkeys,
      page,
      credentialKey,
      // Asked anew for each order: a leaked key is unpinned while we run.
      get apiKeys() {
        return apiKeys.current();
      },
    };
    const book = openBook({ installation, target, key: receiptKey, dir: config.DAYPASS_RECEIPTS_DIR, log: life.log });
    return { believed, book, change, undo: open(), sweep: open() };
  });
  try {
    const serving = targets.map((target) => serveTarget(life, target, keys, apiKeys));
    life.waitsFor.delete('start');
    await Promise.all(serving);
  } finally {
    apiKeys.close();
    await Promise.allSettled(
      targets.flatMap((it) => [it.change, it.undo, it.sweep, it.book].map((one) => one.close())),
    );
  }
});

async function serveTarget(life: Life, target: Target, keys: KeyRing, apiKeys: KeyWatch): Promise<void> {
  const { believed, book, change, undo } = target;
  const { log } = life;
  const name = believed.target;
  const { making, removing } = createPace(change.can.perSecond);
  const common = { dataConverter: dataConverter(keys), shutdownGraceTime: '5s', shutdownForceTime: '15s' } as const;

  const shared = { believed, book, log };
  const { ceiling, provision, renew, setEnd } = createAccounts({ ...shared, connector: change, pace: making });
  const { remove, list } = createAccounts({ ...shared, connector: undo, pace: removing });

  const safe = foundSafe(life, target);
  await Promise.all([
    sweep({ target: name, connector: target.sweep, keys: apiKeys, book, log }, life.stop),
    serve(life, undoQueue(name), (temporal) =>
      Worker.create({
        ...temporal,
        ...common,
        taskQueue: undoQueue(name),
        activities: { remove, list },
        maxConcurrentActivityTaskExecutions: 20,
      }),
    ),
    safe.then(() =>
      serve(life, changeQueue(name), (temporal) =>
        Worker.create({
          ...temporal,
          ...common,
          taskQueue: changeQueue(name),
          activities: { ceiling, provision, renew, setEnd },
          maxConcurrentActivityTaskExecutions: 10,
        }),
      ),
    ),
  ]);
}

/** Nothing is created at a target that was not found safe, nor while nobody could tell what was. Asked again, since its administrator may be mending it. */
async function foundSafe(life: Life, { believed, book, ...connectors }: Target): Promise<void> {
  const privileges = [...believed.ceilings.values()].map((it) => it.privilege);
  let waitsFor = `check of ${believed.target}`;
  let said = '';
  while (!life.stop.aborted) {
    life.waitsFor.add(waitsFor);
    try {
      await book.ready();
      // Each instance by itself: it learns from this what to look after when it removes.
      await Promise.all(Object.values(connectors).map((connector) => connector.check(privileges)));
      life.waitsFor.delete(waitsFor);
      return;
    } catch (error) {
      const because = error instanceof Error ? error.message : String(error);
      life.waitsFor.delete(waitsFor);
      waitsFor = `${believed.target}: ${because}`;
      life.waitsFor.add(waitsFor);
      if (because !== said) life.log.error({ err: error, target: believed.target }, 'nothing is created here');
      said = because;
    }
    await pause(5_000, life.stop);
  }
}

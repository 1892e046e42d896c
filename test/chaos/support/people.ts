/** The people who ask, decide and use while everything around them breaks. They repeat what nobody answered, and believe no answer that did not come. */
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import type { Ask, Client, Grant } from '../../../api/client/client.js';
import { isTerminal } from '../../../workflows/domain/states.js';
import type { Action } from '../../../workflows/domain/view.js';
import { reading, writing } from '../../support/system-grant.js';
import { until } from '../../support/until.js';
import { Ledger, type Told } from './ledger.js';
import type { PlannedGrant, Shape } from './schedule.js';
import type { World } from './world.js';

type Deciding = Extract<Action, 'approve' | 'deny' | 'withdraw' | 'revoke' | 'extend' | 'review'>;

/** Enough for one grant to come and go, with a fault of the longest kind on its way. */
const lifeMs = 180_000;
const reason = 'Asked for while things break.';

export class People {
  readonly ledger = new Ledger();
  private readonly world: World;
  private readonly lives: Promise<void>[] = [];
  private baits = 0;

  constructor(world: World) {
    this.world = world;
  }

  /** Asks for it, and does with it what was planned. What goes wrong is written down. */
  live(plan: PlannedGrant): void {
    const life = this.life(plan).catch((error: unknown) => {
      this.ledger.troubles.push(`grant ${plan.number} (${plan.shape}): ${String(error)}`);
    });
    this.lives.push(life);
  }

  /** One more grant, so that a fault which waits for a certain point meets it soon. */
  bait(shape: Shape, seconds = 5): void {
    this.baits += 1;
    this.live({ number: -this.baits, atMs: 0, shape, seconds, afterMs: 0 });
  }

  async done(): Promise<void> {
    // More may be added by a fault meanwhile.
    for (let index = 0; index < this.lives.length; index += 1) await this.lives[index];
  }

  private async life({ shape, seconds, afterMs, number }: PlannedGrant): Promise<void> {
    const account = accountFor(shape, number);
    const told = await this.asks(account, shape, bodyFor(shape, seconds));
    const requester = this.world.system.as(account);
    switch (shape) {
      case 'denied':
        await this.until(told, requester, (grant) => grant.step !== undefined);
        return this.ends(told, requester, () => this.decides('manager', told, 'deny', { reason }));
      case 'taken-back':
        await pause(afterMs);
        return this.ends(told, requester, () => this.decides(account, told, 'withdraw', { reason }));
      case 'revoked-early':
        await pause(afterMs);
        return this.ends(told, requester, () => this.decides('security', told, 'revoke', { reason }));
      default:
    }
    const active = await this.until(told, requester, ({ state }) => state === 'ACTIVE');
    if (isTerminal(active.state)) return;
    const session = shape === 'used' ? await this.uses(told, requester) : undefined;
    if (shape === 'given-back') {
      await pause(afterMs);
      return this.ends(told, requester, () => this.decides(account, told, 'withdraw', { reason }));
    }
    if (shape === 'revoked') {
      await pause(afterMs);
      return this.ends(told, requester, () => this.decides('security', told, 'revoke', { reason }));
    }
    if (shape === 'extended') await this.decides(account, told, 'extend', { reason, duration: 'PT10S' });
    if (shape === 'terminated') {
      const terminate = (): Promise<string> =>
        this.world.system.temporalCli(told.grantId, 'workflow', 'terminate', '--reason', 'By hand.');
      await until(() => terminate(), { withinMs: 60_000, everyMs: 500, what: 'Temporal does what an operator asks' });
      told.terminatedAt = Date.now();
      return;
    }
    await this.ends(told, requester, async () => undefined);
    if (shape === 'emergency') {
      await this.decides('security', told, 'review', { verdict: 'justified', comment: reason });
    }
    await session?.end().catch(() => undefined);
  }

  private async asks(account: string, shape: Shape, body: Ask): Promise<Told> {
    const { ledger, world } = this;
    const key = randomUUID();
    const askedAt = Date.now();
    const heard = await ledger.insist(() => world.system.as(account).ask(body, key));
    if ('refused' in heard) throw heard.refused;
    const { grantId } = heard.answer;
    const told: Told = { grantId, shape, askedAt, seen: heard.answer };
    ledger.grants.set(grantId, told);
    ledger.accepted.grants.push({ grantId, by: refOf(account), idempotencyKey: key });
    return told;
  }

  /** Follows it to where it should be, or to its end, whichever comes first; whoever is asked on the way approves. */
  private async until(told: Told, requester: Client, isThere: (grant: Grant) => boolean): Promise<Grant> {
    const deadline = Date.now() + lifeMs;
    const approves = !['denied', 'taken-back', 'revoked-early'].includes(told.shape);
    for (;;) {
      const after = told.seen?.changes ?? 0;
      const grant = await requester.next(told.grantId, after, 'PT5S').catch(() => undefined);
      if (grant) told.seen = grant;
      if (grant && (isThere(grant) || isTerminal(grant.state))) return grant;
      if (grant?.step && approves) await this.approves(told, grant.step);
      if (Date.now() > deadline) throw new Error(`${told.grantId} is ${told.seen?.state} after ${lifeMs / 1_000} s`);
      if (!grant) await pause(300);
    }
  }

  private async approves(told: Told, { asked, given = 0 }: NonNullable<Grant['step']>): Promise<void> {
    const turn = ['person:manager', 'group:db-owners', 'group:security'].findIndex((each) => asked.includes(each));
    const by = given > 0 ? undefined : ['manager', 'owner', 'security'][turn];
    if (by !== undefined) await this.decides(by, told, 'approve', {});
  }

  /** Ended by somebody, or by its time: then it must be over soon. */
  private async ends(told: Told, requester: Client, end: () => Promise<unknown>): Promise<void> {
    await end();
    await this.until(told, requester, ({ state }) => isTerminal(state));
  }

  private async decides(account: string, told: Told, action: Deciding, body: object): Promise<void> {
    const { ledger, world } = this;
    const decisionId = randomUUID();
    const client = world.system.as(account);
    const send = client[action].bind(client) as (id: string, body: object) => Promise<object>;
    const heard = await ledger.insist(() => send(told.grantId, { ...body, decisionId }));
    const status = 'refused' in heard ? heard.refused.problem.status : 'recorded' in heard.answer ? 202 : 200;
    ledger.accepted.decisions.push({ grantId: told.grantId, decisionId, action, by: refOf(account), status });
  }

  /** Logs in past all passages, with what was handed over, and stays. */
  private async uses(told: Told, requester: Client): Promise<pg.Client | undefined> {
    const { ordersDb } = this.world.system;
    const collectId = randomUUID();
    const heard = await this.ledger.insist(() => requester.collect(told.grantId, collectId));
    // Its time may be up before the API was back.
    if ('refused' in heard || !heard.answer.credential) return undefined;
    const { username, password, database } = heard.answer.credential;
    const { secrets } = this.ledger.accepted;
    if (secrets && Object.keys(secrets).length < 5) secrets[`password of ${told.grantId}`] = password;
    const session = new pg.Client({ host: ordersDb.host, port: ordersDb.port, database, user: username, password });
    session.on('error', () => undefined);
    try {
      await session.connect();
      return session;
    } catch {
      // The same.
      return undefined;
    }
  }
}

/** Nobody asks more often than the API lets one caller ask. */
function accountFor(shape: Shape, number: number): string {
  if (shape === 'emergency') return 'oncall';
  return Math.abs(number) % 2 === 0 ? 'engineer' : 'oncall';
}

function refOf(account: string): string {
  return `person:${account}`;
}

function bodyFor(shape: Shape, seconds: number): Ask {
  switch (shape) {
    case 'approved':
    case 'denied':
    case 'taken-back':
    case 'revoked-early':
      return writing(seconds);
    case 'emergency': {
      const { justification, ...rest } = writing(seconds);
      return { ...rest, emergency: true, bypassReason: justification };
    }
    case 'scheduled':
      return { ...reading(seconds), scheduledActivationTime: new Date(Date.now() + 4_000).toISOString() };
    case 'terminated':
      // Long enough that neither its own end nor the sweep is what removes it.
      return reading(900);
    default:
      return reading(seconds);
  }
}

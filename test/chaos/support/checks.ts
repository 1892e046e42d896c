/** What must hold after each fault and at the end: asked of the target itself, and of the API for each thing that it ever accepted. */
import type { Instant, Ms } from '../../../workflows/domain/time.js';
import { isTerminal } from '../../../workflows/domain/states.js';
import { until } from '../../support/until.js';
import type { Ledger, Told } from './ledger.js';
import type { World } from './world.js';

/** What waits for a worker that died, or died with it, waits 10 s; one more attempt at the target, and what this machine does beside it. */
const settledWithinMs = 25_000;
/** Reconcile comes every minute, and asks twice. */
const strayWithinMs = 150_000;
/** Removal is on its way in this time. */
const justEndedMs: Ms = 3_000;

/** Nothing that stands is past its end, belongs to a grant that is over, or to none. Answers with what does after all. */
export async function nothingStands(world: World, ledger: Ledger): Promise<string[]> {
  let found: string[] = [];
  await until(async () => (found = await wronglyStanding(world, ledger)).length === 0, {
    withinMs: settledWithinMs,
    everyMs: 250,
    what: 'nothing stands that should not',
  }).catch((error: unknown) => {
    if (found.length === 0) found = [String(error)];
  });
  return found;
}

async function wronglyStanding(world: World, { grants }: Ledger): Promise<string[]> {
  const { at, accounts, sessions } = { at: Date.now(), ...(await world.target()) };
  const standing = new Set(accounts.map(({ grantId }) => grantId));
  return [
    ...accounts.flatMap(({ account, grantId, label }) => {
      const because = whyWrong(grants.get(grantId), label?.endsAt, at);
      return because === undefined ? [] : [`${account} ${because}`];
    }),
    ...sessions
      .filter(({ grantId }) => !standing.has(grantId))
      .map(({ account }) => `a session of ${account} is open, and its account is gone`),
  ];
}

function whyWrong(told: Told | undefined, endsAt: Instant | undefined, now: Instant): string | undefined {
  if (endsAt === undefined) return 'stands without a label';
  if (endsAt + justEndedMs < now) return `stands ${now - endsAt} ms after its end`;
  // Its requester may not have been answered yet: then it is only just being made.
  if (told === undefined) return undefined;
  if (told.terminatedAt !== undefined) {
    return told.terminatedAt + strayWithinMs < now ? 'stands, and its grant was ended by force' : undefined;
  }
  const { seen } = told;
  return seen && isTerminal(seen.state) ? `stands, and its grant is ${seen.state}` : undefined;
}

/** Every grant that was answered with 201 is there. Answers with those that are not. */
export async function nothingLost(world: World, { grants }: Ledger): Promise<string[]> {
  const operator = world.system.as('operator');
  const lost: string[] = [];
  // Those that were seen over are not looked at again: the end does.
  for (const { grantId, seen } of grants.values()) {
    if (seen && isTerminal(seen.state)) continue;
    await until(() => operator.see(grantId), { withinMs: settledWithinMs, everyMs: 250 }).catch((error: unknown) =>
      lost.push(`${grantId} was accepted and is not there: ${String(error)}`),
    );
  }
  return lost;
}

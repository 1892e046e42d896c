/**
 * Decides by itself whether an order is what the API signed and the ceiling allows. Whoever owns the decisions worker, or
 * Temporal, can leave statements out, mix those of different grants and repeat old ones; here is where that ends. Where the
 * ceiling says `attested`, so does what the API can sign in other people's names.
 *
 * Every line of the checklist is one thing made sure of, and refuses by name.
 */
import { z } from 'zod';
import { digest } from '../../workflows/domain/digest.js';
import type { PublicJwk, RequestStatement } from '../../workflows/domain/evidence.js';
import type { Instant, Ms } from '../../workflows/domain/time.js';
import { isGrantId } from '../../workflows/ids.js';
import { minutes, type Ceiling } from '../ceiling.js';
import type { Order } from '../contract.js';
import { keyIdOf } from '../platform/jws.js';
import { keysAt, type JwkSet } from '../platform/keys.js';
import { TargetError, type Order as CheckedOrder } from './connector.js';
import {
  approvalsOf,
  isParty,
  refuseUnlessAutomatic,
  refuseUnlessEmergency,
  refuseUnlessEnough,
  type KnownPasskeys,
} from './evidence-consent.js';
import { aboveCeiling, no, noEvidence, signed, signedAbout } from './evidence-statements.js';
import { skewMaxMs } from './target-clock.js';

/** What this connector believes without asking anybody. */
export interface Believed<Privilege> extends KnownPasskeys {
  installation: string;
  target: string;
  ceilings: ReadonlyMap<string, Ceiling<Privilege>>;
  /** The pinned keys of the API. */
  apiKeys: JwkSet;
  /** Where credentials are sealed to when the request names no key of its own. */
  credentialKey: PublicJwk;
}

export interface Moment {
  /** By our own clock. */
  now: Instant;
  /** How far the target's clock is from ours. Asked only for what is signed, so that junk does not reach the target. */
  skewMs(): Promise<Ms>;
  /** Of the activity, from 1. */
  attempt: number;
}

export type Purpose = 'provision' | 'setEnd' | 'renew';

/** How long the wish for another credential is good. */
const renewalMs = 120_000;
/** The API admits 100 decisions a grant. */
const decisionsMax = 100;

const jws = z.string().max(16_000);
const orderShape = z.strictObject({
  grantId: z.string().refine(isGrantId),
  target: z.string(),
  entitlement: z.string(),
  request: jws,
  approvals: z.array(jws).max(decisionsMax),
  extensions: z.array(z.strictObject({ extension: jws, approvals: z.array(jws).max(decisionsMax) })).max(decisionsMax),
  renewal: jws.optional(),
});

/** Returns what may be made or moved, or throws a TargetError that says which line of the checklist failed. */
export async function checkOrder<Privilege>(
  given: Order,
  purpose: Purpose,
  moment: Moment,
  believed: Believed<Privilege>,
): Promise<CheckedOrder<Privilege>> {
  const { now, attempt } = moment;

  // An order has the shape of one: a message that could not be opened, or is padded with more, is none.
  const read = orderShape.safeParse(given);
  if (!read.success) return noEvidence('The order has not the shape of an order.');
  const order = read.data;

  // It is for the target that this connector serves.
  if (order.target !== believed.target) return noEvidence('The order is for another target.');

  // The ceiling knows the entitlement. What it stands for comes from there, never from the message.
  const ceiling = believed.ceilings.get(order.entitlement);
  if (!ceiling) return aboveCeiling(`The ceiling does not list ${order.entitlement}.`);

  // The request was signed by the API, with a key that counts now, for this installation, grant, target and entitlement.
  const keys = keysAt(now, believed.apiKeys);
  const request = await signed(order.request, 'request', keys);
  if (request.installation !== believed.installation) return noEvidence('The request is for another installation.');
  if (request.grantId !== order.grantId) return noEvidence('The request belongs to another grant.');
  if (request.target !== order.target) return noEvidence('The request is for another target.');
  if (request.entitlement !== order.entitlement) return noEvidence('The request is for another entitlement.');

  // Our clock and the target's agree, since both hold the end of what is made.
  await refuseIfClocksDiffer(moment);

  // By our clock its time has come and has not passed. Only making something has to happen before `activateBy`.
  if (now < request.notBefore - skewMaxMs) return noEvidence('The request may not be activated yet.');
  // Whoever started this has a clock a little ahead of ours: in a moment it is right.
  if (now < request.notBefore) throw new TargetError('unknown', 'bad-evidence', 'The time for this comes in a moment.');
  if (purpose === 'provision' && now > request.activateBy) {
    return noEvidence('The request had to be activated earlier.');
  }

  // People approved it, enough of them; or nobody had to, in an emergency or for as short as this.
  const approvals = await approvalsOf('request', order.approvals, request, keys);
  let durationMs = Math.min(request.longestMs, ceiling.longestMs, ...approvals.map((it) => it.durationMs ?? Infinity));
  const automatic = approvals.length === 0 && !request.emergency;
  if (approvals.length > 0) await refuseUnlessEnough(approvals, ceiling, believed);
  else if (request.emergency) await refuseUnlessEmergency(request, durationMs, ceiling, believed);
  else refuseUnlessAutomatic(durationMs, ceiling);

  // Only what stands is extended, moving its end takes an extension, and another credential takes its subject's wish.
  if (purpose === 'provision' && order.extensions.length > 0) {
    return noEvidence('Nothing is extended before it is made.');
  }
  if (purpose === 'setEnd' && order.extensions.length === 0) return noEvidence('The end moves only with an extension.');
  const renewedAt = purpose === 'renew' ? await wishedAt(order.renewal, request, now, keys) : undefined;
  if (purpose !== 'renew' && order.renewal !== undefined) return noEvidence('A renewal stands where none belongs.');

  // Each extension was asked for by requester or subject, stays under the ceiling, and was approved or needed no approval.
  let endBy = request.endBy;
  for (const { extension: asked, approvals: given } of order.extensions) {
    const extension = await signedAbout(request, asked, 'extend', keys);
    // Its id is the asker's choice: as `request` it would count the approvals of the request as its own.
    if (extension.decisionId === 'request') return noEvidence('An extension cannot be called "request".');
    if (!isParty(extension.actor, request)) return noEvidence('The extension was asked for by somebody else.');
    if (extension.totalMs > ceiling.longestMs) {
      return aboveCeiling(`The ceiling allows ${minutes(ceiling.longestMs)} in all.`);
    }
    const consents = await approvalsOf(extension.decisionId, given, request, keys);
    // A second extension of the same id must not live on the approvals of the first.
    if (consents.some((it) => it.shownMs !== extension.totalMs)) {
      return noEvidence('An approval is of an extension to another duration.');
    }
    // An approver who granted less than was asked is not outvoted by asking for an extension.
    if (consents.length === 0 && approvals.some((it) => it.durationMs !== undefined)) {
      return noEvidence('What an approver shortened is extended by approval only.');
    }
    if (consents.length > 0) await refuseUnlessEnough(consents, ceiling, believed);
    else refuseUnlessAutomatic(extension.totalMs, ceiling);
    durationMs = Math.min(extension.totalMs, ...consents.map((it) => it.durationMs ?? Infinity));
    endBy = extension.endBy;
  }

  // There is time left.
  if (now >= endBy) return noEvidence('All of this had to be over by now.');

  return {
    grantId: order.grantId,
    subject: request.subject,
    entitlement: order.entitlement,
    privilege: ceiling.privilege,
    durationMs,
    endBy,
    evidenceDigest: digest({ request: order.request, approvals: order.approvals, extensions: order.extensions }),
    signedBy: signersOf(order),
    recipientKey: request.recipientKey ?? believed.credentialKey,
    ...(automatic && ceiling.automatic ? { automaticPerHour: ceiling.automatic.perHour } : {}),
    attempt,
    ...(renewedAt === undefined ? {} : { renewedAt }),
  };
}

async function refuseIfClocksDiffer(moment: Moment): Promise<void> {
  const skewMs = await moment.skewMs();
  if (skewMs <= skewMaxMs) return;
  const seconds = Math.round(skewMs / 1_000);
  no('clock-skew', `The target's clock is ${seconds} s away from the connector's; set both by the same time source.`);
}

/** Another credential is for the subject alone, who asked for it a moment ago: an old wish is nobody's to repeat. */
async function wishedAt(
  renewal: string | undefined,
  request: RequestStatement,
  now: Instant,
  keys: JwkSet,
): Promise<Instant> {
  if (renewal === undefined) return noEvidence('Nobody asked for another credential.');
  const { actor, issuedAt } = await signedAbout(request, renewal, 'renew', keys);
  if (actor !== request.subject) return noEvidence('Another credential was asked for by somebody else.');
  if (now - issuedAt > renewalMs || issuedAt - now > skewMaxMs) {
    return noEvidence('Another credential was not asked for within the last two minutes.');
  }
  return issuedAt;
}

/** All of them verified by now. When one of these keys is unpinned, what stands by it goes. */
function signersOf({ request, approvals, extensions, renewal }: Order): string[] {
  const extended = extensions.flatMap((it) => [it.extension, ...it.approvals]);
  const statements = [request, ...approvals, ...extended, ...(renewal === undefined ? [] : [renewal])];
  return [...new Set(statements.map((statement) => keyIdOf(statement) ?? ''))].sort();
}

/**
 * Decides by itself whether an order is what the API signed and the ceiling allows. Whoever owns the decisions worker, or
 * Temporal, can leave statements out, mix those of different grants and repeat old ones; here is where that ends.
 *
 * Every line of the checklist is one thing made sure of, and refuses by name. Assertions of passkeys (`attested` in the
 * ceiling) will be checked beside the signatures, in `approversOf`.
 */
import { z } from 'zod';
import type { Ref } from '../../workflows/domain/actor.js';
import { digest } from '../../workflows/domain/digest.js';
import type {
  ApprovalStatement,
  ExtensionStatement,
  PublicJwk,
  RequestStatement,
  Statement,
} from '../../workflows/domain/evidence.js';
import type { Instant, Ms } from '../../workflows/domain/time.js';
import { isGrantId } from '../../workflows/ids.js';
import { minutes, type Ceiling } from '../ceiling.js';
import type { Order } from '../contract.js';
import { verifyStatement } from '../platform/jws.js';
import type { JwkSet } from '../platform/keys.js';
import { TargetError, type Order as CheckedOrder } from './connector.js';

/** What this connector believes without asking anybody. */
export interface Believed<Privilege> {
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

const skewMaxMs = 5_000;
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
});

/** Returns what may be made or moved, or throws a TargetError that says which line of the checklist failed. */
export async function checkOrder<Privilege>(
  given: Order,
  purpose: 'provision' | 'setEnd',
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

  // The request was signed by the API, for this installation, grant, target and entitlement.
  const request = await verified(order.request, 'request', believed);
  if (request.installation !== believed.installation) return noEvidence('The request is for another installation.');
  if (request.grantId !== order.grantId) return noEvidence('The request belongs to another grant.');
  if (request.target !== order.target) return noEvidence('The request is for another target.');
  if (request.entitlement !== order.entitlement) return noEvidence('The request is for another entitlement.');

  // Our clock and the target's agree, since both hold the end of what is made.
  const skewMs = await moment.skewMs();
  if (!(skewMs <= skewMaxMs)) {
    const seconds = Math.round(skewMs / 1_000);
    return no(
      'clock-skew',
      `The target's clock is ${seconds} s away from the connector's; set both by the same time source.`,
    );
  }

  // By our clock its time has come and has not passed. Moving the end of what stands is later than `activateBy` by nature.
  if (now < request.notBefore - skewMaxMs) return noEvidence('The request may not be activated yet.');
  // Whoever started this has a clock a little ahead of ours: in a moment it is right.
  if (now < request.notBefore) throw new TargetError('unknown', 'bad-evidence', 'The time for this comes in a moment.');
  if (purpose === 'provision' && now > request.activateBy)
    return noEvidence('The request had to be activated earlier.');

  // People approved it, enough of them; or nobody was needed to, for as short as this.
  const approvals = await approvalsOf(order.approvals, 'request', request, believed);
  let durationMs = Math.min(request.longestMs, ceiling.longestMs, ...approvals.map((it) => it.durationMs ?? Infinity));
  const automatic = approvals.length === 0;
  if (automatic) refuseUnlessAutomatic(durationMs, ceiling);
  else refuseUnlessEnough(approvals, ceiling);

  // Only what stands is extended, and moving its end takes an extension.
  if (purpose === 'provision' && order.extensions.length > 0)
    return noEvidence('Nothing is extended before it is made.');
  if (purpose === 'setEnd' && order.extensions.length === 0) return noEvidence('The end moves only with an extension.');

  // Each extension was asked for by requester or subject, stays under the ceiling, and was approved or needed no approval.
  let endBy = request.endBy;
  for (const { extension: signed, approvals: signedApprovals } of order.extensions) {
    const extension = await verified(signed, 'extend', believed);
    refuseUnlessAbout(extension, request);
    // Its id is the asker's choice: as `request` it would count the approvals of the request as its own.
    if (extension.decisionId === 'request') return noEvidence('An extension cannot be called "request".');
    if (!isParty(extension.actor, request)) return noEvidence('The extension was asked for by somebody else.');
    if (extension.totalMs > ceiling.longestMs) {
      return aboveCeiling(`The ceiling allows ${minutes(ceiling.longestMs)} in all.`);
    }
    const consents = await approvalsOf(signedApprovals, extension.decisionId, request, believed);
    // A second extension of the same id must not live on the approvals of the first.
    if (consents.some((it) => it.shownMs !== extension.totalMs)) {
      return noEvidence('An approval is of an extension to another duration.');
    }
    // An approver who granted less than was asked is not outvoted by asking for an extension.
    if (consents.length === 0 && approvals.some((it) => it.durationMs !== undefined)) {
      return noEvidence('What an approver shortened is extended by approval only.');
    }
    if (consents.length === 0) refuseUnlessAutomatic(extension.totalMs, ceiling);
    else refuseUnlessEnough(consents, ceiling);
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
    recipientKey: request.recipientKey ?? believed.credentialKey,
    ...(automatic && ceiling.automatic ? { automaticPerHour: ceiling.automatic.perHour } : {}),
    attempt,
  };
}

/** The approvals of exactly this, each by another person who has no part in it. */
async function approvalsOf<Privilege>(
  signed: string[],
  about: string,
  request: RequestStatement,
  believed: Believed<Privilege>,
): Promise<ApprovalStatement[]> {
  const approvals: ApprovalStatement[] = [];
  for (const one of signed) {
    const approval = await verified(one, 'approve', believed);
    refuseUnlessAbout(approval, request);
    // It approves this, and not the request or another extension.
    if (approval.about !== about) noEvidence('An approval is about something else.');
    // Nobody approves for themselves.
    if (isParty(approval.actor, request)) noEvidence('Requester or subject approved for themselves.');
    // A service cannot approve.
    if (!approval.actor.startsWith('person:')) noEvidence('An approval is not by a person.');
    approvals.push(approval);
  }
  return approvals;
}

async function verified<Type extends Statement['type'], Privilege>(
  signed: string,
  type: Type,
  believed: Believed<Privilege>,
): Promise<Extract<Statement, { type: Type }>> {
  const statement = await verifyStatement(signed, believed.apiKeys).catch((error: unknown) =>
    noEvidence(error instanceof Error ? error.message : 'A statement does not verify.'),
  );
  if (!isOf(statement, type)) return noEvidence('A statement stands where one of another type belongs.');
  return statement;
}

function isOf<Type extends Statement['type']>(
  statement: Statement,
  type: Type,
): statement is Extract<Statement, { type: Type }> {
  return statement.type === type;
}

/** The digest ties a decision to the request as a whole: who, what, why and for how long. */
function refuseUnlessAbout(decision: ApprovalStatement | ExtensionStatement, request: RequestStatement): void {
  if (decision.installation !== request.installation) noEvidence('A decision is for another installation.');
  if (decision.grantId !== request.grantId) noEvidence('A decision belongs to another grant.');
  if (decision.requestDigest !== request.requestDigest) noEvidence('A decision is about another request.');
}

function isParty(actor: Ref, request: RequestStatement): boolean {
  return actor === request.actor || actor === request.subject;
}

/** One person counts once, and only with a group that the ceiling names, as the identity provider stated it. */
function refuseUnlessEnough<Privilege>(approvals: ApprovalStatement[], ceiling: Ceiling<Privilege>): void {
  const { least, groups } = ceiling.approvals;
  const counted = approvals.filter((it) => it.signIn.groups.some((group) => groups.includes(group)));
  const people = new Set(counted.map((it) => it.actor)).size;
  if (people >= least) return;
  aboveCeiling(`The ceiling wants ${least} of ${groups.join(', ')} to approve, and the approvals of ${people} count.`);
}

function refuseUnlessAutomatic<Privilege>(durationMs: Ms, ceiling: Ceiling<Privilege>): void {
  const { automatic } = ceiling;
  if (!automatic) aboveCeiling('The ceiling allows nothing without an approval here.');
  else if (durationMs > automatic.longestMs) {
    aboveCeiling(`Without an approval, the ceiling allows ${minutes(automatic.longestMs)} at most.`);
  }
}

function no(code: TargetError['code'], because: string): never {
  throw new TargetError('refused', code, because);
}

function noEvidence(because: string): never {
  return no('bad-evidence', because);
}

function aboveCeiling(because: string): never {
  return no('ceiling-refused', because);
}

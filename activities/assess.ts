/**
 * Quick questions of a grant to today's policy: may this pass, by which rule and at what risk; who is asked; is the subject
 * still eligible. An expected no is an answer, never a throw.
 */
import type { Reads } from './contract.js';
import type { JwkSet } from './platform/keys.js';
import { verifyStatement } from './platform/jws.js';
import { openStep } from './policy/approvers.js';
import type { PolicyWatch } from './policy/load.js';
import type { Entitlement, Policy } from './policy/policy.js';
import type { Baselines } from './policy/risk/baselines.js';
import type { Facts } from './policy/risk/factors.js';
import { score } from './policy/risk/score.js';
import { span } from './policy/risk/span.js';
import { partsOf } from './policy/schema/common.js';
import { digest } from '../workflows/domain/digest.js';
import type { RequestStatement } from '../workflows/domain/evidence.js';
import { isRefusal, refuse, type Refusal } from '../workflows/domain/failure.js';
import type { Request, SignedRequest } from '../workflows/domain/request.js';
import type { Finding, Risk, Rule } from '../workflows/domain/rule.js';
import type { Instant } from '../workflows/domain/time.js';

export interface ReadDeps {
  policy: Pick<PolicyWatch, 'current'>;
  baselines: Pick<Baselines, 'asked'>;
  /** The API's public signing keys. */
  apiKeys: JwkSet;
  installation: string;
  now?: () => Instant;
}

export function createReads({ policy, baselines, apiKeys, installation, now = Date.now }: ReadDeps): Reads {
  async function assess(input: SignedRequest): Promise<Finding> {
    const today = policy.current();
    const { request } = input;
    const deny = ({ refused: code, because }: Refusal, risk?: Risk): Finding => ({
      verdict: 'deny',
      code,
      because,
      policyVersion: today.version,
      ...(risk === undefined ? {} : { risk }),
    });

    const statement = await evidenceOf(input, apiKeys, installation);
    if (isRefusal(statement)) return deny(statement);
    const entitlement = mayHave(today, request);
    if (isRefusal(entitlement)) return deny(entitlement);
    const wanting = lacks(entitlement, request);
    if (wanting !== undefined) return deny(wanting);

    const facts = factsOf(today, entitlement, request, statement);
    const risk = score({ ...facts, ...(await baselines.asked(request)) }, today.risk);
    if (risk.band === 'refuse') return deny(tooRisky(risk), risk);
    const rule = ruleOf(today, entitlement, risk);
    const barred = today.barred(request, now());
    // Whoever is asked first comes along, which spares every grant a question.
    const [step] = rule.flow.steps;
    const opening = step && openStep(today, { step, request, barred, escalated: false, openedAt: now() }, now());
    return { verdict: 'pass', rule, risk, barred, ...(opening ? { opening } : {}) };
  }

  return {
    assess,
    // The workflow's clock may run ahead of ours where time is skipped, and rotations follow it.
    openStep: (input) => Promise.resolve(openStep(policy.current(), input, Math.max(now(), input.openedAt))),
    stillEligible: ({ request }) => Promise.resolve(stillEligible(policy.current(), request)),
  };
}

/** The API signed exactly this request; otherwise nobody asked. */
async function evidenceOf(
  { request, evidence }: SignedRequest,
  apiKeys: JwkSet,
  installation: string,
): Promise<RequestStatement | Refusal> {
  const bad = (because: string) => refuse('bad-evidence', because);
  try {
    const statement = await verifyStatement(evidence, apiKeys);
    if (statement.type !== 'request') return bad('The signed statement is no request.');
    const { grantId, requester, subject, entitlement, target } = request;
    const same =
      statement.installation === installation &&
      statement.grantId === grantId &&
      statement.actor === requester &&
      statement.subject === subject &&
      statement.entitlement === entitlement &&
      statement.target === target;
    if (!same || statement.requestDigest !== digest(request)) return bad('The signed request says something else.');
    if (statement.longestMs < request.requestedDurationMs) return bad('The signed request is for less time.');
    return statement;
  } catch (error) {
    return bad(error instanceof Error ? error.message : 'The request cannot be verified.');
  }
}

/** Who asks, for whom, for what: the part that is about people. */
function mayHave(policy: Policy, { requester, subject, entitlement, target }: Request): Entitlement | Refusal {
  const refusal = policy.refusalToAsk(requester, entitlement, subject);
  if (refusal !== undefined) return refusal;
  const found = policy.entitlement(entitlement);
  if (found === undefined || found.target !== target) {
    return refuse('unknown-entitlement', `There is no entitlement "${entitlement}" on ${target}.`);
  }
  return found;
}

/** What the request itself must carry. */
function lacks(entitlement: Entitlement, request: Request): Refusal | undefined {
  const { id, minimumMs, maximumMs, justificationMin, ticketRequired } = entitlement;
  const { requestedDurationMs: askedMs, justification, ticket } = request;
  if (!Number.isSafeInteger(askedMs) || askedMs < minimumMs) {
    return refuse('invalid', `The shortest time for ${id} is ${span(minimumMs)}; ask for that or longer.`);
  }
  if (askedMs > maximumMs) {
    return refuse('duration-too-long', `The longest time for ${id} is ${span(maximumMs)}; ask for that or less.`);
  }
  // Characters as people count them, not code units.
  const letters = [...justification.trim()].length;
  if (letters < justificationMin) {
    return refuse(
      'justification-too-short',
      `Say why in at least ${justificationMin} characters; this is ${letters === 1 ? 'one' : letters}.`,
    );
  }
  if (ticketRequired && (ticket === undefined || ticket.system.trim() === '' || ticket.number.trim() === '')) {
    return refuse('ticket-required', `${id} needs a ticket: name its system and number.`);
  }
  return undefined;
}

function factsOf(
  policy: Policy,
  entitlement: Entitlement,
  request: Request,
  statement: RequestStatement,
): Omit<Facts, 'requester' | 'subject'> {
  const { kind, id } = partsOf(request.subject);
  const person = kind === 'person' ? policy.person(id) : undefined;
  return {
    entitlement: entitlement.id,
    sensitivity: entitlement.sensitivity,
    durationMs: request.requestedDurationMs,
    defaultMs: entitlement.defaultMs,
    askedAt: request.requestTime,
    startsAt: request.scheduledActivationTime ?? request.requestTime,
    signInTime: statement.signIn.time,
    hasTicket: request.ticket !== undefined,
    byService: partsOf(request.requester).kind === 'service',
    ...(person === undefined ? {} : { person: { timeZone: person.timeZone, hours: person.hours } }),
  };
}

function tooRisky({ score: points, factors }: Risk): Refusal {
  const most = [...factors].sort((one, other) => other.points - one.points).slice(0, 3);
  const reasons = most.filter((factor) => factor.points > 0).map((factor) => factor.evidence);
  return refuse('risk-refused', `The risk is ${points} of 100, which is refused. ${reasons.join(' ')}`);
}

/** The rules that the grant keeps for its whole life, all from this one entitlement. */
function ruleOf(policy: Policy, entitlement: Entitlement, { band, missing }: Risk): Rule {
  const { id, title, target, sensitivity, maximumMs, flows, extension } = entitlement;
  const automatic = band === 'low' && flows.low === 'automatic' && missing.length === 0;
  const low = flows.low === 'automatic' ? flows.elevated : flows.low;
  return {
    entitlement: id,
    title,
    target,
    sensitivity,
    maximumMs,
    automatic,
    flow: band === 'low' ? low : band === 'elevated' ? flows.elevated : flows.high,
    extension,
    policyVersion: policy.version,
  };
}

function stillEligible(policy: Policy, request: Request): { eligible: boolean; because: string } {
  const { subject, entitlement, target } = request;
  const name = policy.nameOf(subject);
  const no = (because: string) => ({ eligible: false, because });
  const found = policy.entitlement(entitlement);
  if (found === undefined || found.target !== target) return no(`The entitlement ${entitlement} no longer exists.`);
  if (!policy.isActive(subject)) return no(`${name} is no longer active in the directory.`);
  if (!policy.isEligible(subject, entitlement)) return no(`${name} is no longer eligible for ${entitlement}.`);
  return { eligible: true, because: `${name} is eligible for ${entitlement}.` };
}

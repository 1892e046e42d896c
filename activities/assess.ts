/**
 * Quick questions of a grant to today's policy: may this pass, by which rule and at what risk; who is asked; is the subject
 * still eligible. An expected no is an answer, never a throw.
 */
import { whyNotAttested } from './attested.js';
import type { Eligibility, Reads } from './contract.js';
import { keysAt, type JwkSet, type KeyWatch, type Watch } from './platform/keys.js';
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
import type { ReceiptKey } from '../workflows/domain/receipt.js';
import type { Request, SignedRequest } from '../workflows/domain/request.js';
import type { Finding, Risk, Rule } from '../workflows/domain/rule.js';
import type { Instant, Ms } from '../workflows/domain/time.js';

export interface ReadDeps {
  policy: Pick<PolicyWatch, 'current'>;
  baselines: Pick<Baselines, 'asked'>;
  /** The API's public signing keys. */
  apiKeys: Pick<KeyWatch, 'current'>;
  /** Whose receipts count, by target. */
  receiptKeys: Pick<Watch<ReceiptKey[]>, 'current'>;
  installation: string;
  now?: () => Instant;
}

export function createReads(deps: ReadDeps): Reads {
  const { policy, baselines, apiKeys, installation, now = Date.now } = deps;
  const receiptKeysOf = (target: string) =>
    deps.receiptKeys.current().filter(({ targets }) => targets.includes(target));

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

    const statement = await evidenceOf(input, keysAt(now(), apiKeys.current()), installation);
    if (isRefusal(statement)) return deny(statement);
    const entitlement = mayHave(today, request);
    if (isRefusal(entitlement)) return deny(entitlement);
    const wanting = lacks(entitlement, request) ?? unproved(entitlement, statement);
    if (wanting !== undefined) return deny(wanting);

    const facts = factsOf(today, entitlement, request, statement);
    const risk = score({ ...facts, ...(await baselines.asked(request)) }, today.risk);
    // An emergency is for when nobody can be asked: its risk is for the reviewers to see, and stops nothing.
    if (risk.band === 'refuse' && !request.emergency) return deny(tooRisky(risk), risk);
    const rule = ruleOf(today, entitlement, risk, request);
    const barred = today.barred(request, now());
    // Whoever is asked first comes along, which spares every grant a question.
    const [step] = request.emergency ? [] : rule.flow.steps;
    const opening = step && openStep(today, { step, request, barred, escalated: false, openedAt: now() }, now());
    return {
      verdict: 'pass',
      rule,
      risk,
      barred,
      receiptKeys: receiptKeysOf(request.target),
      ...(opening ? { opening } : {}),
    };
  }

  return {
    assess,
    // The workflow's clock may run ahead of ours where time is skipped, and rotations follow it.
    openStep: (input) => Promise.resolve(openStep(policy.current(), input, Math.max(now(), input.openedAt))),
    stillEligible: async ({ request, evidence }) => {
      const receiptKeys = receiptKeysOf(request.target);
      const eligible = stillEligible(policy.current(), request);
      if (!eligible.eligible || (await areBelieved(evidence, apiKeys.current()))) return { ...eligible, receiptKeys };
      return { eligible: false, because: 'The key that signed it is no longer believed.', receiptKeys };
    },
  };
}

/**
 * A leaked key is unpinned, and what it signed ends: it may have signed this too. A retired one keeps what it signed in its
 * time: what stands is not ended by a rotation.
 */
async function areBelieved(evidence: string[], apiKeys: JwkSet): Promise<boolean> {
  const verified = evidence.map((jws) => verifyStatement(jws, apiKeys));
  return (await Promise.allSettled(verified)).every(({ status }) => status === 'fulfilled');
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
      statement.target === target &&
      statement.emergency === request.emergency;
    if (!same || statement.requestDigest !== digest(request)) return bad('The signed request says something else.');
    if (statement.longestMs < request.requestedDurationMs) return bad('The signed request is for less time.');
    return statement;
  } catch (error) {
    return bad(error instanceof Error ? error.message : 'The request cannot be verified.');
  }
}

/** Who asks, for whom, for what: the part that is about people. */
function mayHave(policy: Policy, request: Request): Entitlement | Refusal {
  const { requester, subject, entitlement, target, emergency } = request;
  const refusal = emergency
    ? policy.refusalOfEmergency(requester, entitlement, subject)
    : policy.refusalToAsk(requester, entitlement, subject);
  if (refusal !== undefined) return refusal;
  const found = policy.entitlement(entitlement);
  if (found === undefined || found.target !== target) {
    return refuse('unknown-entitlement', `There is no entitlement "${entitlement}" on ${target}.`);
  }
  return found;
}

/** What the request itself must carry. */
function lacks(entitlement: Entitlement, request: Request): Refusal | undefined {
  const { id, minimumMs, justificationMin, ticketRequired } = entitlement;
  const { requestedDurationMs: askedMs, justification, ticket, emergency, scheduledActivationTime } = request;
  const longestMs = emergency ? (entitlement.emergency?.longestMs ?? 0) : entitlement.maximumMs;
  if (!Number.isSafeInteger(askedMs) || askedMs < minimumMs) {
    return refuse('invalid', `The shortest time for ${id} is ${span(minimumMs)}; ask for that or longer.`);
  }
  if (askedMs > longestMs) {
    const when = emergency ? ' in an emergency' : '';
    return refuse(
      'duration-too-long',
      `The longest time for ${id}${when} is ${span(longestMs)}; ask for that or less.`,
    );
  }
  // Characters as people count them, not code units.
  const letters = [...justification.trim()].length;
  if (letters < justificationMin) {
    return refuse(
      'justification-too-short',
      `Say why in at least ${justificationMin} characters; this is ${letters === 1 ? 'one' : letters}.`,
    );
  }
  if (emergency) {
    // Nobody has time to open a ticket, nor a reason to come back later.
    return scheduledActivationTime === undefined
      ? undefined
      : refuse('emergency-refused', 'An emergency starts now; ask the ordinary way for what starts later.');
  }
  if (ticketRequired && (ticket === undefined || ticket.system.trim() === '' || ticket.number.trim() === '')) {
    return refuse('ticket-required', `${id} needs a ticket: name its system and number.`);
  }
  return undefined;
}

/** How recent a step-up must be when access is asked for. */
const stepUpFreshMs: Ms = 5 * 60_000;

/** What whoever asks must have proved about themselves. */
function unproved(entitlement: Entitlement, statement: RequestStatement): Refusal | undefined {
  const { signIn, issuedAt, emergency } = statement;
  if (entitlement.stepUp === 'request') {
    const age = issuedAt - (signIn.stepUp ?? 0);
    if (age < 0 || age > stepUpFreshMs) {
      return refuse(
        'step-up-required',
        `${entitlement.id} is asked for with a passkey that was proved in the last five minutes; prove yours and ask again.`,
      );
    }
  }
  return whyNotAttested(statement, emergency === true && entitlement.emergency?.passkey === true);
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
function ruleOf(policy: Policy, entitlement: Entitlement, { band, missing }: Risk, request: Request): Rule {
  const { id, title, target, sensitivity, maximumMs, flows, extension, emergency, stepUp } = entitlement;
  const automatic = !request.emergency && band === 'low' && flows.low === 'automatic' && missing.length === 0;
  const low = flows.low === 'automatic' ? flows.elevated : flows.low;
  return {
    entitlement: id,
    title,
    target,
    sensitivity,
    maximumMs,
    automatic,
    flow: band === 'low' ? low : band === 'elevated' ? flows.elevated : flows.high,
    extension: request.emergency ? { ...extension, automaticUpToMs: 0 } : extension,
    ...(emergency === undefined
      ? {}
      : { emergency: { longestMs: emergency.longestMs, reviewers: emergency.reviewers } }),
    ...(stepUp === 'collection' ? { stepUpAtCollection: true } : {}),
    policyVersion: policy.version,
  };
}

function stillEligible(policy: Policy, request: Request): Omit<Eligibility, 'receiptKeys'> {
  const { subject, entitlement, target, emergency } = request;
  const name = policy.nameOf(subject);
  const no = (because: string) => ({ eligible: false, because });
  const found = policy.entitlement(entitlement);
  if (found === undefined || found.target !== target) return no(`The entitlement ${entitlement} no longer exists.`);
  if (!policy.isActive(subject)) return no(`${name} is no longer active in the directory.`);
  if (!policy.isEligible(subject, entitlement, emergency ? 'emergency' : 'ordinary')) {
    return no(`${name} is no longer eligible for ${entitlement}.`);
  }
  return { eligible: true, because: `${name} is eligible for ${entitlement}.` };
}

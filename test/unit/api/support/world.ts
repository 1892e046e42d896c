/** Handlers over one grant that is given, without Temporal: for tables of who may do what. */
import type { HandlerDeps } from '../../../../api/handlers/deps.js';
import { createHandlers, type Handlers } from '../../../../api/handlers.js';
import type { Decision, Grants } from '../../../../api/grants.js';
import { initialView, type Found } from '../../../../api/memo.js';
import { Problem } from '../../../../api/problem.js';
import { createSigner, type Approval, type Terms } from '../../../../api/sign.js';
import type { Actor } from '../../../../api/identity/actor.js';
import { createSealer } from '../../../../api/identity/seal.js';
import type { Policy } from '../../../../activities/policy/policy.js';
import { createLog } from '../../../../activities/platform/log.js';
import type { Challenged } from '../../../../workflows/domain/challenge.js';
import type { Request } from '../../../../workflows/domain/request.js';
import { isTerminal } from '../../../../workflows/domain/states.js';
import type { GrantView } from '../../../../workflows/domain/view.js';
import type { Collected } from '../../../../workflows/messages.js';
import { examplePolicy } from '../../../support/policy.js';

export const grantId = '0'.repeat(26);
const example = examplePolicy();

export const request: Request = {
  grantId,
  requester: 'person:engineer',
  subject: 'person:engineer-2',
  requesterName: 'Engineer',
  subjectName: 'Second engineer',
  entitlement: 'orders-db/read',
  target: 'orders-db',
  justification: 'Look into a late order.',
  requestedDurationMs: 900_000,
  requestTime: Date.now() - 60_000,
};

export interface GivenGrant {
  view?: Partial<GrantView>;
  found?: Partial<Found>;
  collected?: Collected;
  /** Access that is being set up is there while the call that collects it waits. */
  brisk?: true;
  /** What is inside of what the connector sealed. */
  inside?: Record<string, unknown>;
  /** The grant is found under every id. */
  anyId?: true;
  /** Instead of the grant. */
  unreadable?: Error;
  /** Instead of the example. */
  policy?: Policy;
  /** What the grant shows once it was sent a decision. */
  then?: (decision: Decision) => Partial<GrantView>;
  /** Called with the number of each look at the grant, once it has been seen. */
  looked?: (look: number) => void;
  /** Everybody is, unless a test says otherwise. */
  stillKnown?: HandlerDeps['stillKnown'];
}

export interface World {
  handlers: Handlers;
  /** Decisions that reached Temporal. */
  sent: Decision[];
  /** What the API put its signature under. */
  signed: Approval[];
  /** What passkeys were checked over. */
  attested: Challenged[];
  /** Grants that were started. */
  started: Request[];
  /** On which terms their requests were signed. */
  terms: Terms[];
  /** How often the credential was asked of the grant. */
  collected: () => number;
  /** The grant changes, and whoever watches it hears that. */
  becomes: (view: Partial<GrantView>) => void;
}

export function worldOf(given: GivenGrant = {}): World {
  const {
    view,
    found,
    collected,
    brisk,
    inside,
    anyId,
    unreadable,
    policy = example,
    then,
    looked,
    stillKnown,
  } = given;
  const sent: Decision[] = [];
  const signed: Approval[] = [];
  const attested: Challenged[] = [];
  const started: Request[] = [];
  const signedOn: Terms[] = [];
  let collections = 0;
  let looks = 0;
  let ring = (): void => undefined;
  const real = createSigner('test', { kty: 'OKP', d: '' });
  const grant: Found = {
    request,
    bodyDigest: '',
    historyLength: 20,
    view: { ...initialView(request), asked: ['person:manager', 'group:db-owners'], ...view },
    ...found,
  };
  const missing = () => Promise.reject(new Error('not part of this test'));
  const grants: Grants = {
    start: ({ request: asked }) => {
      started.push(asked);
      return Promise.resolve(true);
    },
    list: missing,
    record: () => Promise.resolve([]),
    ping: missing,
    find: (id) => {
      const seen = { ...grant };
      looks += 1;
      looked?.(looks);
      return unreadable ? Promise.reject(unreadable) : Promise.resolve(anyId || id === grantId ? seen : undefined);
    },
    decisionsSoFar: () => Promise.resolve(0),
    decide: (id, decision) => {
      const isThere = unreadable !== undefined || anyId === true || id === grantId;
      const isClosed = isTerminal(grant.view.state) && decision.action !== 'review';
      if (!isThere || isClosed) return Promise.resolve({ is: 'too-late' });
      sent.push(decision);
      grant.view = { ...grant.view, ...then?.(decision) };
      return Promise.resolve({ is: 'recorded' });
    },
    collect: (_id, _collect, isSetUp) => {
      if (!isSetUp && !brisk) return Promise.reject(new Problem('not-active', 'It is not set up yet.'));
      collections += 1;
      return collected ? Promise.resolve(collected) : missing();
    },
  };
  const deps: HandlerDeps = {
    grants,
    policy: () => policy,
    signer: {
      request: (_request, _by, terms) => {
        signedOn.push(terms);
        return Promise.resolve('signed request');
      },
      approval: (_request, _by, approval) => {
        signed.push(approval);
        return Promise.resolve('signed approval');
      },
      extension: () => Promise.resolve('signed extension'),
      renewal: () => Promise.resolve('signed renewal'),
      review: (_request, _by, { verdict }) => Promise.resolve(`signed review: ${verdict}`),
      passkey: missing,
      challenged: real.challenged,
    },
    passkeys: {
      verifyDecision: (_actor, decided, assertion) => {
        if (assertion.signature === 'wrong') throw new Problem('passkey-refused', 'The signature is wrong.');
        attested.push(decided);
        return Promise.resolve();
      },
    },
    sealer: createSealer(new Uint8Array(32)),
    live: {
      watch: (_id, changed) => {
        ring = changed;
        return () => undefined;
      },
      tell: () => undefined,
      onSignOut: () => () => undefined,
    },
    stillKnown: stillKnown ?? ((actor) => Promise.resolve(actor)),
    log: createLog('test', 'fatal', () => undefined),
    openCredential: () => Promise.resolve({ grantId, subject: grant.view.subject, ...inside }),
    temporalUi: () => undefined,
  };
  return {
    handlers: createHandlers(deps),
    sent,
    signed,
    attested,
    started,
    terms: signedOn,
    collected: () => collections,
    becomes: (change) => {
      grant.view = { ...grant.view, ...change };
      ring();
    },
  };
}

export function actorOf(id: string): Actor {
  const ref = id.includes(':') ? id : `person:${id}`;
  return {
    ref,
    name: example.nameOf(ref),
    signIn: { time: Date.now() - 3_600_000, methods: ['pwd'], groups: [] },
    groups: example.groupsOf(ref),
    roles: example.rolesOf(ref),
    by: 'bearer',
    madeAt: Date.now() - 60_000,
    until: Date.now() + 60_000,
    signOutsKnown: true,
  };
}

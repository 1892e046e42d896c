/** Signed requests and decisions for tests, with a signing key of their own. */
import { exportJWK, generateKeyPair } from 'jose';
import type { JwkSet, PrivateJwk } from '../../activities/platform/keys.js';
import { signStatement } from '../../activities/platform/jws.js';
import { challengeOf, type Challenged } from '../../workflows/domain/challenge.js';
import { digest } from '../../workflows/domain/digest.js';
import type {
  ApprovalStatement,
  Assertion,
  ExtensionStatement,
  RenewalStatement,
  RequestStatement,
  ReviewStatement,
} from '../../workflows/domain/evidence.js';
import type { Request, SignedRequest } from '../../workflows/domain/request.js';

export const installation = 'test';

const grantId = '0123456789abcdefghjkmnpqrs';

/** A request of the engineer to read for 15 minutes, on a Wednesday at noon in Berlin, unless told otherwise. */
export function requestOf(changes: Partial<Request> = {}): Request {
  const requester = changes.requester ?? 'person:engineer';
  return {
    grantId,
    requester,
    subject: requester,
    requesterName: requester,
    subjectName: changes.subject ?? requester,
    entitlement: 'orders-db/read',
    target: 'orders-db',
    justification: 'Look into a late order.',
    requestedDurationMs: 900_000,
    requestTime: Date.parse('2026-09-16T10:00:00Z'),
    ...changes,
  };
}

export interface TestApi {
  keys: JwkSet;
  /** The same, where a watch is expected. */
  pinned: { current(): JwkSet };
  request(request: Request, changes?: Partial<RequestStatement>): Promise<SignedRequest>;
  approval(request: Request, actor: string, changes?: Partial<ApprovalStatement>): Promise<string>;
  extension(request: Request, actor: string, changes?: Partial<ExtensionStatement>): Promise<string>;
  renewal(request: Request, actor: string, changes?: Partial<RenewalStatement>): Promise<string>;
  review(request: Request, actor: string, changes?: Partial<ReviewStatement>): Promise<string>;
}

export async function testApi(): Promise<TestApi> {
  const { privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
  const jwk = { ...(await exportJWK(privateKey)), kid: 'test' } as PrivateJwk;
  const signed = (request: Request, actor: string) => ({
    installation,
    grantId: request.grantId,
    requestDigest: digest(request),
    actor,
    signIn: { time: request.requestTime - 60_000, methods: ['pwd'], groups: [] },
    issuedAt: request.requestTime,
  });
  const keys: JwkSet = { keys: [{ kty: jwk.kty, crv: jwk.crv, x: jwk.x, kid: jwk.kid }] };
  return {
    keys,
    pinned: { current: () => keys },
    async request(request, changes = {}) {
      const { requestTime, requestedDurationMs, entitlement, target, subject } = request;
      const statement: RequestStatement = {
        type: 'request',
        ...signed(request, request.requester),
        entitlement,
        target,
        subject,
        notBefore: requestTime,
        activateBy: requestTime + 3_600_000,
        endBy: requestTime + 3_600_000 + requestedDurationMs,
        longestMs: Math.max(1, requestedDurationMs),
        ...(request.emergency ? { emergency: true } : {}),
        ...changes,
      };
      return { request, evidence: await signStatement(statement, jwk) };
    },
    approval: (request, actor, changes = {}) =>
      signStatement(
        { type: 'approve', ...signed(request, actor), decisionId: 'd1', about: 'request', step: 0, ...changes },
        jwk,
      ),
    extension: (request, actor, changes = {}) => {
      const endBy = request.requestTime + 7_200_000;
      return signStatement(
        { type: 'extend', ...signed(request, actor), decisionId: 'd1', totalMs: 3_600_000, endBy, ...changes },
        jwk,
      );
    },
    renewal: (request, actor, changes = {}) =>
      signStatement({ type: 'renew', ...signed(request, actor), decisionId: 'd1', ...changes }, jwk),
    review: (request, actor, changes = {}) =>
      signStatement(
        { type: 'review', ...signed(request, actor), decisionId: 'd1', verdict: 'justified', ...changes },
        jwk,
      ),
  };
}

/** What a passkey would answer for this statement; nothing here checks its signature. */
export function assertionFor(statement: Challenged, nonce = 'A'.repeat(22)): Assertion {
  const challenge = Buffer.from(challengeOf(statement, nonce), 'utf8').toString('base64url');
  const clientData = { type: 'webauthn.get', challenge, origin: 'http://localhost:7300' };
  return {
    credentialId: 'AAAA',
    authenticatorData: 'AAAA',
    clientDataJSON: Buffer.from(JSON.stringify(clientData), 'utf8').toString('base64url'),
    signature: 'AAAA',
    nonce,
  };
}

/** Bearer tokens of the identity provider (RFC 9068), for services and command lines: short, and meant for this API alone. */
import { createRemoteJWKSet, errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose';
import type { Instant } from '../../workflows/domain/time.js';
import { Problem } from '../problem.js';

/** A longer token would be a password: it cannot be taken back before it ends. */
const longestSeconds = 600;
const toleranceSeconds = 5;

export interface Bearer {
  /** A person's account, or a client of its own. */
  kind: 'person' | 'client';
  id: string;
  /** When the person signed in, or the token was made. */
  signInTime: Instant;
  issuedAt: Instant;
  methods: string[];
  groups: string[];
  until: Instant;
}

export interface BearerOptions {
  issuer: string;
  audience: string;
  keys: JWTVerifyGetKey;
}

/** Keys are fetched when first needed, and again when a token names one that is unknown. */
export function remoteKeys(jwksUri: string): JWTVerifyGetKey {
  return createRemoteJWKSet(new URL(jwksUri), { timeoutDuration: 3_000, cooldownDuration: 10_000 });
}

/** Throws `unauthenticated` with a sentence that names what is wrong, never the token. */
export async function readBearer(token: string, { issuer, audience, keys }: BearerOptions): Promise<Bearer> {
  const claims = await verified(token, { issuer, audience, keys });
  const { sub, iat, exp } = claims;
  // The library looks at times, and takes any JSON for a subject.
  if (typeof sub !== 'string' || iat === undefined || exp === undefined) throw unauthenticated('lacks sub, iat or exp');
  if (exp - iat > longestSeconds) throw unauthenticated('lives longer than 10 minutes; ask for a shorter one');
  if (iat > Date.now() / 1_000 + toleranceSeconds) throw unauthenticated('was issued in the future');
  const signInTime = signInTimeOf(claims['auth_time'], iat);
  if (signInTime === undefined) throw unauthenticated('says that its person will sign in later (auth_time)');
  return {
    // RFC 9068: a client that acts for itself is its own subject. Nothing else may pass for a service.
    kind: sub === claims['client_id'] ? 'client' : 'person',
    id: sub,
    signInTime,
    issuedAt: instantOf(iat),
    methods: methods(claims['amr']),
    groups: names(claims['groups']),
    until: instantOf(exp),
  };
}

async function verified(token: string, { issuer, audience, keys }: BearerOptions): Promise<JWTPayload> {
  try {
    const { payload } = await jwtVerify(token, keys, {
      issuer,
      audience,
      // Pinned: with `none` or a symmetric algorithm a token could vouch for itself, and an ID token is not an access token.
      algorithms: ['ES256'],
      typ: 'at+jwt',
      clockTolerance: toleranceSeconds,
      requiredClaims: ['sub', 'iat', 'exp', 'client_id'],
    });
    return payload;
  } catch (error) {
    if (error instanceof errors.JWTExpired) throw unauthenticated('is expired; ask for a new one', error);
    if (error instanceof errors.JWTClaimValidationFailed) {
      throw unauthenticated(`has a wrong or missing "${error.claim}"`, error);
    }
    if (error instanceof errors.JOSEAlgNotAllowed) throw unauthenticated('is not signed with ES256', error);
    if (error instanceof errors.JWKSTimeout || isUnreachable(error)) {
      throw new Problem('identity-unavailable', "The identity provider's keys cannot be fetched; try again soon.", {
        cause: error,
        retryAfterSeconds: 5,
      });
    }
    throw unauthenticated('is not one of the identity provider', error);
  }
}

function unauthenticated(what: string, cause?: unknown): Problem {
  return new Problem('unauthenticated', `The bearer token ${what}.`, { cause });
}

function isUnreachable(error: unknown): boolean {
  return error instanceof TypeError || (error instanceof errors.JOSEError && error.code === 'ERR_JOSE_GENERIC');
}

/** Tokens may count fractions of seconds (RFC 7519); what we sign does not. */
function instantOf(seconds: number): Instant {
  return Math.floor(seconds * 1_000);
}

/** When the person signed in; undefined for a time to come: that sign-in would stay a fresh one for as long. */
export function signInTimeOf(authTime: unknown, issuedAt: number): Instant | undefined {
  const seconds = typeof authTime === 'number' ? authTime : issuedAt;
  return seconds >= 0 && seconds <= Date.now() / 1_000 + toleranceSeconds ? instantOf(seconds) : undefined;
}

/** As many, and as long ones, as a statement can hold: what cannot be signed is no name. */
const nameMax = 200;
const methodsMax = 20;

/** Claims that list names: an array of texts, or nothing. */
export function names(claim: unknown): string[] {
  const isName = (name: unknown): name is string =>
    typeof name === 'string' && name.length > 0 && name.length <= nameMax;
  return Array.isArray(claim) ? claim.filter(isName).slice(0, 200) : [];
}

/** How somebody signed in (RFC 8176). */
export function methods(claim: unknown): string[] {
  return names(claim).slice(0, methodsMax);
}

/** A route is a declaration and one call. Guards, the OpenAPI document and the rights test all come from the declaration. */
import { type NextFunction, type Request, type RequestHandler, type Response, type Router } from 'express';
import { z } from 'zod';
import type { FailureCode } from '../workflows/domain/failure.js';
import { grantActions, mayEverywhere, type GrantAction, type InstallationAction } from '../workflows/domain/rights.js';
import { jsonBody, usualMost } from './body.js';
import type { Actor } from './identity/actor.js';
import { Problem, type FieldError } from './problem.js';

/**
 * Who may call. `anyone` needs no sign-in, `signed-in` does, and `person` one of a human; a right over the whole installation is judged here, and a
 * grant's action by the handler against the grant itself, both by the tables of `workflows/domain/rights.ts`.
 */
export type Right = 'anyone' | 'signed-in' | 'person' | InstallationAction | GrantAction;

export interface Declaration<P, Q, B> {
  method: 'get' | 'post';
  /** As express writes it: `/v1/grants/:id`. */
  path: string;
  may: Right;
  summary: string;
  params?: z.ZodType<P>;
  query?: z.ZodType<Q>;
  body?: z.ZodType<B>;
  /** Bytes that the body may have, where these are more than usual. */
  bodyMost?: number;
  /** Every status that a success may have. `undefined` as schema: not JSON. */
  answer: Record<number, z.ZodType | undefined>;
  /** Refusals worth naming in the document, beside those that every call has. */
  refusals?: FailureCode[];
  /** Content types of an answer that is not JSON. */
  produces?: readonly string[];
  /** Takes an `Idempotency-Key`. */
  idempotent?: true;
}

export interface Input<P, Q, B> {
  params: P;
  query: Q;
  body: B;
}

export interface Answer {
  status: number;
  body: unknown;
  headers?: Record<string, string>;
}

/** What a caller is, for handlers that stream or answer something else than JSON. */
export interface Raw {
  request: Request;
  response: Response;
}

export type Handler<P, Q, B, Who> = (input: Input<P, Q, B>, actor: Who, raw: Raw) => Promise<Answer | undefined>;

export interface Route {
  declaration: Declaration<unknown, unknown, unknown>;
  handler: RequestHandler;
}

/** A route whose caller is signed in. */
export function route<P = undefined, Q = undefined, B = undefined>(
  declaration: Declaration<P, Q, B> & { may: Exclude<Right, 'anyone'> },
  handle: Handler<P, Q, B, Actor>,
): Route {
  return build(declaration, (input, raw) => handle(input, actorOf(raw.response, declaration.may), raw));
}

/** A route that needs no sign-in. */
export function openRoute<P = undefined, Q = undefined, B = undefined>(
  declaration: Declaration<P, Q, B> & { may: 'anyone' },
  handle: Handler<P, Q, B, Actor | undefined>,
): Route {
  return build(declaration, (input, raw) => handle(input, currentActor(raw.response), raw));
}

function build<P, Q, B>(
  declaration: Declaration<P, Q, B>,
  handle: (input: Input<P, Q, B>, raw: Raw) => Promise<Answer | undefined>,
): Route {
  const parse = declaration.body && jsonBody(declaration.bodyMost ?? usualMost);
  const handler: RequestHandler = async (request, response) => {
    // The sign-in is judged before the input, so that a stranger learns nothing from how input is refused, and sends none.
    if (declaration.may !== 'anyone') actorOf(response, declaration.may);
    if (parse) await parsed(parse, request, response);
    const input = {
      params: readPart(declaration.params, request.params, 'params'),
      query: readPart(declaration.query, request.query, 'query'),
      body: readBody(declaration.body, request),
    };
    const answer = await handle(input, { request, response });
    if (answer) send(response, answer);
  };
  return { declaration: declaration as Declaration<unknown, unknown, unknown>, handler };
}

function send(response: Response, answer: Answer): void {
  response.set({ 'Cache-Control': 'no-store', ...answer.headers }).status(answer.status);
  if (typeof answer.body === 'string') response.send(answer.body);
  else response.json(answer.body);
}

/** Who the identity middleware found, if anyone. */
export function currentActor(response: Response): Actor | undefined {
  return response.locals['actor'] as Actor | undefined;
}

function actorOf(response: Response, may: Right): Actor {
  const actor = currentActor(response);
  if (!actor) {
    const because = response.locals['identityProblem'];
    throw because instanceof Problem
      ? because
      : new Problem('unauthenticated', 'Sign in, or send a bearer token of the identity provider.');
  }
  judge(actor, may);
  return actor;
}

/** Refuses what only people do, or needs a right over the whole installation, to whoever is not one or has it not. */
export function judge(actor: Actor, may: Right): void {
  if (may === 'person' && !actor.ref.startsWith('person:')) {
    throw new Problem('forbidden', 'This is for people; a service has no passkeys.');
  }
  if (!isEverywhere(may) || mayEverywhere(may, actor.roles)) return;
  throw new Problem('forbidden', whoMay[may]);
}

const whoMay: Record<InstallationAction, string> = {
  'see-all': 'Only operators, auditors and security see all grants. Yours are under “My access”.',
  'open-payloads': 'Only operators and maintainers open what is sealed in Temporal.',
  'see-temporal': 'The Temporal UI is for operators and maintainers.',
  'change-temporal': 'Only maintainers change workflows by hand; this attempt is on record.',
  'search-audit': 'Only auditors and security search the audit. The record of a grant is on its page.',
};

function isEverywhere(may: Right): may is InstallationAction {
  return may !== 'anyone' && may !== 'signed-in' && may !== 'person' && !grantActions.some((action) => action === may);
}

type Part = 'params' | 'query' | 'body';

/** Parses one part of a request. Refuses with every bad field named; an id that cannot be one is not found. */
export function readPart<T>(schema: z.ZodType<T> | undefined, value: unknown, part: Part): T {
  const found = (schema ?? z.strictObject({})).safeParse(value ?? {}, { reportInput: true });
  if (found.success) return found.data as T;
  if (part === 'params') throw new Problem('not-found', 'There is no such grant, or it is not yours to see.');
  const errors = fieldErrors(found.error, part);
  const many = errors.length === 1 ? '' : `, and ${errors.length - 1} more`;
  throw new Problem('invalid', `${errors[0]?.detail ?? 'something is wrong'}${many}.`, { errors });
}

function readBody<B>(schema: z.ZodType<B> | undefined, request: Request): B {
  // Without a schema a body is never read, so nothing in it can matter.
  if (!schema) return undefined as B;
  // JSON is UTF-8 (RFC 8259); the parser would read other encodings too, in which the same bytes say something else.
  const charset = /;\s*charset="?([^";\s]*)/i.exec(request.headers['content-type'] ?? '')?.[1] ?? 'utf-8';
  if (!request.is('application/json') || charset.toLowerCase() !== 'utf-8') {
    throw new Problem('unsupported-media-type', 'Send the body as application/json, in UTF-8.');
  }
  return readPart(schema, request.body, 'body');
}

/** One entry per bad field. Texts name fields and limits, never the values that were sent. */
function fieldErrors(error: z.ZodError, part: Part): FieldError[] {
  const found: FieldError[] = [];
  for (const issue of error.issues) {
    const paths =
      issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key]) : [[...issue.path]];
    for (const path of paths) {
      const detail = sentence(issue, path);
      found.push(part === 'body' ? { pointer: pointer(path), detail } : { parameter: String(path[0] ?? ''), detail });
    }
  }
  return found.slice(0, 20);
}

function sentence(issue: z.core.$ZodIssue, path: PropertyKey[]): string {
  const field = String(path.at(-1) ?? 'the body').slice(0, 60);
  if (issue.code === 'unrecognized_keys') return `${field} is not a field of this call`;
  if (issue.input === undefined && path.length > 0) return `${field} is missing`;
  return issue.message;
}

/** RFC 6901. */
function pointer(path: PropertyKey[]): string {
  return path.map((part) => `/${String(part).slice(0, 60).replace(/~/g, '~0').replace(/\//g, '~1')}`).join('');
}

/** Aborts when the caller has gone, so that nobody waits, or is handed anything, in their place. */
export function goneWith(response: Response): AbortSignal {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  if (response.closed) gone.abort();
  return gone.signal;
}

/** Mounts the routes, and answers 405-shaped mistakes as not found like everything else that does not exist. */
export function mount(router: Router, routes: readonly Route[]): void {
  for (const { declaration, handler } of routes) router[declaration.method](declaration.path, handler);
}

function parsed(parse: RequestHandler, request: Request, response: Response): Promise<void> {
  return new Promise((resolve, reject) => {
    const next: NextFunction = (error?: unknown) => (error === undefined ? resolve() : reject(error as Error));
    void parse(request, response, next);
  });
}

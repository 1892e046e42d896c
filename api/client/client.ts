/** A thin client of the API, typed by the schemas that guard it: for scripts, services, the demo and tests. */
import { randomUUID } from 'node:crypto';
import type { z } from 'zod';
import type { CredentialBody, EntitlementList, GrantPage, RecordBody } from '../schemas/answers.js';
import type { AskGrant } from '../schemas/ask.js';
import type { Approve, Deny, End, Extend, Review } from '../schemas/decisions.js';
import type { GrantBody } from '../schemas/grant.js';
import type { ListGrants } from '../schemas/lists.js';
import type { ProblemBody } from '../schemas/problem.js';
import type { Decided } from '../handlers.js';

export type Grant = GrantBody;
/** Bodies as they are sent: durations and instants are texts. */
export type Ask = z.input<typeof AskGrant>;

/** A refusal of the API: its code, its sentence, and the grant's state where that matters. */
export class ApiProblem extends Error {
  readonly problem: ProblemBody;

  constructor(problem: ProblemBody) {
    super(problem.detail);
    this.name = 'ApiProblem';
    this.problem = problem;
  }
}

/** What a follower of a grant waits out. */
const passing: ProblemBody['type'][] = ['not-found', 'temporal-unavailable'];

export interface ClientOptions {
  /** Where the portal is: `http://localhost:7300`. */
  url: string;
  /** A bearer token, asked for before every call since it lives for minutes. */
  token: () => string | Promise<string>;
}

export class Client {
  private readonly options: ClientOptions;

  constructor(options: ClientOptions) {
    this.options = options;
  }

  /** A repeated call with the same key finds the grant of the first. */
  ask(body: Ask, idempotencyKey: string = randomUUID()): Promise<Grant> {
    return this.post('/v1/grants', body, { 'idempotency-key': idempotencyKey });
  }

  see(id: string): Promise<Grant> {
    return this.get(`/v1/grants/${id}`);
  }

  /** Answers when the grant is newer than `after`, or when `wait` (ISO 8601, at most a minute) is over. */
  next(id: string, after: number, wait = 'PT30S'): Promise<Grant> {
    return this.get(`/v1/grants/${id}?wait=${wait}&after=${after}`);
  }

  /** Follows the grant until `done`. What is not to be seen yet, as by the approvers of a later step, is waited for; so is Temporal. */
  async until(id: string, done: (grant: Grant) => boolean, withinMs = 60_000): Promise<Grant> {
    const deadline = Date.now() + withinMs;
    let last: Grant | undefined;
    for (;;) {
      const left = deadline - Date.now();
      if (left <= 0)
        throw new Error(`The grant ${id} did not get there in time; it is ${last?.state ?? 'not to be seen'}.`);
      last = await this.look(id, last, left);
      if (last && done(last)) return last;
    }
  }

  list(query: Partial<z.input<typeof ListGrants>> = {}): Promise<GrantPage> {
    const given = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) if (value !== undefined) given.set(name, String(value));
    return this.get(`/v1/grants?${given.toString()}`);
  }

  approvals(): Promise<GrantPage> {
    return this.get('/v1/approvals');
  }

  entitlements(): Promise<EntitlementList> {
    return this.get('/v1/entitlements');
  }

  record(id: string): Promise<RecordBody> {
    return this.get(`/v1/grants/${id}/record`);
  }

  approve(id: string, body: z.input<typeof Approve> = {}): Promise<Decided> {
    return this.decide(id, 'approve', body);
  }

  deny(id: string, body: z.input<typeof Deny>): Promise<Decided> {
    return this.decide(id, 'deny', body);
  }

  withdraw(id: string, body: z.input<typeof End> = {}): Promise<Decided> {
    return this.decide(id, 'withdraw', body);
  }

  revoke(id: string, body: z.input<typeof End> = {}): Promise<Decided> {
    return this.decide(id, 'revoke', body);
  }

  extend(id: string, body: z.input<typeof Extend>): Promise<Decided> {
    return this.decide(id, 'extend', body);
  }

  review(id: string, body: z.input<typeof Review>): Promise<Decided> {
    return this.decide(id, 'review', body);
  }

  /** The same id gets the same answer, for two minutes. With `wait` (ISO 8601, at most a minute), as soon as it is active. */
  collect(id: string, collectId: string = randomUUID(), wait?: string): Promise<CredentialBody> {
    return this.post(`/v1/grants/${id}/credential`, { collectId, ...(wait === undefined ? {} : { wait }) });
  }

  /** Another credential where the first was lost. */
  renew(id: string, collectId: string = randomUUID()): Promise<CredentialBody> {
    return this.post(`/v1/grants/${id}/credential`, { collectId, renew: true });
  }

  private decide(id: string, action: string, body: { decisionId?: string }): Promise<Decided> {
    // One id for all attempts of a caller's own: whoever repeats passes it along.
    return this.post(`/v1/grants/${id}/${action}`, { decisionId: randomUUID(), ...body });
  }

  private async look(id: string, last: Grant | undefined, leftMs: number): Promise<Grant | undefined> {
    try {
      if (!last) return await this.see(id);
      return await this.next(id, last.changes, `PT${Math.min(30, Math.max(1, Math.ceil(leftMs / 1_000)))}S`);
    } catch (error) {
      if (!(error instanceof ApiProblem) || !passing.includes(error.problem.type)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 200));
      return undefined;
    }
  }

  private get<T>(path: string): Promise<T> {
    return this.call('GET', path);
  }

  private post<T>(path: string, body: object, headers: Record<string, string> = {}): Promise<T> {
    return this.call('POST', path, { body: JSON.stringify(body), headers });
  }

  private async call<T>(
    method: string,
    path: string,
    { body, headers = {} }: { body?: string; headers?: Record<string, string> } = {},
  ): Promise<T> {
    const response = await fetch(new URL(path, this.options.url), {
      method,
      body,
      headers: {
        accept: 'application/json',
        authorization: `Bearer ${await this.options.token()}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      redirect: 'error',
    });
    if (response.ok) return (await response.json()) as T;
    if (response.headers.get('content-type')?.includes('json'))
      throw new ApiProblem((await response.json()) as ProblemBody);
    throw new Error(`The API answered ${response.status} without a reason.`);
  }
}

/** Calls of the whole system's API as they are on the wire: status, headers, and live events. */
import type { Grant } from '../../api/client/client.js';
import type { ProblemBody } from '../../api/schemas/problem.js';
import type { System } from './system.js';

export interface Answer {
  status: number;
  retryAfter?: string;
  problem: Partial<ProblemBody>;
}

/** With a bearer token, or with a session's cookie as a page of the portal sends it. */
export type By = { account: string } | { cookie: string };

export async function call(system: System, by: By, method: string, path: string, body?: object): Promise<Answer> {
  const response = await fetch(new URL(path, system.portal), {
    method,
    headers: { ...(await identity(system, by)), ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(30_000),
  });
  const retryAfter = response.headers.get('retry-after') ?? undefined;
  return { status: response.status, retryAfter, problem: (await response.json()) as ProblemBody };
}

async function identity(system: System, by: By): Promise<Record<string, string>> {
  if ('account' in by) return { authorization: `Bearer ${await system.token(by.account)}` };
  return { cookie: by.cookie, origin: system.portal };
}

export interface Watch {
  /** What was told so far, oldest first. */
  seen: Grant[];
  stop(): void;
}

/** The live events of one grant, from now on. */
export async function watch(system: System, account: string, grantId: string): Promise<Watch> {
  const stop = new AbortController();
  const response = await fetch(new URL(`/v1/grants/${grantId}/events`, system.portal), {
    headers: { ...(await identity(system, { account })), accept: 'text/event-stream' },
    signal: stop.signal,
  });
  if (!response.ok || !response.body) throw new Error(`The events answered ${response.status}.`);
  const seen: Grant[] = [];
  void read(response.body, (event) => seen.push(event)).catch((error: unknown) => {
    if (!stop.signal.aborted) throw error;
  });
  return { seen, stop: () => stop.abort() };
}

async function read(body: ReadableStream<Uint8Array>, tell: (grant: Grant) => void): Promise<void> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    const events = (rest + decoder.decode(chunk, { stream: true })).split('\n\n');
    rest = events.pop() ?? '';
    for (const event of events) {
      const data = /^data: (.+)$/m.exec(event)?.[1];
      if (data !== undefined) tell(JSON.parse(data) as Grant);
    }
  }
}

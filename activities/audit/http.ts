/** Hands audit lines to a collector over HTTP, as a JSON array of OCSF events. Taken is what it answers 2xx to, and nothing else. */
import { abortsWithin } from '../platform/deadline.js';
import { eventOf } from './ocsf.js';

/** Rejects with a sentence that holds nothing of the answer. `tooMuch`: fewer lines may fare better. */
export type Send = (lines: readonly string[], stop: AbortSignal) => Promise<void>;

export class NotTaken extends Error {
  readonly tooMuch: boolean;

  constructor(because: string, options: { tooMuch?: boolean; cause?: unknown } = {}) {
    super(because, { cause: options.cause });
    this.name = 'NotTaken';
    this.tooMuch = options.tooMuch ?? false;
  }
}

const answerMs = 10_000;

export interface HttpSinkOptions {
  url: string;
  /** A bearer token. */
  token?: string;
  installation: string;
}

export function httpSink({ url, token, installation }: HttpSinkOptions): Send {
  return async (lines, stop) => {
    const events = lines.map((line) => eventOf(parsed(line), installation)).filter((event) => event !== undefined);
    if (events.length === 0) return;
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify(events),
      // Records go where the operator said, and nowhere else.
      redirect: 'error',
      signal: abortsWithin(answerMs, stop),
    }).catch((cause: unknown) => {
      throw new NotTaken('The collector cannot be reached, or does not answer.', { cause });
    });
    await response.body?.cancel().catch(() => undefined);
    if (response.ok) return;
    const { status } = response;
    throw new NotTaken(`The collector answers ${status}.`, { tooMuch: status === 400 || status === 413 });
  };
}

/** Undefined for what is no JSON: nobody was promised such a line. */
function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** A workflow with one of everything that carries a payload, each with the same secret inside. */
import {
  ApplicationFailure,
  condition,
  defineQuery,
  defineSignal,
  defineUpdate,
  proxyActivities,
  setHandler,
  upsertMemo,
} from '@temporalio/workflow';

export interface Fails {
  fail(secret: string): Promise<void>;
  echo(secret: string): Promise<string>;
}

export const hear = defineSignal<[unknown]>('hear');
export const end = defineSignal<[unknown]>('end');
export const heard = defineQuery<unknown[], [string]>('heard');
export const answer = defineUpdate<string, [string]>('answer');

const once = { startToCloseTimeout: '5s', retry: { maximumAttempts: 1 } } as const;

/** Keeps what it hears until `end`, then fails with the secret, having seen an activity fail with it. */
export async function sealed(secret: string): Promise<void> {
  const messages: unknown[] = [];
  let over = false;
  setHandler(heard, () => messages);
  setHandler(answer, (said) => `${said} ${secret}`);
  setHandler(hear, (message) => void messages.push(message));
  setHandler(end, () => void (over = true));
  upsertMemo({ view: { secret } });

  const { fail, echo } = proxyActivities<Fails>({ ...once, summary: `about ${secret}` });
  messages.push(await echo(secret));
  const failure: unknown = await fail(secret).catch((error: unknown) => error);
  if (failure instanceof Error && failure.cause instanceof Error) messages.push(failure.cause.message);

  await condition(() => over, { timeout: '1h', summary: `waits with ${secret}` });
  throw ApplicationFailure.nonRetryable(`failed with ${secret}`, 'test', { secret });
}

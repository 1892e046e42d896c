/** A signal that does abort in time, whatever the garbage collector does meanwhile. */

/** Aborts after `ms`, or as soon as one of `signals` does. */
export function abortsWithin(ms: number, ...signals: AbortSignal[]): AbortSignal {
  const timeout = AbortSignal.timeout(ms);
  // Node 20 holds a timeout weakly, and `any` does too: without a listener of its own it is collected and never fires
  // (nodejs/node#57736), so that a call of a target that hangs would hang its caller for good.
  timeout.addEventListener('abort', () => undefined, { once: true });
  // eslint-disable-next-line no-restricted-syntax -- the one place where the timeout is held.
  return AbortSignal.any([timeout, ...signals]);
}

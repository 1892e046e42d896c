/** How a connector says no: refused for a reason that it names, or with an outcome that nobody knows. */
import assert from 'node:assert/strict';
import { TargetError } from '../../activities/connectors/connector.js';
import { until } from './until.js';

export function isTargetError(error: unknown): error is TargetError {
  return error instanceof TargetError;
}

export async function refuses(work: Promise<unknown>, code: TargetError['code']): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(isTargetError(error), String(error));
    assert.deepEqual([error.outcome, error.code], ['refused', code], error.message);
    return true;
  });
}

export async function isUnknown(work: Promise<unknown>): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(isTargetError(error), String(error));
    assert.equal(error.outcome, 'unknown', error.message);
    return true;
  });
}

/** Repeats it for as long as nobody knows its outcome, as whoever asks for it does: many at once may find the target busy. */
export async function onceKnown(work: () => Promise<unknown>): Promise<void> {
  const isKnown = (): Promise<boolean> =>
    work().then(
      () => true,
      (error: unknown) => {
        if (isTargetError(error) && error.outcome === 'unknown') return false;
        throw error;
      },
    );
  await until(isKnown, { withinMs: 60_000, what: 'an outcome that is known' });
}

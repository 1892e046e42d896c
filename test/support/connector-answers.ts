/** How a connector says no: refused for a reason that it names, or with an outcome that nobody knows. */
import assert from 'node:assert/strict';
import { TargetError } from '../../activities/connectors/connector.js';

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

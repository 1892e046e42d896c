/** Failures carry their message and stack inside a payload, so that the codec seals them too. Loaded by path: see temporal.ts. */
import { DefaultFailureConverter } from '@temporalio/common';

export const failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: true });

/** What Temporal's server said of a call that failed. */

/** The codes of gRPC that mean something here. */
export const grpc = {
  cancelled: 1,
  invalidArgument: 3,
  deadlineExceeded: 4,
  resourceExhausted: 8,
  failedPrecondition: 9,
  unavailable: 14,
};

/** As gRPC throws them, however deep they are wrapped. */
export function serviceErrorOf(error: unknown): { code: number; details: string } | undefined {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if ('code' in at && typeof at.code === 'number' && 'details' in at && 'metadata' in at) {
      return { code: at.code, details: String(at.details) };
    }
  }
  return undefined;
}

/** This workflow has taken as many signals as the server lets it: no later one will fare better. */
export function isFull(error: unknown): boolean {
  const found = serviceErrorOf(error);
  return found?.code === grpc.invalidArgument && /exceeded .*limit/i.test(found.details);
}

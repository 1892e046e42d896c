/** What a passkey signs: exactly one decision about exactly one request. */
import { digest } from './digest.js';
import type { ApprovalStatement, RequestStatement } from './evidence.js';

/** What `challengeOf` reads of a statement. */
export type Challenged =
  | Pick<RequestStatement, 'type' | 'installation' | 'grantId' | 'requestDigest' | 'actor'>
  | Pick<
      ApprovalStatement,
      | 'type'
      | 'installation'
      | 'grantId'
      | 'requestDigest'
      | 'actor'
      | 'decisionId'
      | 'about'
      | 'step'
      | 'durationMs'
      | 'shownMs'
    >;

/**
 * SHA-256 over the RFC 8785 form of the decision, lower-case hex; the challenge of the passkey is these 64 characters as
 * bytes. A field that the statement gains and this list does not would be signed by the API alone.
 */
export function challengeOf(decided: Challenged, nonce: string): string {
  const { type, installation, grantId, requestDigest, actor } = decided;
  const common = { purpose: 'daypass-decision-1', type, installation, grantId, requestDigest, actor, nonce };
  if (decided.type === 'request') return digest(common);
  const { decisionId, about, step, durationMs, shownMs } = decided;
  return digest({ ...common, decisionId, about, step, durationMs, shownMs });
}

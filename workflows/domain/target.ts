/** What connectors answer, as the grant keeps it. */
import type { Instant } from './time.js';

/** What the connector's own ceiling would say to a request. */
export type CeilingAnswer =
  | {
      allows: true;
      automatic: boolean;
      leastApprovals: number;
      /** Approvals count only with the assertion of a passkey that this connector knows. */
      attested: boolean;
    }
  | { allows: false; because: string };

export interface Provisioned {
  account: string;
  /** Decided once by the connector's clock; a retry returns the same. */
  endsAt: Instant;
  evidenceDigest: string;
  /** Compact JWE; absent where the target hands nothing over, and in answers to `setEnd`. */
  sealedCredential?: string;
  /** The system that answered (PostgreSQL: its system identifier). */
  targetIdentity: string;
  /** JWS of the receipt that says all of this. */
  receipt: string;
}

/** What a connector says of a removal that it read back. */
export interface Removal {
  grantId: string;
  account: string;
  removedAt: Instant;
  /** Read back at the target after the removal. */
  verifiedAt: Instant;
  wasPresent: boolean;
  sessionsEnded: number;
  targetIdentity: string;
  /** Things left behind or found that a person should look at; no free text from users. */
  remarks: string[];
  /** JWS of the receipt that says all of this but the remarks. */
  receipt: string;
}

/** Who calls: proven by a session or a token, and known to today's directory. Never read from a body. */
import type { Ref } from '../../workflows/domain/actor.js';
import type { SignIn } from '../../workflows/domain/evidence.js';
import type { Role } from '../../workflows/domain/rights.js';
import type { Instant } from '../../workflows/domain/time.js';

export type InstallationRole = Extract<Role, 'operator' | 'security' | 'auditor' | 'maintainer'>;

export interface Actor {
  ref: Ref;
  name: string;
  /** As the identity provider stated it: goes into evidence. */
  signIn: SignIn;
  /** Of today's directory: decide what may be seen and done here. */
  groups: string[];
  roles: InstallationRole[];
  /** How the caller proved who they are. */
  by: 'session' | 'bearer';
  /** Of the session; what a sign-out names. */
  sessionId?: string;
  /** When this proof was made, and when it ends. */
  madeAt: Instant;
  until: Instant;
  /** False when sign-outs could not be read: narrowing is honoured, widening asks for a fresh sign-in. */
  signOutsKnown: boolean;
}

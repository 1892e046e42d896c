/** What the handlers need: each of it made once, in the composition root. */
import type { Log } from '../../activities/platform/log.js';
import type { Policy } from '../../activities/policy/policy.js';
import type { Challenged } from '../../workflows/domain/challenge.js';
import type { Assertion } from '../../workflows/domain/evidence.js';
import type { Actor } from '../identity/actor.js';
import type { GrantBody } from '../schemas/grant.js';
import type { Grants } from '../grants.js';
import type { Sealer } from '../identity/seal.js';
import type { Live } from '../live.js';
import type { Signer } from '../sign.js';
import type { OpenedCredential } from './credential.js';

export interface HandlerDeps {
  grants: Grants;
  policy: () => Policy;
  signer: Signer;
  passkeys: PasskeyChecks;
  sealer: Sealer;
  live: Pick<Live, 'watch' | 'tell' | 'onSignOut'>;
  /** Who the caller still is, after a call has waited; throws where their sign-in has ended. */
  stillKnown: (actor: Actor) => Promise<Actor>;
  log: Log;
  /** Opens what connectors sealed to this API. */
  openCredential: (sealed: string) => Promise<OpenedCredential>;
  /** The page of a grant's workflow in the Temporal UI, where there is one. */
  temporalUi: (grantId: string) => GrantBody['temporalUi'];
}

export interface PasskeyChecks {
  /**
   * Resolves when one of the actor's own passkeys signed exactly this, with a person present and verified, under a nonce of
   * this API that was never used before. Throws the `Problem` that says what is wrong otherwise.
   */
  verifyDecision(actor: Actor, decided: Challenged, assertion: Assertion): Promise<void>;
}

/** The formats that come from outside, one row each. A new one joins by a row. */
import type { Format } from './format.js';
import { audit } from './formats/audit.js';
import { envelope } from './formats/envelope.js';
import { held } from './formats/held.js';
import { jwt } from './formats/jwt.js';
import { message } from './formats/message.js';
import { payload } from './formats/payload.js';
import { policy } from './formats/policy.js';
import { webauthn } from './formats/webauthn.js';
import { zone } from './formats/zone.js';

export const formats: Record<string, () => Promise<Format>> = {
  audit,
  envelope,
  held,
  jwt,
  message,
  payload,
  policy,
  webauthn,
  zone,
};

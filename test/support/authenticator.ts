/** A passkey in software, for tests: enrols and signs as a browser and its authenticator do, each part open to change. */
import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import type { AuthenticationResponseJSON, RegistrationResponseJSON } from '@simplewebauthn/server';
import { isoCBOR } from '@simplewebauthn/server/helpers';
import type { Assertion, Attestable } from '../../workflows/domain/evidence.js';
import { challengeOf } from '../../workflows/domain/challenge.js';

export type PasskeyAlgorithm = 'ES256' | 'EdDSA' | 'RS256';

/** Where the tests' pages are. */
export const page = { origin: 'http://localhost:7300', rpId: 'localhost' };

export interface Ceremony {
  /** Base64url, as the options of the server state it. */
  challenge: string;
  origin?: string;
  rpId?: string;
  crossOrigin?: boolean;
  /** Present and verified, unless told otherwise. */
  userPresent?: boolean;
  userVerified?: boolean;
  backedUp?: boolean;
  /** 1 more each time, unless told otherwise; 0 for one that does not count. */
  counter?: number;
}

export interface Passkey {
  credentialId: string;
  /** COSE key in base64url. */
  publicKey: string;
  register(ceremony: Ceremony): RegistrationResponseJSON;
  authenticate(ceremony: Ceremony): AuthenticationResponseJSON;
  /** The assertion over one decision, as it stands in its statement. */
  assert(decided: Parameters<typeof challengeOf>[0], change?: Partial<Ceremony>): Assertion;
  /** The statement with that assertion in it. */
  attest<Statement extends Attestable>(statement: Statement, change?: Partial<Ceremony>): Statement;
}

export function createPasskey(algorithm: PasskeyAlgorithm = 'ES256'): Passkey {
  const { privateKey, cose } = keyOf[algorithm]();
  const id = randomBytes(32);
  const credentialId = id.toString('base64url');
  let uses = 0;

  function respond(type: 'webauthn.create' | 'webauthn.get', ceremony: Ceremony, attested: Buffer) {
    const { challenge, origin = page.origin, rpId = page.rpId, crossOrigin = false } = ceremony;
    const { userPresent = true, userVerified = true, backedUp = false, counter = ++uses } = ceremony;
    const bits = [userPresent, false, userVerified, backedUp, backedUp, false, attested.length > 0];
    const flags = bits.reduce((sum, bit, index) => sum | (bit ? 1 << index : 0), 0);
    const counted = Buffer.alloc(4);
    counted.writeUInt32BE(counter);
    return {
      authenticatorData: Buffer.concat([sha256(rpId), Buffer.from([flags]), counted, attested]),
      clientDataJSON: Buffer.from(JSON.stringify({ type, challenge, origin, crossOrigin })),
    };
  }

  function authenticate(ceremony: Ceremony): AuthenticationResponseJSON {
    const { authenticatorData, clientDataJSON } = respond('webauthn.get', ceremony, Buffer.alloc(0));
    const said = Buffer.concat([authenticatorData, sha256(clientDataJSON)]);
    const signature = sign(algorithm === 'EdDSA' ? null : 'sha256', said, privateKey);
    return {
      ...common,
      response: {
        authenticatorData: authenticatorData.toString('base64url'),
        clientDataJSON: clientDataJSON.toString('base64url'),
        signature: signature.toString('base64url'),
      },
    };
  }

  function assert(decided: Parameters<typeof challengeOf>[0], change: Partial<Ceremony> = {}): Assertion {
    const nonce = randomBytes(16).toString('base64url');
    const challenge = Buffer.from(challengeOf(decided, nonce)).toString('base64url');
    const { authenticatorData, clientDataJSON, signature } = authenticate({ challenge, ...change }).response;
    return { credentialId, authenticatorData, clientDataJSON, signature, nonce };
  }

  const common = { id: credentialId, rawId: credentialId, type: 'public-key', clientExtensionResults: {} } as const;
  return {
    credentialId,
    publicKey: cose.toString('base64url'),
    authenticate,
    assert,
    attest: (statement, change) => ({ ...statement, assertion: assert(statement, change) }),
    register: (ceremony) => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(id.length);
      const attested = Buffer.concat([Buffer.alloc(16), length, id, cose]);
      const { authenticatorData, clientDataJSON } = respond('webauthn.create', ceremony, attested);
      const object = new Map<string, unknown>([
        ['fmt', 'none'],
        ['attStmt', new Map()],
        ['authData', new Uint8Array(authenticatorData)],
      ]);
      return {
        ...common,
        response: {
          attestationObject: cbor(object).toString('base64url'),
          clientDataJSON: clientDataJSON.toString('base64url'),
          transports: ['internal'],
        },
      };
    },
  };
}

const keyOf: Record<PasskeyAlgorithm, () => { privateKey: KeyObject; cose: Buffer }> = {
  ES256: () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
    return { privateKey, cose: coseOf([1, 2], [3, -7], [-1, 1], [-2, bytes(x)], [-3, bytes(y)]) };
  },
  EdDSA: () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const { x = '' } = publicKey.export({ format: 'jwk' });
    return { privateKey, cose: coseOf([1, 1], [3, -8], [-1, 6], [-2, bytes(x)]) };
  },
  RS256: () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const { n = '', e = '' } = publicKey.export({ format: 'jwk' });
    return { privateKey, cose: coseOf([1, 3], [3, -257], [-1, bytes(n)], [-2, bytes(e)]) };
  },
};

/** A COSE key of these fields, in base64url where a test needs one that no authenticator makes. */
export function coseOf(...fields: [label: number, value: number | Uint8Array][]): Buffer {
  return cbor(new Map(fields));
}

function cbor(value: unknown): Buffer {
  return Buffer.from(isoCBOR.encode(value as Parameters<typeof isoCBOR.encode>[0]));
}

function bytes(base64url: string): Uint8Array {
  return new Uint8Array(Buffer.from(base64url, 'base64url'));
}

function sha256(data: string | Uint8Array): Buffer {
  return createHash('sha256').update(data).digest();
}

/** Makes passwords, and verifiers of them on our side, so that no password ever reaches the server or its log. */
import { createHash, createHmac, pbkdf2, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';

const derive = promisify(pbkdf2);

/** PostgreSQL's own default. The strength is in the password, which nobody has to remember. */
const iterations = 4096;

/** 192 random bits: nobody guesses it from a verifier that shows in a log or a backup. */
export function newPassword(): string {
  return randomBytes(24).toString('base64url');
}

/** A SCRAM-SHA-256 verifier (RFC 5803) of an ASCII password, which needs no SASLprep. */
export async function scramVerifier(password: string, salt = randomBytes(16)): Promise<string> {
  const salted = await derive(password, salt, iterations, 32, 'sha256');
  const storedKey = createHash('sha256').update(hmac(salted, 'Client Key')).digest('base64');
  const serverKey = hmac(salted, 'Server Key').toString('base64');
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${storedKey}:${serverKey}`;
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

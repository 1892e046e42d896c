/** One way to say "exactly this": SHA-256 over the canonical JSON form (RFC 8785), as lower-case hex. */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import canonicalize from 'canonicalize';

// The package's types speak of an ES module's default export, but the package is CommonJS and exports the function itself.
const canonical = canonicalize as unknown as (input: unknown) => string | undefined;

/** Pure JavaScript, so that the workflow sandbox can compute it. Members that are `undefined` do not count. */
export function digest(value: object): string {
  return bytesToHex(sha256(utf8ToBytes(canonical(value) ?? '')));
}

/** Signed texts as somebody would write them by hand: any header, any payload, any key, and any spelling of the result. */
import { createHmac, createPrivateKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { changedJson, changedText, type Script } from './mutate.js';

/** What is signed, by whom, and what is done to the text afterwards. */
export interface Signed {
  /** JSON, or what pretends to be. */
  header: string;
  payload: string;
  /** `pinned` is whoever owns the right key; `secret` uses the text of the public key as a secret. */
  by: 'pinned' | 'stranger' | 'secret' | 'nobody';
  /** Changes of the finished text. */
  spelled: Script;
}

/** As our own code makes them. */
export function signed(header: object, payload: object): Signed {
  return { header: JSON.stringify(header), payload: JSON.stringify(payload), by: 'pinned', spelled: [] };
}

export function changedSigned(input: Signed, script: Script): Signed {
  const [first] = script;
  const part = (first?.size ?? 0) % 8;
  if (part === 0) return { ...input, spelled: [...input.spelled, ...script].slice(-5) };
  if (part === 1) return { ...input, header: changedJson(input.header, script) };
  if (part === 2)
    return { ...input, by: (['stranger', 'secret', 'nobody'] as const)[(first?.what ?? 0) % 3] ?? 'stranger' };
  if (part === 3) return { ...input, payload: changedText(input.payload, script) };
  return { ...input, payload: changedJson(input.payload, script) };
}

export interface Writer {
  key: KeyObject;
  algorithm: 'EdDSA' | 'ES256';
}

const strangers = {
  EdDSA: generateKeyPairSync('ed25519').privateKey,
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
};

/** The text before and after its spelling was changed. */
export function written(
  { header, payload, by, spelled }: Signed,
  { key, algorithm }: Writer,
): { made: string; text: string } {
  const part = (text: string): string => Buffer.from(text).toString('base64url');
  const said = `${part(header)}.${part(payload)}`;
  const made = `${said}.${signatureOf(said, by, { key, algorithm })}`;
  return { made, text: changedText(made, spelled, ['.', '..', '=', '==', 'A', 'Q', 'g', 'w']) };
}

function signatureOf(said: string, by: Signed['by'], { key, algorithm }: Writer): string {
  if (by === 'nobody') return '';
  if (by === 'secret') return createHmac('sha256', publicText(key)).update(said).digest('base64url');
  const signer = by === 'pinned' ? key : strangers[algorithm];
  const bytes = Buffer.from(said);
  return (
    algorithm === 'EdDSA'
      ? sign(null, bytes, signer)
      : sign('sha256', bytes, { key: signer, dsaEncoding: 'ieee-p1363' })
  ).toString('base64url');
}

function publicText(key: KeyObject): string {
  const { d: _private, ...jwk } = key.export({ format: 'jwk' });
  return JSON.stringify(jwk);
}

export function keyObject(jwk: object): KeyObject {
  return createPrivateKey({ key: { ...jwk }, format: 'jwk' });
}

/** What an attacker changes first, of any signed text. */
export function forgeries(input: Signed, others: readonly string[]): Signed[] {
  const header = JSON.parse(input.header) as object;
  const payload = JSON.parse(input.payload) as object;
  const headed = (more: object, by: Signed['by'] = 'pinned'): Signed => ({
    ...input,
    by,
    header: JSON.stringify({ ...header, ...more }),
  });
  return [
    headed({ alg: 'none' }, 'nobody'),
    headed({ alg: 'None' }, 'nobody'),
    headed({ alg: 'HS256' }, 'secret'),
    headed({ alg: 'HS256' }),
    headed({ alg: 'RS256' }),
    headed({ crit: ['b64'], b64: false }),
    headed({ crit: [] }),
    headed({ crit: ['exp'], exp: 1 }),
    headed({ kid: 'another' }, 'stranger'),
    headed({ kid: '__proto__' }, 'stranger'),
    headed({ jwk: { kty: 'OKP' }, jku: 'http://localhost:1', x5u: 'http://localhost:1' }, 'stranger'),
    ...others.map((typ) => headed({ typ })),
    headed({ typ: undefined }),
    { ...input, by: 'stranger' },
    { ...input, by: 'nobody' },
    { ...input, header: 'null' },
    { ...input, header: '[]' },
    ...['null', '1', '"a"', '[]', '{}', '', '\ufeff{}', '['.repeat(3_000) + ']'.repeat(3_000)].map((text) => ({
      ...input,
      payload: text,
    })),
    // A member stands twice, and what the two readers see of it differs.
    ...Object.keys(payload).map((name) => ({
      ...input,
      payload: `{${JSON.stringify(name)}:null,${input.payload.slice(1)}`,
    })),
    { ...input, payload: ` ${input.payload}` },
    { ...input, payload: input.payload.replace('"', '"\\u0000') },
    { ...input, payload: JSON.stringify({ ...payload, extra: 1 }) },
    { ...input, payload: `{"__proto__":{"polluted":true},${input.payload.slice(1)}` },
    ...spellings.map((spelled) => ({ ...input, spelled })),
  ];
}

/** The end of the signature, in other ways: bits that no byte needs, padding, blanks, a part more. */
const last = 0x7fffffff;
const spellings: Script[] = Array.from({ length: 60 }, (_, what) => [
  { where: last - 1, how: what % 3, what, size: 1 },
]);

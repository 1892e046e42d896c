/** Recognises secrets by their form, wherever nobody planted one to look for. */

const forms: [name: string, shape: RegExp][] = [
  ['a private key', /"d":"[\w-]{40,}"/],
  ['a private key', /-----BEGIN [A-Z ]*PRIVATE KEY-----/],
  ['a password', /"(password|passwd|secret|client_secret)":"(?!")/i],
  ['a bearer', /bearer [\w-]+\.[\w-]+\./i],
  ['a verifier of a password', /SCRAM-SHA-256\$\d+:/],
  ['a cookie', /(__Host-)?daypass=[\w-]{20,}/i],
];

/** The name of the first form that is in it. Signed statements and sealed credentials are none. */
export function looksSecret(value: unknown): string | undefined {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return forms.find(([, shape]) => shape.test(text))?.[0];
}

/**
 * Whether this is the one spelling of its bytes in base64url (RFC 4648, section 5, without padding). Decoders pass over what they do
 * not know, so that what was signed could be written in many ways.
 */
export function isPlainBase64url(text: string): boolean {
  return Buffer.from(text, 'base64url').toString('base64url') === text;
}

/**
 * Seals every payload before Temporal sees it, and opens only what was sealed for the same workflow.
 *
 * 1. AES-256-GCM with a random nonce; the key's id and the workflow's id are authenticated, so a payload that is moved to
 *    another workflow, or whose labels are changed, does not open. The Temporal UI asks without a context: there the
 *    authenticated id is all there is to go by.
 * 2. Sealing never throws. What the SDK seals without a context (a failure of its own) belongs to no workflow.
 * 3. `mark` opens for workers: anything that is not ours becomes a marker, so that no message can wedge a workflow.
 *    `throw` opens for clients: what cannot be believed is an error.
 * 4. What was sealed by a key holder may still be nonsense: only what the default payload converter reads comes out.
 *
 * Rotation: give the new key to every process first, then make it current; keep the old one for as long as histories last.
 * A key is good for 2^32 payloads (random nonces), some forty million grants.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Payload, PayloadCodec, SerializationContext } from '@temporalio/common';
import proto from '@temporalio/proto';
import type { Unreadable } from '../../workflows/messages.js';
import type { KeyRing } from './keys.js';

type Reason = Unreadable['unreadable'];

/** What to do with what cannot be opened: a marker for workers, an `UnreadablePayload` for clients. */
export type OnUnreadable = 'mark' | 'throw';

export class UnreadablePayload extends Error {
  readonly reason: Reason;

  constructor(reason: Reason) {
    super(sentences[reason]);
    this.name = 'UnreadablePayload';
    this.reason = reason;
  }
}

const sentences: Record<Reason, string> = {
  unsealed: 'A payload in Temporal is not sealed, so Daypass did not write it.',
  'unknown-key':
    'A payload was sealed with a key that is not in the key ring; add the old key to DAYPASS_CODEC_KEYS_FILE.',
  broken: 'A sealed payload does not open: it was changed, or sealed with another key of the same id.',
  'other-workflow': 'A sealed payload belongs to another workflow.',
};

/** The `encoding` of what is sealed. */
export const sealedEncoding = 'binary/encrypted';
const encoding = Buffer.from(sealedEncoding);
const nonceBytes = 12;
const tagBytes = 16;
// A CommonJS package: Node finds no named exports in it.
const wire = proto.temporal.api.common.v1.Payload;

export function createCodec(keys: KeyRing, onUnreadable: OnUnreadable = 'mark'): PayloadCodec {
  const current = keys.keys[keys.current];
  if (!current) throw new Error('The codec key ring has no key of the id that it calls current.');
  return {
    encode: async (payloads, context) => payloads.map((payload) => seal(keys.current, current, payload, context)),
    decode: async (payloads, context) =>
      payloads.map((payload) => {
        const opened = open(keys, payload, context);
        if (typeof opened !== 'string') return opened;
        if (onUnreadable === 'throw') throw new UnreadablePayload(opened);
        return marker(opened);
      }),
  };
}

function seal(keyId: string, key: Uint8Array, payload: Payload, context?: SerializationContext): Payload {
  const workflowId = context?.workflowId ?? '';
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(bound(keyId, workflowId));
  const text = Buffer.concat([cipher.update(wire.encode(payload).finish()), cipher.final()]);
  return {
    metadata: { encoding, 'key-id': Buffer.from(keyId), 'workflow-id': Buffer.from(workflowId) },
    data: Buffer.concat([nonce, cipher.getAuthTag(), text]),
  };
}

/** The payload, or why it cannot be had. Never throws. */
function open(keys: KeyRing, payload: Payload, context?: SerializationContext): Payload | Reason {
  const { metadata, data } = payload;
  if (!metadata?.encoding || !data || !encoding.equals(metadata.encoding)) return 'unsealed';
  const keyId = text(metadata['key-id']);
  const workflowId = text(metadata['workflow-id']);
  const key = Object.hasOwn(keys.keys, keyId) ? keys.keys[keyId] : undefined;
  if (!key) return 'unknown-key';
  try {
    const cipher = createDecipheriv('aes-256-gcm', key, data.subarray(0, nonceBytes), { authTagLength: tagBytes });
    cipher.setAAD(bound(keyId, workflowId));
    cipher.setAuthTag(data.subarray(nonceBytes, nonceBytes + tagBytes));
    const opened = wire.decode(Buffer.concat([cipher.update(data.subarray(nonceBytes + tagBytes)), cipher.final()]));
    // Compared only after the seal held: before it, the id is anyone's claim.
    if (context && context.workflowId !== workflowId) return 'other-workflow';
    return readable(opened) ? opened : 'broken';
  } catch {
    return 'broken';
  }
}

function bound(keyId: string, workflowId: string): Buffer {
  return Buffer.from(JSON.stringify(['daypass-payload-1', keyId, workflowId]));
}

/** Throws where JSON is none; the caller takes that for broken. */
function readable({ metadata, data }: Payload): boolean {
  switch (text(metadata?.encoding)) {
    case 'json/plain':
      JSON.parse(text(data));
      return true;
    case 'binary/null':
    case 'binary/plain':
      return true;
    default:
      return false;
  }
}

function marker(unreadable: Reason): Payload {
  const value: Unreadable = { unreadable };
  return { metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from(JSON.stringify(value)) };
}

function text(bytes: Uint8Array | null | undefined): string {
  return bytes ? Buffer.from(bytes).toString() : '';
}

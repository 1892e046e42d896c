/** Reads what a gRPC client sends, whole messages at a time and unpacked: Temporal's workers compress what they send. */
import { gunzipSync } from 'node:zlib';

/** Given bytes as they come, answers the messages that are complete with them. */
export type Reader = (bytes: Buffer) => Buffer[];

/** For protocols in which marks stand as they are. */
export const asItComes = (): Reader => (bytes) => [bytes];

const prefaceBytes = 24;
const frameHeadBytes = 9;
const messageHeadBytes = 5;
const dataFrame = 0;
const padded = 0x8;

/** Frames of HTTP/2 from its preface on. Only DATA counts: marks stand in messages. */
export function grpcMessages(): Reader {
  let rest: Buffer = Buffer.alloc(0);
  let toSkip = prefaceBytes;
  const streams = new Map<number, Buffer>();

  return (bytes) => {
    rest = Buffer.concat([rest, bytes]);
    const skipped = Math.min(toSkip, rest.length);
    rest = rest.subarray(skipped);
    toSkip -= skipped;
    const found: Buffer[] = [];
    while (rest.length >= frameHeadBytes) {
      const length = rest.readUIntBE(0, 3);
      if (rest.length < frameHeadBytes + length) break;
      const [type, flags, stream] = [rest.readUInt8(3), rest.readUInt8(4), rest.readUInt32BE(5) & 0x7fffffff];
      const frame = rest.subarray(frameHeadBytes, frameHeadBytes + length);
      rest = rest.subarray(frameHeadBytes + length);
      if (type !== dataFrame) continue;
      const data = (flags & padded) === 0 ? frame : frame.subarray(1, frame.length - frame.readUInt8(0));
      let message = Buffer.concat([streams.get(stream) ?? Buffer.alloc(0), data]);
      while (message.length >= messageHeadBytes) {
        const end = messageHeadBytes + message.readUInt32BE(1);
        if (message.length < end) break;
        const body = message.subarray(messageHeadBytes, end);
        found.push(message.readUInt8(0) === 1 ? gunzipSync(body) : body);
        message = message.subarray(end);
      }
      if (message.length === 0) streams.delete(stream);
      else streams.set(stream, message);
    }
    return found;
  };
}

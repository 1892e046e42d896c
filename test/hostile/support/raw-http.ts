/** Sends exactly the bytes that it is given, as no well-behaved client would, and reads what comes back. */
import { connect } from 'node:net';

export interface RawAnswer {
  status: number;
  headers: [name: string, value: string][];
  body: Buffer;
}

export interface Exchange {
  /** In the order in which they came; informational ones (1xx) are left out. */
  answers: RawAnswer[];
  /** Everything that came, as it came. */
  bytes: Buffer;
  /** How it ended: the server closed, the caller had seen enough, or nothing more came in time. */
  end: 'closed' | 'enough' | 'silent';
  ms: number;
}

export interface ExchangeOptions {
  withinMs: number;
  /** Asked whenever bytes came. */
  isEnough?: (seen: Buffer) => boolean;
  /** Nothing more is sent after the first part, and the server is told so. */
  hangsUp?: true;
  /** Sent after the first part, each once the one before is out, with this much time between. */
  then?: { parts: Iterable<Buffer>; pauseMs: number };
}

let connections = 0;

/** One connection, from a loopback address of its own now and then: the limit per address is not what is tried here. */
export function exchange(url: string, bytes: string | Buffer, options: ExchangeOptions): Promise<Exchange> {
  const { hostname, port } = new URL(url);
  const { withinMs, isEnough = () => false, then, hangsUp } = options;
  connections += 1;
  const localAddress = `127.0.${1 + (Math.floor(connections / 50) % 250)}.1`;
  return new Promise((resolve) => {
    const startedAt = performance.now();
    const seen: Buffer[] = [];
    const socket = connect({ host: hostname, port: Number(port), localAddress });
    const finish = (end: Exchange['end']): void => {
      clearTimeout(tooLate);
      socket.destroy();
      const all = Buffer.concat(seen);
      resolve({ answers: answersIn(all), bytes: all, end, ms: performance.now() - startedAt });
    };
    const tooLate = setTimeout(() => finish('silent'), withinMs);
    socket.on('data', (chunk: Buffer) => {
      seen.push(chunk);
      if (isEnough(Buffer.concat(seen))) finish('enough');
    });
    // A server that has heard enough resets the connection: what it answered before counts.
    socket.on('error', () => undefined);
    socket.once('close', () => finish('closed'));
    socket.once('connect', () => {
      socket.write(bytes);
      if (hangsUp) socket.end();
      if (then) void sendAll(socket, then);
    });
  });
}

async function sendAll(
  socket: ReturnType<typeof connect>,
  { parts, pauseMs }: NonNullable<ExchangeOptions['then']>,
): Promise<void> {
  for (const part of parts) {
    if (socket.destroyed || !socket.writable) return;
    await new Promise((sent) => socket.write(part, sent));
    await new Promise((later) => setTimeout(later, pauseMs));
  }
}

export interface RequestParts {
  method: string;
  /** As it stands in the first line. */
  target: string;
  headers: readonly (readonly [name: string, value: string])[];
  body?: Buffer;
}

/** A request with a length that is right, after which the server closes. */
export function requestBytes({ method, target, headers, body }: RequestParts): Buffer {
  const lines = [
    `${method} ${target} HTTP/1.1`,
    'Host: localhost:7300',
    'Connection: close',
    ...headers.map(([name, value]) => `${name}: ${value}`),
    ...(body ? [`Content-Length: ${body.length}`] : []),
  ];
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), body ?? Buffer.alloc(0)]);
}

/** All complete answers, and the last one as far as it came. */
function answersIn(bytes: Buffer): RawAnswer[] {
  const answers: RawAnswer[] = [];
  let rest = bytes;
  for (;;) {
    const end = rest.indexOf('\r\n\r\n');
    if (end < 0) return answers;
    const [first = '', ...lines] = rest.subarray(0, end).toString('latin1').split('\r\n');
    const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(first)?.[1] ?? NaN);
    const headers = lines.map((line): [string, string] => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    });
    rest = rest.subarray(end + 4);
    const { body, size } = bodyIn(rest, headers);
    rest = rest.subarray(size);
    if (status >= 200) answers.push({ status, headers, body });
  }
}

function bodyIn(rest: Buffer, headers: RawAnswer['headers']): { body: Buffer; size: number } {
  if (valueOf(headers, 'transfer-encoding') === 'chunked') return chunksIn(rest);
  const size = Math.min(rest.length, Number(valueOf(headers, 'content-length') ?? 0));
  return { body: rest.subarray(0, size), size };
}

function chunksIn(rest: Buffer): { body: Buffer; size: number } {
  const chunks: Buffer[] = [];
  let at = 0;
  for (;;) {
    const line = rest.indexOf('\r\n', at);
    const length = line < 0 ? 0 : parseInt(rest.subarray(at, line).toString('latin1'), 16);
    if (line < 0) return { body: Buffer.concat(chunks), size: rest.length };
    if (!(length > 0)) return { body: Buffer.concat(chunks), size: Math.min(rest.length, line + 4) };
    chunks.push(rest.subarray(line + 2, line + 2 + length));
    at = line + 2 + length + 2;
  }
}

export function valueOf(headers: RawAnswer['headers'], name: string): string | undefined {
  return headers.find(([known]) => known === name)?.[1];
}

/**
 * A way between one of our processes and what it stands on, through which every byte passes. It can be shut, held, slowed, or
 * answer garbage; and it can spring a trap at the very byte at which something was asked or done.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { asItComes, type Reader } from './grpc.js';

/** How bytes pass: as they come, not at all until later, not at all, or nonsense instead of every answer. */
export type Mode = 'open' | 'held' | 'shut' | 'garbage';

export interface Trap {
  /** What our process sends, one after the other on one connection. The last one springs the trap. */
  marks: readonly (string | Buffer)[];
  /** What becomes of the last mark: it passes, it passes and nothing is answered any more, or it never arrives. */
  last: 'passes' | 'passes-unanswered' | 'is-kept';
  /** Called at once, when the last mark has passed or is kept. */
  act: () => void;
}

/** Longer than any mark, so that one that is cut in two is found. */
const rememberedBytes = 128;

export class Passage {
  readonly port: number;
  private readonly server: Server;
  private readonly connections = new Set<Connection>();
  private readonly armed = new Set<Trap>();
  private current: Mode = 'open';
  private slowedMs = 0;

  /** Everything that comes to a free port of localhost goes on to there. */
  static async open(to: { host: string; port: number }, read: () => Reader = asItComes): Promise<Passage> {
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, 'localhost', resolve);
    });
    return new Passage(server, to, read);
  }

  private constructor(server: Server, to: { host: string; port: number }, read: () => Reader) {
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('The passage has no port.');
    this.port = address.port;
    this.server = server;
    server.on('connection', (inside) => {
      if (this.current === 'shut') {
        inside.destroy();
        return;
      }
      const connection = new Connection(inside, connect(to.port, to.host), this.armed, read());
      this.connections.add(connection);
      connection.ended = () => this.connections.delete(connection);
      connection.goOn(this.current, this.slowedMs);
    });
  }

  get mode(): Mode {
    return this.current;
  }

  /** From now on. What is `shut` loses its connections; what was `held` follows when it is open again. */
  set mode(mode: Mode) {
    this.current = mode;
    this.tell();
  }

  /** Added to the way of every byte. */
  slow(ms: number): void {
    this.slowedMs = ms;
    this.tell();
  }

  /** Ends every connection that there is; new ones are let through. */
  cut(): void {
    for (const connection of this.connections) connection.end();
  }

  /** Springs once. */
  arm(trap: Trap): { hasSprung: () => boolean; disarm: () => void } {
    let hasSprung = false;
    const armed: Trap = {
      ...trap,
      act: () => {
        hasSprung = true;
        this.armed.delete(armed);
        trap.act();
      },
    };
    this.armed.add(armed);
    return { hasSprung: () => hasSprung, disarm: () => void this.armed.delete(armed) };
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.server.close(() => resolve());
      this.cut();
    });
  }

  private tell(): void {
    for (const connection of this.connections) {
      if (this.current === 'shut') connection.end();
      else connection.goOn(this.current, this.slowedMs);
    }
  }
}

class Connection {
  ended: () => void = () => undefined;
  private readonly inside: Socket;
  private readonly outside: Socket;
  private readonly traps: ReadonlySet<Trap>;
  private readonly read: Reader;
  /** How many of a trap's marks were seen here, and the last bytes since. */
  private readonly seen = new Map<Trap, { marks: number; last: Buffer }>();
  private readonly waiting: { to: Socket; bytes: Buffer; dueAt: number }[] = [];
  private mode: Mode = 'open';
  private slowedMs = 0;
  private isUnanswered = false;
  private isKept = false;
  private timer?: NodeJS.Timeout;

  constructor(inside: Socket, outside: Socket, traps: ReadonlySet<Trap>, read: Reader) {
    this.inside = inside;
    this.outside = outside;
    this.traps = traps;
    this.read = read;
    inside.on('data', (bytes) => this.ask(bytes));
    outside.on('data', (bytes) => this.answer(bytes));
    for (const [socket, other] of [
      [inside, outside],
      [outside, inside],
    ] as const) {
      socket.setNoDelay(true);
      // The end follows, and is passed on like everything else.
      socket.on('error', () => undefined);
      socket.on('close', () => {
        other.destroy();
        clearTimeout(this.timer);
        this.ended();
      });
    }
  }

  end(): void {
    this.inside.destroy();
    this.outside.destroy();
  }

  goOn(mode: Mode, slowedMs: number): void {
    this.mode = mode;
    this.slowedMs = slowedMs;
    this.deliver();
  }

  private ask(bytes: Buffer): void {
    const sprung = this.sprungBy(bytes);
    if (sprung?.last === 'is-kept') this.isKept = true;
    if (sprung?.last === 'passes-unanswered') this.isUnanswered = true;
    if (!this.isKept) this.pass(this.outside, bytes);
    if (!sprung) return;
    sprung.act();
  }

  private answer(bytes: Buffer): void {
    if (this.isUnanswered || this.isKept) return;
    this.pass(this.inside, this.mode === 'garbage' ? nonsense(bytes) : bytes);
  }

  private sprungBy(bytes: Buffer): Trap | undefined {
    const pieces = this.read(bytes);
    if (pieces.length === 0) return undefined;
    let sprung: Trap | undefined;
    for (const trap of this.traps) {
      let { marks, last } = this.seen.get(trap) ?? { marks: 0, last: Buffer.alloc(0) };
      let rest = Buffer.concat([last, ...pieces]);
      for (let mark = trap.marks[marks]; mark !== undefined; mark = trap.marks[marks]) {
        const at = rest.indexOf(mark);
        if (at < 0) break;
        // What was found must not be found again.
        rest = rest.subarray(at + mark.length);
        marks += 1;
      }
      last = rest.subarray(-rememberedBytes);
      this.seen.set(trap, { marks, last });
      if (marks === trap.marks.length) sprung ??= trap;
    }
    return sprung;
  }

  private pass(to: Socket, bytes: Buffer): void {
    this.waiting.push({ to, bytes, dueAt: Date.now() + this.slowedMs });
    this.deliver();
  }

  /** In the order in which it came, also when the way gets faster. */
  private deliver(): void {
    clearTimeout(this.timer);
    while (this.mode !== 'held') {
      const [next] = this.waiting;
      if (next === undefined) return;
      const inMs = Math.min(next.dueAt - Date.now(), this.slowedMs);
      if (inMs > 0) {
        this.timer = setTimeout(() => this.deliver(), inMs);
        return;
      }
      this.waiting.shift();
      if (!next.to.destroyed) next.to.write(next.bytes);
    }
  }
}

/** As long as what it replaces, and never a protocol's. */
function nonsense(bytes: Buffer): Buffer {
  return Buffer.from(bytes.map((byte, index) => (byte * 31 + index * 17 + 7) % 256));
}

/** A real SMTP server on a free loopback port that can refuse, stall and go away. */
import type { AddressInfo } from 'node:net';
import { simpleParser, type ParsedMail } from 'mailparser';
import { SMTPServer } from 'smtp-server';

export interface TestSmtp {
  url: string;
  /** What was taken, oldest first; `to` is the envelope's, and `source` what came over the wire. */
  taken: { to: string; source: string; mail: ParsedMail }[];
  /** Answers to an address; 250 unless told otherwise. */
  answers: Map<string, number>;
  /** Most connections at once, and connections in all. */
  connections: { most: number; all: number };
  stop(): Promise<void>;
}

export async function startSmtp(port = 0): Promise<TestSmtp> {
  const taken: TestSmtp['taken'] = [];
  const answers = new Map<string, number>();
  const connections = { most: 0, all: 0 };
  let open = 0;
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS', 'AUTH'],
    logger: false,
    onConnect: (_session, done) => {
      open += 1;
      connections.all += 1;
      connections.most = Math.max(connections.most, open);
      done();
    },
    onClose: () => {
      open -= 1;
    },
    onRcptTo: ({ address }, _session, done) => {
      const code = answers.get(address) ?? 250;
      done(code === 250 ? undefined : Object.assign(new Error('no'), { responseCode: code }));
    },
    onData: (stream, session, done) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const source = Buffer.concat(chunks).toString();
        simpleParser(source).then((mail) => {
          for (const { address } of session.envelope.rcptTo) taken.push({ to: address, source, mail });
          done();
        }, done);
      });
    },
  });
  server.on('error', () => undefined);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', () => resolve()));
  const address = server.server.address() as AddressInfo;
  return {
    url: `smtp://127.0.0.1:${address.port}`,
    taken,
    answers,
    connections,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** Takes every mail that Daypass sends in development and keeps the newest; nothing leaves this machine. */
import { randomUUID } from 'node:crypto';
import { type AddressObject, simpleParser } from 'mailparser';
import { SMTPServer } from 'smtp-server';

export interface CaughtMail {
  id: string;
  /** RFC 3339. */
  receivedAt: string;
  from: string;
  to: string[];
  subject: string;
  text: string;
}

export interface Catcher {
  port: number;
  /** Newest first. */
  messages(): CaughtMail[];
  clear(): void;
  stop(): Promise<void>;
}

const kept = 500;
const sizeMax = 1024 * 1024;

export async function catchMail(port: number): Promise<Catcher> {
  const messages: CaughtMail[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['AUTH', 'STARTTLS'],
    size: sizeMax,
    disableReverseLookup: true,
    onData(stream, _session, done) {
      simpleParser(stream).then(
        ({ from, to, subject = '', text = '' }) => {
          messages.unshift({
            id: randomUUID(),
            receivedAt: new Date().toISOString(),
            from: from?.text ?? '',
            to: addresses(to),
            subject,
            text,
          });
          messages.length = Math.min(messages.length, kept);
          done();
        },
        (error: unknown) => done(error instanceof Error ? error : new Error(String(error))),
      );
    },
  });
  // A client that hangs up halfway is the client's business.
  server.on('error', () => {});
  await new Promise<void>((resolve, reject) => {
    server.server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const address = server.server.address();
  if (address === null || typeof address === 'string') throw new Error('The SMTP server has no port.');
  return {
    port: address.port,
    messages: () => [...messages],
    clear: () => void (messages.length = 0),
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function addresses(to: AddressObject | AddressObject[] | undefined): string[] {
  return [to ?? []].flat().flatMap(({ value }) => value.map(({ address }) => address ?? ''));
}

/** Hands mail to an SMTP server: few connections, kept open, every wait bounded. */
import { createTransport } from 'nodemailer';
import type { Typeset } from './letter.js';

export interface Mail extends Typeset {
  to: { name: string; address: string };
  /** `<local@host>`: the same mail has the same id, so that a repeat is recognised. */
  messageId: string;
  /** Mails about one grant share it, so that mail programs show them together. */
  threadId: string;
}

export interface Mailer {
  /** Resolves when the server took the mail. `refused`: it never will, so trying again is no use. */
  send(mail: Mail): Promise<'sent' | 'refused'>;
  close(): void;
}

export function connectMailer(smtpUrl: string, from: string): Mailer {
  const transport = createTransport(
    {
      url: smtpUrl,
      pool: true,
      maxConnections: 4,
      connectionTimeout: 5000,
      greetingTimeout: 5000,
      socketTimeout: 10_000,
    },
    // Mail is made of text alone: nothing in it may fetch a file or an address.
    { from, disableFileAccess: true, disableUrlAccess: true },
  );
  return {
    async send({ to, subject, text, html, messageId, threadId }) {
      try {
        await transport.sendMail({
          to,
          subject,
          text,
          html,
          messageId,
          references: threadId,
          inReplyTo: threadId,
          // RFC 3834: no out-of-office answers to us.
          headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
        });
        return 'sent';
      } catch (error) {
        if (isFinal(error)) return 'refused';
        throw error;
      }
    },
    close: () => transport.close(),
  };
}

/** A 5xx answer about this recipient or this message. One about the sender or the sign-in is ours to mend, so it is tried again. */
function isFinal(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { command, responseCode } = error as Error & { command?: unknown; responseCode?: unknown };
  const aboutThis = command === 'RCPT TO' || command === 'DATA';
  return aboutThis && typeof responseCode === 'number' && responseCode >= 500;
}

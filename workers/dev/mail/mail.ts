/** The mail part of the development stack: SMTP in, a page out. */
import { listenOnLoopback } from '../listen.js';
import { type CaughtMail, catchMail } from './catcher.js';
import { mailPages } from './pages.js';

export interface Mail {
  smtpUrl: string;
  /** The page; `/messages.json` has the same as data. */
  url: string;
  /** Newest first. */
  messages(): CaughtMail[];
  clear(): void;
  stop(): Promise<void>;
}

export async function startMail(ports: { smtp: number; page: number }): Promise<Mail> {
  const catcher = await catchMail(ports.smtp);
  const pages = await listenOnLoopback(mailPages(catcher), ports.page).catch(async (error: unknown) => {
    await catcher.stop();
    throw error;
  });
  return {
    smtpUrl: `smtp://127.0.0.1:${catcher.port}`,
    url: `http://localhost:${pages.port}`,
    messages: catcher.messages,
    clear: catcher.clear,
    async stop() {
      await Promise.all([catcher.stop(), pages.stop()]);
    },
  };
}

/**
 * Tells people by mail.
 *
 * 1. One human gets at most one mail per change, also when the same change is told again.
 * 2. A mail that could not be handed over makes the call fail, after every other one was tried: the retry sends what is left.
 * 3. A link opens the page of the grant and decides nothing. No credential is ever in a mail.
 */
import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Ref } from '../workflows/domain/actor.js';
import type { Change, Stray } from './contract.js';
import { typeset, type Letter } from './mail/letter.js';
import type { Mailer } from './mail/mailer.js';
import { addressed, operators, recipients, type Directory, type Reader } from './mail/recipients.js';
import { createSent } from './mail/sent.js';
import { strayLetter } from './mail/stray.js';
import { letterFor } from './mail/texts.js';
import type { Log } from './platform/log.js';

export interface NotifyDeps {
  mailer: Mailer;
  redis: Redis;
  /** Today's policy. */
  policy: { current(): Directory };
  portalUrl: string;
  log: Log;
}

export interface Notify {
  tell(change: Change): Promise<void>;
  stray(stray: Stray): Promise<void>;
}

/** What a person gets about one thing, and the name of that thing. */
interface Post {
  recipient: Reader;
  letter: Letter;
  /** With the recipient it makes the message id. */
  about: string;
  grantId: string;
}

const atOnce = 8;
/** One attempt hands over mail for so long; what is left is the retry's, so that an attempt ends before Temporal ends it. */
const attemptMs = 15_000;

export function createNotify({ mailer, redis, policy, portalUrl, log }: NotifyDeps): Notify {
  const sent = createSent(redis);
  const host = new URL(portalUrl).hostname;

  return {
    async tell({ view, request, news }) {
      const people = policy.current();
      const story = { view, request, portalUrl, nameOf: (ref: Ref) => people.nameOf(ref) };
      const posts = recipients(view, news, people, Date.now()).map((recipient) => ({
        recipient,
        letter: letterFor(story, recipient),
        about: `change ${view.changes}`,
        grantId: view.grantId,
      }));
      await deliver(posts);
    },

    async stray(stray) {
      const people = policy.current();
      const { target, grantId, removal } = stray;
      // One that stands is told once and not with every pass that finds it.
      const about = `stray ${target} ${removal?.removedAt ?? 'stands'}`;
      const posts = operators(people).flatMap((ref) => {
        const recipient = addressed(ref, people);
        return recipient ? [{ recipient, letter: strayLetter(stray, portalUrl, recipient), about, grantId }] : [];
      });
      await deliver(posts);
    },
  };

  async function deliver(posts: Post[]): Promise<void> {
    const queue = [...posts];
    const deadline = Date.now() + attemptMs;
    const failures: unknown[] = [];
    const hand = async (): Promise<void> => {
      for (let post = queue.shift(); post; post = queue.shift()) {
        try {
          if (Date.now() > deadline) throw new Error('The mail server is slow: the rest is sent by the next attempt.');
          await handOver(post);
        } catch (error) {
          failures.push(error);
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(atOnce, posts.length) }, hand));
    if (failures.length > 0) {
      throw new Error(`${failures.length} of ${posts.length} mails could not be handed over.`, { cause: failures[0] });
    }
  }

  async function handOver({ recipient, letter, about, grantId }: Post): Promise<void> {
    const messageId = `<${idOf(grantId, about, recipient.ref)}@${host}>`;
    const claim = await sent.claim(messageId);
    if (claim === 'sent') return;
    if (claim === 'busy') throw new Error('Another attempt is sending this mail.');
    try {
      const result = await mailer.send({
        ...typeset(letter),
        to: { name: recipient.name, address: recipient.address },
        messageId,
        threadId: `<${grantId}@${host}>`,
      });
      if (result === 'refused') log.warn({ to: recipient.ref, grantId }, 'the mail server refuses this recipient');
    } catch (error) {
      await sent.release(messageId);
      throw error;
    }
    await sent.keep(messageId);
  }
}

function idOf(...parts: string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 40);
}

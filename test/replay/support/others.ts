/** Lives of the workflows beside grants: the journal, a person, the sealer, reconcile and reassess, each with its further runs. */
import { randomUUID } from 'node:crypto';
import type { WorkflowHandle } from '@temporalio/client';
import { signAs, signStatement } from '../../../activities/platform/jws.js';
import type { PrivateJwk } from '../../../activities/platform/keys.js';
import type { Enrolment } from '../../../workflows/domain/passkeys.js';
import { receiptType } from '../../../workflows/domain/receipt.js';
import { journalId, personWorkflowId, reassessId, reconcileWorkflowId, sealsId } from '../../../workflows/ids.js';
import { hour } from '../../support/script.js';
import { privateKey } from '../../support/signer.js';
import { installation } from '../../support/statements.js';
import { until } from '../../support/until.js';
import { grantIdOfAccount, target, type OtherWorld } from './other-world.js';

export interface OtherLife {
  workflowId: string;
  /** How many runs are kept, from the first one on. */
  runs: number;
  live(handle: WorkflowHandle, world: OtherWorld): Promise<void>;
}

/** By the type of the workflow. */
export const otherLives: Record<string, OtherLife> = {
  journal: {
    workflowId: journalId,
    runs: 2,
    async live(journal, { api, connector, script }) {
      const note = async (key: PrivateJwk, event = 'audit-exported'): Promise<void> => {
        const said = { event, by: 'person:auditor', detail: { format: 'csv' } };
        const statement = { type: 'note', installation, noteId: randomUUID(), issuedAt: Date.now(), ...said } as const;
        await journal.signal('note', { statement: await signStatement(statement, key) });
      };
      const stray = async (kind: 'listed' | 'removed'): Promise<void> => {
        const grantId = grantIdOfAccount(1);
        const said = { installation, target, kind, grantId, book: 'book', number: 1, at: Date.now() };
        const receipt = await signAs(receiptType, said, connector);
        await journal.signal('strayFound', { target, grantId, account: 'daypass_1', receipt });
      };
      const next = { ...(await privateKey('Ed25519')), kid: 'next' };
      await note(api);
      for (const event of ['payloads-opened', 'temporal-changed', 'temporal-refused', 'signed-out-everywhere']) {
        await note(api, event);
      }
      await note(next);
      script.pinned.push(next);
      await stray('listed');
      await stray('removed');
      await reaches(journal, ({ head }) => head?.sequence === 8);
      await journal.cancel();
      // What nobody sealed makes a run as long as what somebody signed.
      for (let sent = 8; sent < 99; sent += 1) await journal.signal('note');
      const { runId } = await journal.describe();
      await note(api);
      await another(journal, runId);
      await note(next);
      await reaches(journal, ({ head }) => head?.sequence === 16);
    },
  },
  person: {
    workflowId: personWorkflowId('engineer'),
    runs: 2,
    async live(person) {
      const by = 'person:engineer';
      const enrols = (credentialId: string): Promise<void> => {
        const usual = { name: 'Laptop', counter: 0, transports: ['internal'], backedUp: false, by };
        const enrolment: Enrolment = { ...usual, credentialId, publicKey: 'a-key', evidence: 'a.signed.statement' };
        return person.executeUpdate('enrol', { args: [enrolment] });
      };
      const uses = (challenge: string, counter: number): Promise<void> =>
        person.executeUpdate('use', { args: [{ credentialId: 'one', challenge, counter, for: 'approve', by }] });
      const renames = (): Promise<void> =>
        person.executeUpdate('rename', { args: [{ credentialId: 'one', name: 'Phone', by }] });
      const removes = (credentialId: string): Promise<void> =>
        person.executeUpdate('remove', { args: [{ credentialId, by }] });
      await enrols('one');
      await enrols('two');
      await renames();
      await uses('a', 7);
      // A proof that is older than the one before: refused, and on record.
      await uses('b', 6).catch(() => undefined);
      await removes('two');
      await person.cancel();
      const { runId } = await person.describe();
      // An update that meets the end of its run is answered by the next one, or not at all.
      const eight = () => Promise.all(Array.from({ length: 8 }, () => renames().catch(() => undefined)));
      for (let sent = 6; sent < 310; sent += 8) await eight();
      await another(person, runId);
      await removes('one');
    },
  },
  seals: {
    workflowId: sealsId,
    runs: 2,
    async live(seals, { skip }) {
      await reaches(seals, ({ number = 0 }) => number >= 1);
      const { runId } = await seals.describe();
      await skip(seals, hour + 60_000);
      await another(seals, runId);
      await reaches(seals, ({ number = 0 }) => number >= 3);
    },
  },
  reconcile: { workflowId: reconcileWorkflowId(target), runs: 1, live: (it) => it.result() },
  reassess: { workflowId: reassessId, runs: 1, live: (it) => it.result() },
};

interface Shown {
  head?: { sequence: number };
  number?: number;
}

async function reaches(handle: WorkflowHandle, isThere: (view: Shown) => boolean): Promise<void> {
  const shown = async () => (await handle.describe()).memo?.['view'] as Shown | undefined;
  await until(async () => isThere((await shown()) ?? {}), {
    what: `what ${handle.workflowId} shows`,
    withinMs: 60_000,
  });
}

async function another(handle: WorkflowHandle, runId: string): Promise<void> {
  const isAnother = async (): Promise<boolean> => (await handle.describe()).runId !== runId;
  await until(isAnother, { what: `another run of ${handle.workflowId}`, withinMs: 180_000 });
}

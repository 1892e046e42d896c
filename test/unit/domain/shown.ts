/** What is shown of a grant: always small enough for Temporal, always true, and for the Temporal UI without people's words. */
import assert from 'node:assert/strict';
import { detailsOf, viewBytesMax, viewOf } from '../../../workflows/domain/shown.js';
import { decisionsMax } from '../../../workflows/domain/apply.js';
import type { State } from '../../../workflows/domain/state.js';
import { liveStates, terminalStates } from '../../../workflows/domain/states.js';
import {
  after,
  asked,
  asksMore,
  extending,
  gone,
  hour,
  inState,
  moving,
  narrows,
  newId,
} from '../../support/histories.js';
import { into, manager, opensStep, passed, provisioned, start, step, vote } from '../../support/histories.js';

const bytes = (value: unknown): number => new TextEncoder().encode(JSON.stringify(value)).length;

/** Every text as long as it may be, in characters of three bytes, and every list as long as it may be. */
function largest(): State {
  const wide = (characters: number) => '\u6f22'.repeat(characters);
  const selectors = Array.from({ length: 20 }, (_, index) => `group:${index}${'g'.repeat(90)}`);
  const factors = Array.from({ length: 12 }, (_, index) => ({ id: `factor-${index}`, points: 8, evidence: wide(200) }));
  const steps = [step(selectors, { name: wide(200), needed: 20 })];
  const decided = passed({ title: wide(200), flow: { name: wide(200), steps } });
  if (decided.finding.verdict === 'pass') decided.finding.risk = { score: 96, band: 'high', factors, missing: [] };
  const names = { requesterName: wide(200), subjectName: wide(200), justification: wide(4_000) };
  const opened = opensStep({ opening: { selectors } });
  const asked = inState.REQUESTED();
  let state = after({ ...asked, request: { ...asked.request, ...names } }, decided, opened);
  for (let voter = 0; voter < 19; voter += 1) {
    const by = `person:${voter}${'p'.repeat(80)}`;
    const standing = state.approval?.votes.map((earlier) => earlier.by) ?? [];
    state = after(state, vote(by, { name: wide(200), comment: wide(1_000), standing }));
  }
  const refusals = Array.from({ length: decisionsMax - 1 }, () => ({
    decisionId: newId(),
    action: 'approve' as const,
    by: `person:${'p'.repeat(80)}`,
    at: start,
    result: 'extension-too-long' as const,
    unverified: true as const,
  }));
  return { ...state, outcomes: refusals };
}

describe('the view of a grant', () => {
  it('stays within 8,000 bytes whatever was written, by whomever', () => {
    const state = largest();
    assert.ok(bytes(viewOf(state)) <= viewBytesMax, `${bytes(viewOf(state))} bytes`);
    const ended = after(state, { ...narrows('denied'), reason: '\u6f22'.repeat(1_000) });
    assert.ok(bytes(viewOf(ended)) <= viewBytesMax, `${bytes(viewOf(ended))} bytes`);
    const extension = { decisionId: newId(), by: 'person:engineer', totalMs: hour, evidence: '', approvals: [] };
    const extended = { ...state, pendingExtension: { ...extension, reason: '\u6f22'.repeat(1_000) } };
    assert.ok(bytes(viewOf(extended)) <= viewBytesMax, `${bytes(viewOf(extended))} bytes`);
  });

  it('keeps who is asked, the state and the last outcome when it has to leave things out', () => {
    const state = largest();
    const view = viewOf(state);
    assert.equal(view.state, 'APPROVAL_AWAITED');
    assert.deepEqual(view.asked, state.asked);
    assert.equal(view.outcomes.at(-1)?.decisionId, state.outcomes.at(-1)?.decisionId);
    assert.equal(view.risk?.factors.length, 12);
    assert.ok(view.step && view.step.votes.length > 0);
  });

  it('leaves nothing out of an ordinary grant', () => {
    const approved = vote(manager, { comment: 'Good reason.' });
    const before = after(asked(), into(step([manager], { needed: 2 })), opensStep());
    const view = viewOf(after(before, approved));
    assert.equal(view.step?.votes[0]?.comment, 'Good reason.');
    assert.deepEqual(
      view.outcomes.map(({ decisionId, result }) => [decisionId, result]),
      [[approved.decisionId, 'applied']],
    );
  });

  it('is plain JSON', () => {
    for (const state of [...liveStates, ...terminalStates]) {
      const view = viewOf(inState[state]());
      assert.equal(view.state, state);
      const { ...shown } = JSON.parse(JSON.stringify(view)) as typeof view;
      assert.deepEqual(JSON.parse(JSON.stringify(shown)), shown);
    }
  });

  it('names each condition while it lasts, and no longer', () => {
    const overdue = after(inState.REVOKING(), { type: 'removal-overdue' });
    assert.deepEqual(viewOf(overdue).conditions, ['revocationOverdue']);
    assert.deepEqual(viewOf(after(overdue, gone())).conditions, []);
    assert.deepEqual(viewOf(after(inState.APPROVAL_AWAITED(), { type: 'step-escalated' })).conditions, ['escalated']);
    assert.deepEqual(viewOf(extending()).conditions, ['extensionPending']);
    assert.deepEqual(viewOf(after(extending(), narrows('denied'))).conditions, []);
    assert.deepEqual(viewOf(moving()).conditions, ['extensionPending']);
    const missing = after(inState.ACTIVE(), { type: 'externally-modified', what: 'missing' });
    assert.deepEqual(viewOf(missing).conditions, ['externallyModified']);
  });

  it('says what became of the credential, and never holds it', () => {
    assert.equal(viewOf(inState.ACTIVATING()).credential, 'none');
    assert.equal(viewOf(inState.ACTIVE()).credential, 'waiting');
    const handed = after(inState.ACTIVE(), { type: 'collected', collectId: 'one', by: 'person:engineer' });
    assert.equal(viewOf(handed).credential, 'collected');
    assert.equal(viewOf(inState.ENDED()).credential, 'none');
    const withSecret = after(inState.ACTIVATING(), provisioned({ sealedCredential: 'a-sealed-credential' }));
    assert.ok(!JSON.stringify(viewOf(withSecret)).includes('a-sealed-credential'));
  });

  it('shows the granted duration once it is agreed, and only then', () => {
    assert.equal(viewOf(inState.APPROVAL_AWAITED()).grantedDurationMs, undefined);
    const shorter = after(inState.APPROVAL_AWAITED(), vote(manager, { durationMs: hour / 2 }));
    assert.equal(viewOf(shorter).grantedDurationMs, hour / 2);
    assert.equal(viewOf(inState.DENIED()).grantedDurationMs, undefined);
  });

  it('shows when removal was done and read back', () => {
    const view = viewOf(inState.ENDED());
    assert.deepEqual([view.accessRemoveTime, view.removalVerifiedTime], [start + hour, start + hour]);
    assert.equal(viewOf(inState.REVOKING()).accessRemoveTime, undefined);
  });
});

describe('the details for the Temporal UI', () => {
  it('hold no word that a person wrote, in any state', () => {
    const words = 'free-text-of-someone';
    const reworded = (state: State): State => {
      const text = JSON.stringify(state).replaceAll(
        /"(justification|reason|comment|requesterName|subjectName|because)":"[^"]*"/g,
        `"$1":"${words}"`,
      );
      return JSON.parse(text) as State;
    };
    const states = [...Object.values(inState).map((make) => make()), extending(), moving(), largest()];
    for (const state of states) assert.ok(!detailsOf(reworded(state)).includes(words), state.phase);
    assert.ok(JSON.stringify(reworded(largest())).includes(words), 'the words are in the state');
  });

  it('say who is asked until when, what ends when, and what is owed', () => {
    assert.match(detailsOf(inState.APPROVAL_AWAITED()), /asked: person:manager, until 2026-01-05T13:00:00/);
    assert.match(detailsOf(inState.APPROVAL_AWAITED()), /0 of 1 approvals/);
    assert.match(detailsOf(inState.SCHEDULED()), /starts 2026-01-05T15:00:00/);
    assert.match(detailsOf(inState.ACTIVE()), /ends 2026-01-05T10:00:0/);
    assert.match(detailsOf(inState.REVOKING()), /owed: removal at orders-db/);
    assert.match(detailsOf(inState.ENDED()), /removal read back/);
    assert.match(detailsOf(inState.DENIED()), /nothing was made/);
    assert.match(detailsOf(after(inState.ACTIVE(), asksMore(2 * hour))), /condition: extensionPending/);
  });
});

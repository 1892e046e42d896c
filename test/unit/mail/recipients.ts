/** Who is told: each human once, active people only, nobody about what they did themselves. */
import assert from 'node:assert/strict';
import { recipients } from '../../../activities/mail/recipients.js';
import type { News } from '../../../activities/contract.js';
import type { GrantView, Outcome } from '../../../workflows/domain/view.js';
import { change, exampleDirectory } from '../../support/change.js';

const directory = exampleDirectory();

function told(news: News[], view: Partial<GrantView> = {}, now = Date.now()): { [ref: string]: string } {
  const found = recipients(change({ view }).view, news, directory, now);
  return Object.fromEntries(found.map(({ ref, kind }) => [ref, kind]));
}

const outcome = (action: Outcome['action'], by: string, more: Partial<Outcome> = {}): Outcome => ({
  decisionId: '4b0c7a0e-0000-4000-8000-000000000000',
  action,
  by,
  at: 0,
  result: 'applied',
  ...more,
});

describe('the recipients of a mail', () => {
  it('are the active members of a group, each human once', () => {
    // owner-admin is the database owner's other account.
    assert.deepEqual(Object.keys(told([{ kind: 'asked', to: ['group:db-owners', 'person:owner-2'] }])).length, 2);
    assert.deepEqual(told([{ kind: 'asked', to: ['group:engineers', 'person:leaver'] }])['person:leaver'], undefined);
  });

  it('are the owner where a service is meant', () => {
    assert.deepEqual(told([{ kind: 'active', to: ['service:deploy-bot', 'person:engineer'] }]), {
      'person:engineer': 'active',
    });
  });

  it('are nobody for names that the directory does not know', () => {
    const to = ['person:nobody', 'group:nobody', 'unverified:signal', 'system:daypass', 'person:', '', ':'];
    assert.deepEqual(told([{ kind: 'over', to }]), {});
  });

  it('include every operator when a removal is overdue, whatever the operators’ groups are called', () => {
    assert.deepEqual(told([{ kind: 'removal-overdue', to: ['group:ops'] }]), { 'person:operator': 'removal-overdue' });
  });

  it('include everyone of security when evidence is refused, whatever their groups are called', () => {
    assert.deepEqual(told([{ kind: 'evidence-refused', to: ['group:sec'] }]), {
      'person:security': 'evidence-refused',
    });
  });

  it('hear the more important of two things', () => {
    const decided: News = { kind: 'decided', to: ['group:db-owners'] };
    const asked: News = { kind: 'asked', to: ['person:owner'] };
    for (const news of [
      [asked, decided],
      [decided, asked],
    ]) {
      assert.equal(told(news)['person:owner'], 'asked');
      assert.equal(told(news)['person:owner-2'], 'decided');
    }
  });

  it('are not asked for a decision that is not open any more', () => {
    const news: News[] = (['asked', 'reminded', 'escalated'] as const).map((kind) => ({ kind, to: ['person:owner'] }));
    assert.deepEqual(told(news, { step: undefined }), {});
    assert.deepEqual(told(news, {}, Date.now() + 7_200_000), {});
  });

  it('do not hear what they did themselves, with either account', () => {
    const to = ['group:db-owners'];
    const voted = told([{ kind: 'decided', to }], { outcomes: [outcome('approve', 'person:owner-admin')] });
    assert.deepEqual(voted, { 'person:owner-2': 'decided' });
    const back = { outcomes: [outcome('withdraw', 'person:engineer')] };
    assert.deepEqual(told([{ kind: 'over', to: ['person:engineer'] }], back), {});
  });

  it('hear what somebody did in their name without proof', () => {
    const outcomes = [outcome('revoke', 'person:engineer', { unverified: true })];
    assert.deepEqual(told([{ kind: 'over', to: ['person:engineer'] }], { outcomes }), { 'person:engineer': 'over' });
  });

  it('hear of a decision after one of their own that was refused', () => {
    const outcomes = [outcome('approve', 'person:owner-2', { result: 'already-decided' })];
    assert.equal(told([{ kind: 'decided', to: ['person:owner-2'] }], { outcomes })['person:owner-2'], 'decided');
  });
});

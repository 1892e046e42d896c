/** Who hears of which change, and that nobody hears of it twice. */
import assert from 'node:assert/strict';
import { operators, security, tells, type News } from '../../../workflows/domain/tells.js';
import { apply } from '../../../workflows/domain/apply.js';
import type { Event } from '../../../workflows/domain/event.js';
import type { FailureCode } from '../../../workflows/domain/failure.js';
import type { State } from '../../../workflows/domain/state.js';
import {
  after,
  asked,
  asksMore,
  endMoved,
  engineer,
  extending,
  gone,
  hour,
  inState,
  into,
  manager,
  moving,
} from '../../support/histories.js';
import { narrows, newId, opensStep, owner, passed, provisioned, start, step, vote } from '../../support/histories.js';

const news = (before: State, ...events: Event[]): News[] => tells(before, after(before, ...events));
const awaiting = inState.APPROVAL_AWAITED();
const escalated = after(awaiting, { type: 'step-escalated' });
const activating = inState.ACTIVATING();
const movingEnd = moving();

describe('the news of a change', () => {
  const extension = asksMore(3 * hour);
  const rows: [string, News[], News[]][] = [
    [
      'a step is opened: whoever is asked',
      news(after(asked(), passed()), opensStep()),
      [{ kind: 'asked', to: [manager] }],
    ],
    ['a reminder: whoever is asked', news(awaiting, { type: 'step-reminded' }), [{ kind: 'reminded', to: [manager] }]],
    [
      'an escalation: the new ones are asked, the others reminded',
      news(escalated, opensStep({ escalated: true, opening: { selectors: [manager, owner] } })),
      [
        { kind: 'escalated', to: [owner] },
        { kind: 'reminded', to: [manager] },
      ],
    ],
    [
      'a vote that is not the last: nobody',
      news(after(asked(), into(step([manager], { needed: 2 })), opensStep()), vote()),
      [],
    ],
    [
      'a completed step: whoever was asked need not decide',
      news(awaiting, vote()),
      [{ kind: 'decided', to: [manager] }],
    ],
    [
      'a deny: the requester, and whoever was asked',
      news(awaiting, narrows('denied')),
      [
        { kind: 'denied', to: [engineer] },
        { kind: 'decided', to: [manager] },
      ],
    ],
    [
      'no decision in time: the requester, once',
      news(awaiting, { type: 'step-expired' }),
      [{ kind: 'expired', to: [engineer] }],
    ],
    [
      'a denial by the rules: the requester',
      news(asked(), { type: 'assess-failed', because: 'no' }),
      [{ kind: 'denied', to: [engineer] }],
    ],
    ['an activation: the requester', news(activating, provisioned()), [{ kind: 'active', to: [engineer] }]],
    [
      'a failed activation: the requester, and not again when it is undone',
      news(activating, { type: 'provision-failed', code: 'target-refused', because: 'no' }, gone()),
      [{ kind: 'activation-failed', to: [engineer] }],
    ],
    [
      'an extension that is asked for: whoever decides',
      news(inState.ACTIVE(), extension, opensStep({ about: extension.decisionId })),
      [{ kind: 'asked', to: [manager] }],
    ],
    [
      'an extension that is denied: its end, once, and whoever was asked',
      news(extending(), narrows('denied')),
      [
        { kind: 'decided', to: [manager] },
        { kind: 'not-extended', to: [engineer] },
      ],
    ],
    [
      'an extension that nobody decided on, and one that the target refused: its end, once',
      [
        ...news(extending(), { type: 'step-expired' }),
        ...news(movingEnd, {
          type: 'end-set-failed',
          extension: movingEnd.pendingExtension?.decisionId ?? '',
          code: 'target-refused',
          because: 'no',
        }),
      ],
      [
        { kind: 'not-extended', to: [engineer] },
        { kind: 'not-extended', to: [engineer] },
      ],
    ],
    ['the end of access begins: nobody yet', news(inState.ACTIVE(), { type: 'time-up' }), []],
    ['the removal is proved: the requester', news(inState.REVOKING(), gone()), [{ kind: 'over', to: [engineer] }]],
    [
      'a removal is overdue: the operators',
      news(inState.REVOKING(), { type: 'removal-overdue' }),
      [{ kind: 'removal-overdue', to: [operators] }],
    ],
    [
      'a removal failed: nobody before it is overdue',
      news(inState.REVOKING(), { type: 'removal-failed', attempt: 1, code: 'target-unavailable', because: 'no' }),
      [],
    ],
    [
      'a withdrawal while people are asked: the requester, and whoever need not decide any more',
      news(awaiting, narrows('withdrawn', engineer)),
      [
        { kind: 'decided', to: [manager] },
        { kind: 'over', to: [engineer] },
      ],
    ],
  ];
  for (const [name, found, expected] of rows) it(name, () => assert.deepEqual(found, expected));

  it('goes to requester and subject, when they are two', () => {
    const before = after(asked({ subject: 'person:colleague' }), passed(), opensStep(), vote());
    assert.deepEqual(news(before, provisioned()), [{ kind: 'active', to: [engineer, 'person:colleague'] }]);
  });

  it('tells of a scheduled start', () => {
    const before = after(asked({ scheduledActivationTime: start + 6 * hour }), passed(), opensStep());
    assert.deepEqual(news(before, vote()), [
      { kind: 'decided', to: [manager] },
      { kind: 'scheduled', to: [engineer] },
    ]);
  });

  it('tells of an extension that was granted', () => {
    const state = moving();
    const id = state.pendingExtension?.decisionId ?? '';
    assert.deepEqual(news(state, endMoved(id, start + 2 * hour)), [{ kind: 'extended', to: [engineer] }]);
  });

  it('alarms security once for each code by which evidence is refused, whatever it stands in', () => {
    const refused = (code: FailureCode): Event => ({
      ...{ type: 'refused', action: 'approve', decisionId: newId(), by: manager, code, because: 'no' },
    });
    const alarm = { kind: 'evidence-refused', to: [security] };
    let state = awaiting;
    for (const [event, expected] of [
      [refused('unreadable'), [alarm]],
      [refused('unreadable'), []],
      [refused('bad-evidence'), [alarm]],
      [refused('passkey-counter'), [alarm]],
      [refused('passkey-counter'), []],
      [refused('not-an-approver'), []],
      [refused('already-decided'), []],
    ] as const) {
      const next = apply(state, event, state.changedAt + 1);
      assert.deepEqual(tells(state, next), expected);
      state = next;
    }
    const failed = (code: FailureCode): News[] =>
      news(activating, { type: 'provision-failed', code, because: 'no' }).filter(({ kind }) => kind === alarm.kind);
    for (const code of ['ceiling-refused', 'clock-skew', 'tombstone', 'bad-receipt'] as const) {
      assert.deepEqual(failed(code), [alarm]);
    }
    assert.deepEqual(failed('target-unavailable'), []);
    const lied = news(inState.REVOKING(), { type: 'removal-failed', attempt: 1, code: 'bad-receipt', because: 'no' });
    assert.deepEqual(lied, [alarm]);
  });

  it('is one line for each kind, also when many things happened at once', () => {
    const found = tells(undefined, inState.ENDED());
    assert.equal(new Set(found.map(({ kind }) => kind)).size, found.length);
  });

  it('is nothing when nothing happened', () => {
    const state = inState.ACTIVE();
    assert.deepEqual(tells(state, state), []);
  });
});

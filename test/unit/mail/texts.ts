/** What mails say, and that nothing typed by anyone becomes more than text in them. */
import assert from 'node:assert/strict';
import { typeset, type Typeset } from '../../../activities/mail/letter.js';
import { strayLetter } from '../../../activities/mail/stray.js';
import { letterFor } from '../../../activities/mail/texts.js';
import type { Change, NewsKind } from '../../../activities/contract.js';
import { newsKinds } from '../../../workflows/domain/tells.js';
import { change, exampleDirectory, type ChangeParts } from '../../support/change.js';

const directory = exampleDirectory();
const portalUrl = 'http://localhost:7300';

function written(kind: NewsKind, parts: ChangeParts, ref = 'person:owner'): Typeset & { change: Change } {
  const it = change(parts);
  const reader = { ref, name: 'Reader', address: 'reader@example.org', timeZone: 'Europe/Berlin', kind };
  const story = { view: it.view, request: it.request, portalUrl, nameOf: directory.nameOf };
  return { ...typeset(letterFor(story, reader)), change: it };
}

const at = Date.UTC(2026, 10, 22, 14, 30);

describe('a mail', () => {
  it('that asks for a decision says who, what, how long, why, the risk and until when, and never decides', () => {
    const {
      subject,
      text,
      html,
      change: it,
    } = written('asked', {
      request: { ticket: { system: 'Tracker', number: 'OPS-7' } },
      view: { step: { ...base(), expireAt: at } },
    });
    assert.equal(subject, 'Please decide: Read the orders database for Engineer');
    for (const said of [
      'Engineer asks for Read the orders database: 1 hour 30 minutes.',
      '> Look into a late order.',
      'Ticket: Tracker OPS-7',
      'Risk: 42 of 100 (elevated)',
      '- 20 points: It is 03:10 for them.',
      'Decide by: Sun, 22 Nov 2026, 15:30 CET',
      `http://localhost:7300/grants/${it.view.grantId}#decide\n`,
    ]) {
      assert.ok(text.includes(said), `${said} in\n${text}`);
    }
    assert.deepEqual(html.match(/href="[^"]*"/g), [`href="http://localhost:7300/grants/${it.view.grantId}#decide"`]);
    assert.doesNotMatch(html, /<form|<script|<img|approve/i);
  });

  it('names the extension where one is decided', () => {
    const { text } = written('asked', {
      view: {
        step: { ...base(), about: 'decision-1' },
        extension: { decisionId: 'decision-1', by: 'person:engineer', totalMs: 10_800_000, reason: 'Not done yet.' },
      },
    });
    assert.match(text, /Engineer asks to keep Read the orders database longer: 3 hours in all\./);
    assert.match(text, /> Not done yet\./);
  });

  it('about ready access tells how to collect, and has no credential in it', () => {
    const view = { state: 'ACTIVE', credential: 'waiting', expireTime: at, step: undefined } as const;
    const { text } = written('active', { view }, 'person:engineer');
    assert.match(
      text,
      /Your access to Read the orders database is ready and ends by itself at Sun, 22 Nov 2026, 15:30 CET\./,
    );
    assert.match(text, /shown once, to you alone, and never sent by mail/);
    assert.doesNotMatch(written('active', { view }, 'person:manager').text, /collect/);
  });

  it('about an end says who, why, and when the target confirmed it', () => {
    const view = {
      state: 'REVOKED',
      step: undefined,
      removalVerifiedTime: at,
      ending: { code: 'revoked', by: 'person:security', reason: 'Laptop lost.', at },
    } as const;
    const { text } = written('over', { view }, 'person:engineer');
    assert.match(text, /is over: Security officer ended it\./);
    assert.match(text, /target confirmed that at Sun, 22 Nov 2026, 15:30 CET/);
    assert.match(text, /> Laptop lost\./);
  });

  it('about a refused extension says that access ends as planned', () => {
    const view = { state: 'ACTIVE', expireTime: at } as const;
    const { subject, text } = written('not-extended', { view }, 'person:engineer');
    assert.match(subject, /^Not extended/);
    assert.match(text, /ends as planned: Sun, 22 Nov 2026, 15:30 CET/);
  });

  it('of every kind shows hostile text as text, on its own line and in its own place', () => {
    const evil = 'x\r\nBcc: all@example.org\r\n\r\n<img src=//evil.example onerror=alert(1)>"\u202E';
    for (const kind of newsKinds) {
      const { subject, text, html } = written(kind, {
        request: {
          justification: evil,
          requesterName: evil,
          subjectName: evil,
          ticket: { system: evil, number: evil },
        },
        view: {
          requesterName: evil,
          subjectName: evil,
          entitlementTitle: evil,
          account: evil,
          ending: { code: 'revoked', by: evil, reason: evil, at },
          risk: { score: 1, band: 'low', factors: [{ id: 'x', points: 1, evidence: evil }], missing: [] },
        },
      });
      assert.doesNotMatch(subject, /[\r\n\u202E]/);
      assert.doesNotMatch(html, /<img/);
      assert.doesNotMatch(text, /^Bcc:|^<img|\u202E/m, text);
    }
  });

  it('to operators about a stray says what was found and what to look into', () => {
    const stray = { target: 'orders-db', grantId: 'g', account: 'daypass_g' };
    const operator = { ref: 'person:operator', name: 'Operator', address: 'operator@example.org' };
    const { subject, text } = typeset(strayLetter(stray, portalUrl, operator));
    assert.equal(subject, 'Still stands at orders-db: an account that no grant explains');
    assert.match(text, /Account: daypass_g/);
  });
});

function base() {
  const { step } = change().view;
  assert.ok(step);
  return step;
}

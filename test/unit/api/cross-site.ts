/** Other sites: they cannot act with a visitor's cookie, nor send anyone elsewhere after a sign-in. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createCsrf, isOwnSite } from '../../../api/identity/csrf.js';
import { checkIssuer } from '../../../api/identity/oidc.js';
import { safeReturnPath } from '../../../api/identity/return-path.js';

const portal = 'http://localhost:7300';

describe('where a request comes from', () => {
  const cases: [what: string, sender: Parameters<typeof isOwnSite>[0], own: boolean][] = [
    ['reading from anywhere', { method: 'GET', origin: 'http://evil.example', secFetchSite: 'cross-site' }, true],
    ['a form of ours', { method: 'POST', origin: portal, secFetchSite: 'same-origin' }, true],
    ['a browser without an Origin header', { method: 'POST', origin: undefined, secFetchSite: 'same-origin' }, true],
    ['another site', { method: 'POST', origin: 'http://evil.example', secFetchSite: 'cross-site' }, false],
    [
      'another port of the same host',
      { method: 'POST', origin: 'http://localhost:8233', secFetchSite: 'same-site' },
      false,
    ],
    ['an origin that is hidden', { method: 'POST', origin: 'null', secFetchSite: 'same-origin' }, false],
    ['a sender that says nothing', { method: 'POST', origin: undefined, secFetchSite: undefined }, false],
    ['the address bar', { method: 'POST', origin: undefined, secFetchSite: 'none' }, false],
    [
      'a host that begins like ours',
      { method: 'POST', origin: `${portal}.evil.example`, secFetchSite: undefined },
      false,
    ],
    ['a method of its own', { method: 'PROPFIND', origin: undefined, secFetchSite: 'cross-site' }, false],
  ];
  for (const [what, sender, own] of cases) {
    it(`${own ? 'lets in' : 'keeps out'} ${what}`, () => assert.equal(isOwnSite(sender, portal), own));
  }
});

describe('the token of forms', () => {
  const csrf = createCsrf(randomBytes(32));

  it('holds for its own session and no other', () => {
    assert.ok(csrf.holds('a', csrf.token('a')));
    for (const wrong of [csrf.token('b'), '', undefined, [csrf.token('a')], `${csrf.token('a')}x`]) {
      assert.equal(csrf.holds('a', wrong), false);
    }
    assert.equal(csrf.holds('a', createCsrf(randomBytes(32)).token('a')), false);
  });
});

describe('the way back after a sign-in', () => {
  for (const path of ['/', '/grants', '/grants?state=ACTIVE&limit=2', '/grants/abc#decide']) {
    it(`leads to ${path}`, () => assert.equal(safeReturnPath(path, portal), path));
  }

  const wrong = [
    'https://evil.example/',
    '//evil.example',
    '/\\evil.example',
    '\\\\evil.example',
    '/\t/evil.example',
    '/%0a/evil.example\n',
    'javascript:alert(1)',
    '/..//evil.example',
    '/./\\evil.example',
    'grants',
    '',
    '/sign-in?returnTo=/',
    '/sign-out',
    `/${'x'.repeat(600)}`,
    undefined,
    ['/grants'],
  ];
  for (const path of wrong) {
    it(`leads home instead of to ${JSON.stringify(path)?.slice(0, 40)}`, () => {
      assert.equal(safeReturnPath(path, portal), '/');
    });
  }
});

describe('the issuer', () => {
  it('is reached by https, or on this machine', () => {
    for (const issuer of ['https://login.example.org', 'http://localhost:7301', 'http://127.0.0.1:7301']) {
      checkIssuer(issuer);
    }
  });
  it('is refused over plain http elsewhere', () => {
    for (const issuer of ['http://login.example.org', 'http://localhost.example.org', 'ftp://localhost']) {
      assert.throws(() => checkIssuer(issuer), /https/);
    }
  });
});

/**
 * What others keep for us and bring back: cookies, cursors, sign-ins under way, what Redis holds, addresses of the Temporal UI, paths to
 * return to, keys to seal to. Only what we made counts, and what is passed on is what was judged.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { parse } from 'cookie';
import { sealCredential } from '../../../../../activities/platform/jwe.js';
import { openPast, sealPast } from '../../../../../activities/policy/risk/sealed-past.js';
import { safeReturnPath } from '../../../../../api/identity/return-path.js';
import { createNonces } from '../../../../../api/identity/nonces.js';
import { createSealer } from '../../../../../api/identity/seal.js';
import { createSessions } from '../../../../../api/identity/session.js';
import { createSignOuts, signedOutChannel } from '../../../../../api/identity/sign-outs.js';
import { RecipientKey } from '../../../../../api/schemas/ask.js';
import { callOf, isDisguised } from '../../../../../api/temporal/calls.js';
import { keyOf } from '../../../../support/signer.js';
import { reader, type Format } from '../format.js';
import { changedJson, changedText } from '../mutate.js';

const hour = 3_600_000;
const never = { refuses: () => false };

export async function held(): Promise<Format> {
  const key = randomBytes(32);
  const sealer = createSealer(key);
  const sessions = createSessions(sealer, { secure: false });
  const signIn = { time: Date.now(), methods: ['pwd'], groups: ['engineers'] };
  const { session, cookie } = await sessions.start('person:engineer', signIn);
  const [header = ''] = cookie.split(';');
  const sealedFor = (purpose: 'session' | 'sign-in' | 'cursor') =>
    sealer.seal(purpose, { token: 'next', of: 'list' }, 24 * hour);
  const cursor = await sealedFor('cursor');
  const another = await createSealer(randomBytes(32)).seal('cursor', { token: 'evil', of: 'list' }, hour);
  const nonces = createNonces(key);
  const bound = { purpose: 'decision' as const, actor: 'person:manager', sessionId: 's', decided: 'x' };
  const nonce = nonces.make(bound);
  const riskKey = randomBytes(32);
  const past = {
    sequence: 3,
    grants: [{ id: 'g', entitlement: 'orders-db/read', at: 1, ms: hour, result: 'used' as const }],
  };
  const stored = sealPast(riskKey, 'daypass:risk:engineer', past);
  const { d: _private, kid: _kid, ...open } = keyOf('X25519');

  return {
    name: 'held',
    readers: [
      reader<string>({
        ...never,
        name: 'session cookie',
        valid: [header, `a=b; ${header}; c=d`],
        corpus: [
          '',
          '=',
          ';;;',
          'daypass',
          'daypass=',
          `daypass=${cursor}`,
          `daypass=x; ${header}`,
          '__proto__=1; constructor=2',
          `daypass=${'a'.repeat(100_000)}`,
          'daypass=%',
          `daypass=${'.'.repeat(50_000)}`,
        ],
        change: (text, script) => changedText(text, script, ['daypass=', '; ', '%2e']),
        read: async (text) => {
          const found = await sessions.read(text);
          sessions.isSent(text);
          if (!found) return;
          assert.deepEqual(found, session);
          assert.ok(
            isRespelled(parse(text)['daypass'] ?? '', parse(header)['daypass'] ?? ''),
            'another text than was given',
          );
        },
      }),
      reader<string>({
        ...never,
        name: 'cursor',
        valid: [cursor],
        corpus: [
          another,
          await sealedFor('session'),
          await sealedFor('sign-in'),
          '',
          '....',
          `${cursor}.`,
          'eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4Q0JDLUhTMjU2In0....',
          'a'.repeat(200_000),
        ],
        change: (text, script) => changedText(text, script),
        read: async (text) => {
          const found = await sealer.open('cursor', text);
          if (found) assert.deepEqual([found['token'], found['of'], isRespelled(text, cursor)], ['next', 'list', true]);
        },
      }),
      reader<string>({
        ...never,
        name: 'nonce',
        valid: [nonce],
        corpus: ['', '=', nonce.slice(0, -1), `${nonce}A`, `${nonce}=`, `${nonce.slice(0, -1)}_`],
        change: (text, script) => changedText(text, script),
        read: (text) => {
          if (nonces.judge(text, bound) === 'good') assert.equal(text, nonce);
          assert.equal(nonces.judge(text, { ...bound, actor: 'person:another' }), 'foreign');
        },
      }),
      reader<string>({
        ...never,
        name: 'risk baseline in Redis',
        valid: [stored],
        corpus: [
          '',
          '.',
          '..',
          'null',
          `.${JSON.stringify(past)}`,
          stored.replace('.', '..'),
          stored.replace('"used"', '"asked"'),
          `${stored} `,
        ],
        change: (text, script) => changedText(text, script),
        read: (text) => {
          const found = openPast(riskKey, 'daypass:risk:engineer', text);
          if (found)
            assert.deepEqual([found, text.slice(text.indexOf('.'))], [past, stored.slice(stored.indexOf('.'))]);
          assert.equal(openPast(riskKey, 'daypass:risk:another', text), undefined);
        },
      }),
      reader<string>({
        ...never,
        name: 'sign-outs in Redis',
        valid: [JSON.stringify({ values: [null, null, null], heard: '' })],
        corpus: [
          { values: ['1.x', '2.y', '3.z'], heard: 'ref person:engineer 1.x' },
          { values: ['9007199254740991.', 'NaN', 'Infinity.'], heard: 'session' },
          { values: ['', '0x10.a', '1e3.b'], heard: ' '.repeat(50_000) },
        ].map((input) => JSON.stringify(input)),
        change: (text, script) => changedJson(text, script),
        read: async (text) => {
          const { values, heard } = { ...(jsonOr(text) as { values?: unknown; heard?: unknown }) };
          const given = Array.isArray(values)
            ? values.map((value: unknown) => (typeof value === 'string' ? value : null)).slice(0, 3)
            : [];
          const signOuts = createSignOuts(
            { mget: () => Promise.resolve(given), set: () => Promise.resolve('OK'), publish: () => Promise.resolve(0) },
            key,
          );
          if (typeof heard === 'string') signOuts.heard(heard);
          assert.notEqual(signedOutChannel, '');
          // Whoever owns Redis signs nobody out, and nobody in: at most it is not known.
          const out = await signOuts.isOut({ ref: 'person:engineer', madeAt: Date.now(), sessionId: 's' });
          assert.notEqual(out, true);
          if (given.slice(0, 2).some((value) => value)) assert.equal(out, 'unknown');
        },
      }),
      reader<{ method: string; path: string }>({
        ...never,
        name: 'address of the Temporal UI',
        valid: [
          { method: 'GET', path: '/api/v1/namespaces/default/workflows/grant%2Fx/runs/r/history' },
          { method: 'POST', path: '/api/v1/namespaces/default/workflows/grant%2Fx/query/__stack_trace' },
          { method: 'POST', path: '/api/v1/namespaces/default/workflows/grant%2Fx/signal/revoke' },
          { method: 'GET', path: '/_app/immutable/entry.js' },
        ],
        corpus: [
          '/api/v1/namespaces/default/workflows/%2e%2ey',
          '/api/v1/namespaces/default/workflows/../batch-operations/x/query/y',
          '/api/v1/namespaces/default/workflows/%2e%2e/query/y',
          '/api/v1/namespaces/default/workflows/%252e%252e%252fx/query/y',
          '/api/v1/namespaces/default/workflows/x%2Fsignal%2Fy/query/z',
          '/api/v1/namespaces/default/workflows//query/z',
          '/api/v1/namespaces/default/workflows/x/query/%',
          '/api/v1/namespaces/default/workflows/x/query/z/../../signal/y',
          '/_app/../api/v1/settings',
          '/api',
          `/${'%25'.repeat(5_000)}`,
          `/_app/${'a/'.repeat(20_000)}`,
        ].map((path) => ({ method: 'POST', path })),
        change: ({ method, path }, script) => ({
          method: (script[0]?.what ?? 0) % 5 === 0 ? (method === 'GET' ? 'POST' : 'GET') : method,
          path: `/${changedText(path, script, ['%2f', '%2e', '%5c', '..', '/api/v1/', 'query', 'signal', 'terminate']).slice(1)}`,
        }),
        read: ({ method, path }) => {
          const call = callOf(method, path);
          isDisguised(path);
          if (call.kind === 'page' || call.kind === 'frame') return;
          assert.equal(call.path, path);
          if (call.kind === 'change') return;
          // However a server reads it, it stays where it was judged: dot segments are gone, whatever is decoded.
          for (const read of [path, decoded(path), decoded(decoded(path))]) {
            assert.doesNotMatch(read, /(^|[/\\])\.{1,2}([/\\]|$)/, 'climbs');
          }
          if (call.kind === 'asset') return assert.match(path, /^\/(_app\/|favicon\.ico$)/);
          assert.match(
            path,
            method === 'GET' ? /^\/api\/v1\// : /^\/api\/v1\/namespaces\/[^/]+\/workflows\/[^/]+\/query\/[^/]+$/,
          );
        },
      }),
      reader<string>({
        ...never,
        name: 'path to return to',
        valid: ['/', '/grants/x?tab=1#a'],
        corpus: [
          '//evil',
          '/\\evil',
          '/\t/evil',
          '/%2f/evil',
          '/..//evil',
          '/.//evil',
          'https://evil',
          'javascript:alert(1)',
          '/sign-out',
          '/a/../sign-in/callback',
          '/\u0000',
          '',
          `/${'a'.repeat(100_000)}`,
        ],
        change: (text, script) => changedText(text, script, ['//', '\\', 'evil', '@', ':', '/./', '/../']),
        read: (text) => {
          const path = safeReturnPath(text, 'http://localhost:7300');
          const url = new URL(path, 'http://localhost:7300');
          assert.equal(url.origin, 'http://localhost:7300');
          assert.match(path, /^\/(?!\/)/);
          // Where the browser goes is where it was judged, also when it reads the answer once more.
          assert.equal(url.pathname + url.search + url.hash, path);
          assert.doesNotMatch(url.pathname, /^\/sign-(in|out)/);
        },
      }),
      reader<string>({
        ...never,
        name: 'recipientKey',
        valid: [JSON.stringify(open)],
        corpus: ['A', 'B', '_', 'g']
          .map((last) => JSON.stringify({ ...open, x: `${'A'.repeat(42)}${last}` }))
          .concat('null', '[]', JSON.stringify(keyOf('X25519')), JSON.stringify(keyOf('Ed25519'))),
        change: (text, script) => changedJson(text, script),
        read: async (text) => {
          const found = RecipientKey.safeParse(jsonOr(text));
          if (!found.success) return;
          assert.deepEqual(
            Object.keys(found.data).filter((name) => !['kty', 'crv', 'x', 'kid'].includes(name)),
            [],
          );
          // A point that nothing can be sealed to is told to the asker; everything else works.
          await sealCredential({ grantId: 'g', subject: 's' }, found.data).catch((error: unknown) => {
            assert.ok(error instanceof Error && error.name === 'OperationError', String(error));
          });
        },
      }),
    ],
  };
}

/** Base64url may be written with bits that no byte needs, or padded: the bytes are what is sealed. */
function isRespelled(text: string, as: string): boolean {
  const parts = (it: string): string =>
    it
      .split('.')
      .map((part) => Buffer.from(part, 'base64').toString('hex'))
      .join('.');
  return parts(text) === parts(as);
}

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Zone files with their ceilings and passkeys, and key files: what they say, or where they are wrong. */
import assert from 'node:assert/strict';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import * as keys from '../../../../../activities/platform/keys.js';
import { readCeilings, readZone } from '../../../../../activities/zone.js';
import { readZonePasskeys } from '../../../../../api/audit/verify/zone.js';
import { createPasskey } from '../../../../support/authenticator.js';
import { keyOf } from '../../../../support/signer.js';
import { reader, type Format } from '../format.js';
import { changedJson, changedText, type Script } from '../mutate.js';
import { bomb, isDoubled, mistakes } from '../yaml.js';

const env = { ORDERS_DB_PORT: '7432', ORDERS_DB_PROVISIONER: 'hunter2' };
const tokens = ['PT8H', 'P1M', '${HOME}', '${ORDERS_DB_PORT}', 'attested: true', 'least: 0', 'longest: ', 'person: '];

function changedYaml(text: string, script: Script): string {
  const [first] = script;
  // The library's own way of reading is what a large file exhausts.
  if (first === undefined || first.size % 2 === 0 || text.length > 50_000) return changedText(text, script, tokens);
  try {
    return changedJson(JSON.stringify(parse(text)), script);
  } catch {
    return changedText(text, script, tokens);
  }
}

interface KeyFile {
  kind: keyof typeof readers;
  text: string;
}
const readers = {
  signing: keys.readSigningKey,
  pinned: keys.readSigningKeys,
  receipts: keys.readReceiptKeys,
  ring: keys.readCodecKeys,
  credential: keys.readCredentialKey,
  secret: keys.readSecret,
};

export async function zone(): Promise<Format> {
  const folder = await mkdtemp(join(tmpdir(), 'daypass-fuzz-zone-'));
  await chmod(folder, 0o700);
  const file = join(folder, 'orders-db.yml');
  const example = await readFile('policy/ceilings/orders-db.yml', 'utf8');
  const passkeys = (['ES256', 'EdDSA', 'RS256'] as const)
    .map((algorithm) => createPasskey(algorithm))
    .map(({ credentialId, publicKey }, index) => `  - { person: p${index}, id: ${credentialId}, key: ${publicKey} }\n`);
  const listed = example.replace('passkeys: []', `passkeys:\n${passkeys.join('')}`);
  const { d: _private, ...open } = keyOf('Ed25519');
  const json = (value: unknown): string => JSON.stringify(value);
  const secret = Buffer.alloc(32, 7).toString('base64');
  const jsonFiles: KeyFile[] = [
    { kind: 'signing', text: json(keyOf('Ed25519')) },
    { kind: 'pinned', text: json({ keys: [open, { ...open, kid: 'old', until: '2026-12-31T00:00:00Z' }] }) },
    { kind: 'receipts', text: json({ keys: [{ ...open, targets: ['orders-db'] }] }) },
    { kind: 'ring', text: json({ current: 'k1', keys: { k1: secret, k2: secret } }) },
    { kind: 'credential', text: json(keyOf('X25519')) },
    { kind: 'secret', text: secret },
  ];
  const deep = '['.repeat(30_000) + ']'.repeat(30_000);

  return {
    name: 'zone',
    readers: [
      reader<string>({
        name: 'zone file',
        valid: [example, listed],
        corpus: [
          bomb,
          mistakes,
          '['.repeat(20_000),
          '&a [*a]',
          'target: *nowhere',
          `${listed}\n? [a]\n: 1\n`,
          example.replace('  orders-db/read:', '  1: {}\n  "1": {}\n  orders-db/read:'),
          example.replace(
            '    automatic: { longest: PT1H, perHour: 20 }',
            '    automatic: !unknown { longest: PT1H, perHour: 20 }',
          ),
          `${example}__proto__: { polluted: true }\n`,
          example.replace('host: localhost', '__proto__: { a: 1 }'),
          listed.replace(/key: \S+/, `key: ${'A'.repeat(5_000)}`),
          `# ${'x'.repeat(3_000_000)}\n${example}`,
        ],
        change: changedYaml,
        read: async (text) => {
          await writeFile(file, text, { mode: 0o600 });
          const { ceilings, target, passkeys: people } = await readZone(file, env);
          assert.ok(!isDoubled(text), 'a field that stands twice was read once');
          assert.match(target, /^[a-z0-9][a-z0-9._-]*$/);
          assert.ok(ceilings.size > 0);
          for (const { longestMs, approvals, automatic, emergency } of ceilings.values()) {
            assert.ok(
              longestMs > 0 && longestMs <= 366 * 86_400_000 && approvals.least >= 1 && approvals.groups.length > 0,
            );
            assert.ok((automatic?.longestMs ?? 0) <= longestMs && (emergency?.longestMs ?? 0) <= longestMs);
          }
          assert.equal(new Set(people.map(({ credentialId }) => credentialId)).size, people.length);
          await readCeilings(folder);
          await readZonePasskeys(file);
        },
        // Each line of it names the file, and most the line and the field.
        refuses: (error) =>
          error instanceof Error &&
          error.message.split('\n').every((line) => line.startsWith(`${file}:`) && !/call stack/.test(line)),
        cpuMs: 2_000,
      }),
      reader<KeyFile>({
        name: 'key file',
        valid: jsonFiles,
        corpus: jsonFiles.flatMap(({ kind }) =>
          [
            '',
            'null',
            '[]',
            '{"keys":null}',
            '{"keys":{"__proto__":""},"current":"__proto__"}',
            deep,
            `{"keys":${deep}}`,
          ].map((text) => ({ kind, text })),
        ),
        change: ({ kind, text }, script) => ({
          kind,
          text: (script[0]?.size ?? 0) % 2 === 0 ? changedText(text, script) : changedJson(text, script),
        }),
        read: async ({ kind, text }) => {
          const path = join(folder, 'key.json');
          await writeFile(path, text, { mode: 0o600 });
          await readers[kind](path);
        },
        refuses: (error) =>
          error instanceof Error && error.message.startsWith('The key file ') && error.message.endsWith('.'),
      }),
    ],
    close: () => rm(folder, { recursive: true }),
  };
}

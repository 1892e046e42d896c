/** Policy folders: a policy, or every problem of it with file, line, column and field. */
import assert from 'node:assert/strict';
import { stringify, parse } from 'yaml';
import { PolicyError } from '../../../../../activities/policy/problems.js';
import { parsePolicy, readTexts } from '../../../../../activities/policy/read.js';
import { names, type PolicyFileName } from '../../../../../activities/policy/schema/files.js';
import { reader, type Format } from '../format.js';
import { changedJson, changedText, type Script } from '../mutate.js';
import { bomb, isDoubled, mistakes } from '../yaml.js';

interface Input {
  file: PolicyFileName;
  text: string;
}

const tokens = [
  'PT0S',
  'PT1H',
  'P1Y',
  'group:',
  'person:manager',
  'Europe/Berlin',
  '2026-02-30',
  "'24:00'",
  'id: ',
  '~',
];
const good = readTexts('policy');

/** The library's own way of reading, by which values are changed here, is what a large file exhausts. */
const structuredMax = 50_000;

/** Of the values of the file, or of its characters. */
function change({ file, text }: Input, script: Script): Input {
  const [first] = script;
  if (first === undefined || first.size % 2 === 0 || text.length > structuredMax)
    return { file, text: changedText(text, script, tokens) };
  try {
    // Without the comments, and every second time as JSON, which is YAML too; what is deep would be indented without end.
    const json = changedJson(JSON.stringify(parse(text)), script);
    const isJson = first.size % 4 === 1 || json.includes('[[[[');
    return { file, text: isJson ? json : stringify(JSON.parse(json), { aliasDuplicateObjects: false }) };
  } catch {
    return { file, text: changedText(text, script, tokens) };
  }
}

export async function policy(): Promise<Format> {
  const valid = names.map((file): Input => ({ file, text: good[file] ?? '' }));
  return {
    name: 'policy',
    readers: [
      reader<Input>({
        name: 'policy folder',
        valid,
        corpus: [
          { file: 'risk', text: bomb },
          { file: 'risk', text: mistakes },
          { file: 'risk', text: 'bands: *nowhere\n' },
          { file: 'flows', text: '['.repeat(20_000) },
          { file: 'flows', text: '[{a: '.repeat(800) },
          { file: 'targets', text: `${good.targets}\n1: a\n"1": b\n` },
          { file: 'targets', text: `${good.targets}\n__proto__: { polluted: true }\n` },
          { file: 'entitlements', text: '&a [*a]' },
          { file: 'entitlements', text: '' },
          { file: 'directory', text: '\u0000' },
          { file: 'directory', text: '? [a]\n: 1\n' },
          { file: 'directory', text: '--- a\n--- b\n' },
          { file: 'risk', text: 'a: 1\n'.repeat(810_000) },
        ],
        change,
        read: ({ file, text }) => {
          const found = parsePolicy('policy', { ...good, [file]: text });
          assert.match(found.version, /^[0-9a-f]{64}$/);
          assert.ok(!isDoubled(text), 'a field that stands twice was read once');
        },
        refuses: (error) => error instanceof PolicyError && error.problems.every(isWhole) && error.problems.length > 0,
        // Five files of up to 150,000 characters.
        cpuMs: 4_000,
      }),
    ],
  };
}

function isWhole({ file, line, column, field, message }: PolicyError['problems'][number]): boolean {
  const isPlaced = /^(directory|entitlements|flows|risk|targets)\.yml$/.test(file) && line >= 1 && column >= 1;
  return isPlaced && typeof field === 'string' && /\w/.test(message) && !/call stack|\[object|undefined/.test(message);
}

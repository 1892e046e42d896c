/** Workflows that older versions started must go on under today's code: their histories replay. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { grantRecords, journalRecords, personRecords } from '../../workflows/domain/record.js';
import { terminalStates } from '../../workflows/domain/states.js';
import * as workflows from '../../workflows/index.js';
import { workflowBundle } from '../support/bundle.js';
import { changedBundle, type Change } from '../support/changed-workflows.js';
import { grantLives, historyNames } from './lives.js';
import { readHistories, type Stored } from './stored.js';
import { brokenPromises } from './support/broken-promise.js';
import { otherLives } from './support/others.js';

const stored = readHistories();
const of = (wanted: string): Stored[] => stored.filter(({ version }) => version === wanted);
const named = (...names: string[]): Stored[] => of(current).filter(({ name }) => names.includes(name));
const { version: current } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };

/** A further question before an order, as somebody may well write it. */
const question: Change = {
  file: 'effects.ts',
  from: "    case 'provision': {\n",
  to: "    case 'provision': {\n      await stillEligible(state, 'once more');\n",
};

describe('a stored history', function () {
  this.timeout(600_000);
  let broken: (string | undefined)[] = [];
  before(async () => {
    broken = await brokenPromises(await workflowBundle(), stored);
  });

  for (const [index, { version, name }] of stored.entries()) {
    it(`replays: ${version}, ${name}`, () => assert.equal(broken[index], undefined, broken[index]));
  }

  it('is there for every life of this version, and for every version of the changelog', () => {
    assert.deepEqual(
      of(current)
        .map(({ name }) => name)
        .sort(),
      [...historyNames].sort(),
      'record it: npm run histories:record',
    );
    const released = [...readFileSync('CHANGELOG.md', 'utf8').matchAll(/^## \[(\d[^\]]*)\]/gm)].map(([, name]) => name);
    for (const version of [...released, current]) {
      assert.ok(of(version ?? '').length > 0, `no histories of ${version}: npm run histories:record at each release`);
    }
  });

  it('is there for every outcome, every workflow, and everything that a record can say', () => {
    const outcomes = new Set(Object.values(grantLives).map(([ends]) => ends));
    assert.deepEqual([...outcomes].sort(), [...terminalStates].sort());
    assert.deepEqual(Object.keys(workflows).sort(), ['grant', ...Object.keys(otherLives)].sort());
    const said = of(current).map(({ history }) => textOf(history));
    for (const type of Object.keys({ ...grantRecords, ...personRecords, ...journalRecords })) {
      assert.ok(
        said.some((text) => text.includes(`"type":"${type}"`)),
        `no life has the record ${type}: add one to test/replay/support`,
      );
    }
  });

  it('stays small, so that many versions fit', () => {
    const bytes = of(current).reduce((sum, each) => sum + each.bytes, 0);
    assert.ok(bytes < 1_000_000, `${current} has ${bytes} bytes of histories`);
  });

  it('that breaks says where, which promise that is, and what to do', async () => {
    const codePath = await changedBundle(question, {
      file: 'domain/clocks.ts',
      from: 'found.push({ at: expireAt, ',
      to: 'void ({ at: expireAt, ',
    });
    const [expired, automatic] = await brokenPromises({ codePath }, [...named('expired'), ...named('ended-automatic')]);
    assert.match(expired ?? '', /0\.1\.0\/expired no longer replays from event \d+ on: .*TimerStarted/);
    assert.match(
      automatic ?? '',
      /ended-automatic no longer replays from event \d+ on: .*'provision'.*'stillEligible'/,
    );
    for (const sentence of [expired, automatic]) {
      assert.match(sentence ?? '', /a `grant` that 0\.1\.0 started goes on under today's code/);
      assert.match(sentence ?? '', /patched\('<date of today>-<what>'\)/);
      assert.match(sentence ?? '', /keep the old branch\nfor as long as test\/replay\/histories\/0\.1\.0 is there/);
    }
  });

  it('does not break by the same change behind `patched`', async () => {
    const patched: Change = {
      file: 'effects.ts',
      from: question.from,
      to: question.to.replace('await', "if (patched('2026-12-01-once-more')) await"),
    };
    const imported: Change = {
      file: 'effects.ts',
      from: 'log, rootCause }',
      to: 'log, patched, rootCause }',
    };
    const codePath = await changedBundle(imported, patched);
    const broken = await brokenPromises({ codePath }, named('ended-automatic', 'escalated-twice'));
    assert.deepEqual(broken, [undefined, undefined]);
  });
});

/** All that its opened payloads say. */
function textOf(value: unknown): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString();
  if (typeof value !== 'object' || value === null) return '';
  return Object.values(value).map(textOf).join('\n');
}

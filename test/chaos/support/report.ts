/** The report of a run, as Markdown: what was done to the system, what people asked of it, and what held. */
import { promises } from '../../support/invariants.js';
import type { Ms } from '../../../workflows/domain/time.js';
import type { Outcome } from './chaos.js';
import { spread } from './lateness.js';
import { shapes, type Shape } from './schedule.js';

export function reportOf(outcome: Outcome): string {
  const { schedule, startedAt, endedAt, struck, facts, people, broken, strays, lost } = outcome;
  const { grants } = people.ledger;
  const { decisions } = facts.accepted;
  const answered = (status: number): number => decisions.filter((each) => each.status === status).length;
  return [
    `# Chaos: seed ${schedule.seed}`,
    '',
    `${grants.size} grants (${schedule.grants.length} planned, the others to reach a point), ${struck.length} faults, ${seconds(endedAt - startedAt)}.`,
    `${broken.length === 0 ? 'Every promise held.' : `**${broken.length} broken.**`} Strays at the end: ${strays.length}. Lost: ${lost.length}.`,
    '',
    '## Faults',
    '',
    '| at | kind | fault | lasted | settled after |',
    '| ---: | --- | --- | ---: | ---: |',
    ...struck.map(
      ({ kind, name, from, to, settledMs, notes }) =>
        `| ${seconds(from - startedAt)} | ${kind} | ${[name, ...notes].join('; ')} | ${seconds(to - from)} | ${seconds(settledMs)} |`,
    ),
    '',
    '## Grants',
    '',
    table(outcome),
    '',
    `Decisions: ${answered(200)} answered 200, ${answered(202)} answered 202, ${decisions.filter(({ status }) => status >= 400).length} refused.`,
    '',
    '## Lateness of removals',
    '',
    lateness(outcome),
    '',
    '## Promises',
    '',
    ...Object.entries(promises).map(
      ([number, row]) => `- ${number}. ${row.says} Checks: ${Object.keys(row.checks).join(', ')}.`,
    ),
    '- After each fault: nothing stood past its end, of a grant that was over, or of none; every accepted grant was there.',
    '- At the end: every decision that was answered 200 or 202 is on record; every removal began in time; no grant that nobody was told of; most ended as their requesters meant; no process of ours ended by itself.',
    ...(broken.length === 0 ? [] : ['', '## Broken', '', ...broken.map((each) => `- ${each}`)]),
  ].join('\n');
}

function table({ people, facts }: Outcome): string {
  const states = new Map(
    facts.grants.map(({ grantId, view, runs }) => [
      grantId,
      runs.at(-1)?.isTerminated ? 'ended by force' : view?.state,
    ]),
  );
  const rows = (Object.keys(shapes) as Shape[]).map((shape) => {
    const mine = [...people.ledger.grants.values()].filter((told) => told.shape === shape);
    const endings = new Map<string, number>();
    for (const { grantId } of mine) {
      const state = states.get(grantId) ?? 'unknown';
      endings.set(state, (endings.get(state) ?? 0) + 1);
    }
    return `| ${shape} | ${mine.length} | ${[...endings].map(([state, count]) => `${state} ${count}`).join(', ')} |`;
  });
  return ['| asked for | grants | ended as |', '| --- | ---: | --- |', ...rows].join('\n');
}

function lateness({ lateness: all, longestStallMs }: Outcome): string {
  const quiet = all.filter(({ isQuiet }) => isQuiet);
  const gone = all.flatMap(({ goneMs }) => (goneMs === undefined ? [] : [goneMs]));
  const row = (name: string, values: Ms[]): string => {
    const { p50, p99, max } = spread(values);
    return `| ${name} | ${values.length} | ${p50} | ${p99} | ${max} |`;
  };
  return [
    '| from due, ms | N | p50 | p99 | max |',
    '| --- | ---: | ---: | ---: | ---: |',
    row(
      'until the removal began, while nothing was wrong',
      quiet.map(({ startMs }) => startMs),
    ),
    row(
      'until the removal began, all',
      all.map(({ startMs }) => startMs),
    ),
    row('until it was gone at the target, all', gone),
    '',
    `The longest time in which this machine ran nobody: ${longestStallMs} ms. Such time is not counted against a removal.`,
  ].join('\n');
}

function seconds(ms: Ms): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

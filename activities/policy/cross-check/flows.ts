/** Checks that flows ask people who exist, in time, and enough of them. */
import { noDoubles, unknown, type Report } from './report.js';
import { checkSelector } from './entitlements.js';
import type { PolicyFiles } from '../schema/files.js';
import { partsOf } from '../schema/common.js';
import type { StepEntry } from '../schema/flows.js';

/** All approvals of a request travel to the connector in one order, and Temporal takes about 64 kB. */
const approvalsMax = 20;

export function checkFlows(files: PolicyFiles, report: Report): void {
  const { flows, calendars } = files.flows;
  const clocks = new Set(['always', ...calendars.map((calendar) => calendar.id)]);
  noDoubles(
    flows.map((flow) => flow.name),
    ['flows'],
    'name',
    report,
  );
  noDoubles(
    calendars.map((calendar) => calendar.id),
    ['calendars'],
    'id',
    report,
  );
  calendars.forEach(({ id }, index) => {
    if (id === 'always')
      report(['calendars', index, 'id'], '"always" is the clock without a calendar; rename this one');
  });

  flows.forEach((flow, index) => {
    if (flow.name === 'automatic') {
      report(['flows', index, 'name'], '"automatic" means that nobody is asked; rename this flow');
    }
    const needed = flow.steps.reduce((sum, step) => sum + step.needed, 0);
    if (needed > approvalsMax) {
      report(['flows', index, 'steps'], `need ${needed} approvals in all; ask for at most ${approvalsMax}`);
    }
    flow.steps.forEach((step, place) => {
      const at = ['flows', index, 'steps', place];
      for (const field of ['approvers', 'escalateTo', 'fallback'] as const) {
        step[field].forEach((selector, position) => checkSelector(files, selector, [...at, field, position], report));
      }
      if (!clocks.has(step.clock)) report([...at, 'clock'], unknown(step.clock, 'calendars'));
      checkClocks(step, at, report);
      checkReach(files, step, at, report);
    });
  });
}

function checkClocks(step: StepEntry, at: (string | number)[], report: Report): void {
  const { remindAfter, escalateAfter, expireAfter, escalateTo } = step;
  if (remindAfter !== undefined && remindAfter >= expireAfter) {
    report([...at, 'remindAfter'], 'is not before expireAfter; shorten it');
  }
  if (escalateAfter !== undefined && escalateAfter >= expireAfter) {
    report([...at, 'escalateAfter'], 'is not before expireAfter; shorten it');
  }
  if (escalateAfter !== undefined && escalateTo.length === 0) {
    report([...at, 'escalateAfter'], 'has nobody to escalate to; add escalateTo or leave this out');
  }
  if (escalateAfter === undefined && escalateTo.length > 0) {
    report([...at, 'escalateTo'], 'is never asked; add escalateAfter or leave this out');
  }
}

/** A quorum that the whole step could never reach is a mistake in the file, not bad luck of a request. */
function checkReach(files: PolicyFiles, step: StepEntry, at: (string | number)[], report: Report): void {
  const selectors = [...step.approvers, ...step.escalateTo, ...step.fallback];
  const people = new Set<string>();
  for (const { kind, id } of selectors.map(partsOf)) {
    // Both stand for one person, who differs from request to request.
    if (kind === 'manager' || kind === 'oncall') people.add(`${kind}:${id}`);
    if (kind === 'person') people.add(id);
    if (kind === 'group') {
      for (const person of files.directory.people) if (person.groups.includes(id)) people.add(person.id);
    }
  }
  if (people.size < step.needed) {
    report(
      [...at, 'needed'],
      `is ${step.needed}, and only ${people.size} could ever be asked; lower it or ask more people`,
    );
  }
}

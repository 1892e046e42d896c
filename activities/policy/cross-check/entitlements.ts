/** Checks that entitlements stand on targets, flows and people that exist, and that their durations fit each other. */
import { Temporal } from 'temporal-polyfill';
import { humansOf } from '../directory.js';
import { noDoubles, unknown, type Report } from './report.js';
import type { PolicyFiles } from '../schema/files.js';
import { partsOf } from '../schema/common.js';
import type { EntitlementEntry } from '../schema/entitlements.js';

export function checkEntitlements(files: PolicyFiles, report: Report): void {
  const { entitlements, minimumDuration } = files.entitlements;
  const targets = new Set(files.targets.targets.map((target) => target.name));
  const flows = new Set(files.flows.flows.map((flow) => flow.name));

  noDoubles(
    entitlements.map((entitlement) => entitlement.id),
    ['entitlements'],
    'id',
    report,
  );
  entitlements.forEach((entitlement, index) => {
    const at = ['entitlements', index];
    const { id, target, flow } = entitlement;
    if (!targets.has(target)) report([...at, 'target'], unknown(target, 'targets.yml'));
    if (!id.startsWith(`${target}/`))
      report([...at, 'id'], `must start with its target: ${target}/${id.split('/')[1]}`);
    for (const [band, name] of Object.entries(flow)) {
      if (name === 'automatic' && band === 'low') continue;
      if (name === 'automatic')
        report([...at, 'flow', band], 'may be automatic for "low" only; name a flow of flows.yml');
      else if (!flows.has(name)) report([...at, 'flow', band], unknown(name, 'flows.yml'));
    }
    for (const field of ['eligible', 'mayRequestFor'] as const) {
      entitlement[field].forEach((selector, place) => checkSelector(files, selector, [...at, field, place], report));
    }
    checkDurations(entitlement, minimumDuration, at, report);
    checkEmergency(files, entitlement, at, report);
  });
}

function checkDurations(entitlement: EntitlementEntry, floor: number, at: (string | number)[], report: Report): void {
  const { default: usual, maximum, minimum = floor, presets } = entitlement.duration;
  const most = `the maximum (${iso(maximum)})`;
  const least = `the minimum (${iso(minimum)})`;
  const fits = (value: number, ...path: (string | number)[]) => {
    if (value > maximum) report([...at, ...path], `is longer than ${most}; shorten it or raise the maximum`);
    if (value < minimum) report([...at, ...path], `is shorter than ${least}; lengthen it or lower the minimum`);
  };
  if (minimum < floor) report([...at, 'duration', 'minimum'], `is below minimumDuration (${iso(floor)}); raise it`);
  if (minimum > maximum) report([...at, 'duration', 'maximum'], `is shorter than ${least}; raise it`);
  fits(usual, 'duration', 'default');
  presets.forEach((preset, place) => fits(preset, 'duration', 'presets', place));
  const { automaticUpTo } = entitlement.extension;
  if (automaticUpTo !== undefined) fits(automaticUpTo, 'extension', 'automaticUpTo');
}

/** Somebody else than whoever breaks the glass must be there to look back at it. */
function checkEmergency(
  files: PolicyFiles,
  { emergency, duration }: EntitlementEntry,
  at: (string | number)[],
  report: Report,
): void {
  if (emergency === undefined) return;
  for (const field of ['eligible', 'reviewers'] as const) {
    emergency[field].forEach((selector, place) =>
      checkSelector(files, selector, [...at, 'emergency', field, place], report),
    );
  }
  if (emergency.longest > duration.maximum) {
    report([...at, 'emergency', 'longest'], `is longer than the maximum (${iso(duration.maximum)}); shorten it`);
  }
  const { people } = files.directory;
  const humans = humansOf(people);
  const meant = (selectors: string[]) =>
    people
      .filter(({ id, groups, status }) => {
        const mine = [`person:${id}`, ...groups.map((group) => `group:${group}`)];
        return status === 'active' && mine.some((selector) => selectors.includes(selector));
      })
      .map(({ id }) => humans.get(id) ?? id);
  const reviewers = new Set(meant(emergency.reviewers));
  if (reviewers.size === 0) {
    report([...at, 'emergency', 'reviewers'], 'means nobody who is active; name somebody who can look back at it');
  }
  const [only] = reviewers;
  if (reviewers.size === 1 && only !== undefined && meant(emergency.eligible).includes(only)) {
    const because = `means ${only} alone, who may have it in an emergency and reviews nothing of their own; name somebody else too`;
    report([...at, 'emergency', 'reviewers'], because);
  }
}

/** Reports a selector whose id nothing has. */
export function checkSelector(files: PolicyFiles, selector: string, path: (string | number)[], report: Report): void {
  const { people, groups, services, rotations } = files.directory;
  const { kind, id } = partsOf(selector);
  const places: Record<string, [string, string[]]> = {
    person: ['people of directory.yml', people.map((person) => person.id)],
    group: ['groups of directory.yml', groups.map((group) => group.id)],
    service: ['services of directory.yml', services.map((service) => service.id)],
    oncall: ['rotations of directory.yml', rotations.map((rotation) => rotation.id)],
  };
  const place = places[kind];
  if (place !== undefined && !place[1].includes(id)) report(path, unknown(id, place[0]));
}

const iso = (ms: number) => Temporal.Duration.from({ milliseconds: ms }).round({ largestUnit: 'hours' }).toString();

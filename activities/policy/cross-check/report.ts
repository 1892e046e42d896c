/** How a check says what it found. */
import type { Path } from '../problems.js';

/** Takes one problem: where, and what to do about it. */
export type Report = (path: Path, message: string) => void;

/** Two entries of one id would make it a matter of luck which one counts. */
export function noDoubles(ids: string[], path: Path, field: string, report: Report): void {
  const seen = new Set<string>();
  ids.forEach((id, index) => {
    if (seen.has(id)) report([...path, index, field], `"${id}" is there twice; rename or remove one of them`);
    seen.add(id);
  });
}

/** The sentence for a name that nothing has. */
export function unknown(id: string, where: string): string {
  return `"${id}" is not in ${where}; add it there or correct the name`;
}

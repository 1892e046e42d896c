/** Lets everything else have the processors first. */
import { existsSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';

/**
 * For a process and all that it starts, which must lead a session of its own (`detached`): Linux shares the processors out between
 * sessions first, and `nice` counts within one alone (sched(7), autogroup).
 */
export function stepBack(pid: number, nice: number): void {
  setPriority(pid, nice);
  const autogroup = `/proc/${pid}/autogroup`;
  if (existsSync(autogroup)) writeFileSync(autogroup, String(nice));
}

/** The worker that judges decisions, paused and resumed: it is there, and does not answer. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** Pauses the decisions worker of the stack that this process started; answers the way to resume it. */
export async function pauseDecisions(): Promise<() => void> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=,command=']);
  const found = stdout
    .split('\n')
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line))
    .find((parts) => Number(parts?.[2]) === process.pid && parts?.[3]?.includes('workers/decisions'));
  if (!found) throw new Error('No decisions worker runs below this process.');
  const pid = Number(found[1]);
  process.kill(pid, 'SIGSTOP');
  return () => void process.kill(pid, 'SIGCONT');
}

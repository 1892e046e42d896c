/** `npm run keys`, in a folder of its own that knows no installation but the one a test names: called, or as a process. */
import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { run } from '../../workers/keys/run.js';

const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const command = fileURLToPath(new URL('../../workers/keys.ts', import.meta.url));

export interface Ran {
  code: number;
  says: string;
  complains: string;
}

export type KeysCommand = (...args: string[]) => Promise<Ran>;

/** Without the second that a process takes to start. */
export function keysCommand(folder: string, env: Record<string, string> = {}): KeysCommand {
  return (...args) => {
    const [first, ...rest] = args;
    const where = first === 'new' ? [first, ...rest, '--out', folder] : args;
    return run(where, { DAYPASS_STATE_DIR: folder, ...env }).then(
      (says) => ({ code: 0, says, complains: '' }),
      (error: unknown) => ({ code: 1, says: '', complains: error instanceof Error ? error.message : String(error) }),
    );
  };
}

export function keysProcess(folder: string, env: Record<string, string> = {}): KeysCommand {
  return (...args) =>
    new Promise((resolve) => {
      const { PATH = '' } = process.env;
      const settings = { PATH, DAYPASS_STATE_DIR: folder, ...env };
      const all = ['--import', tsx, command, ...args];
      execFile(process.execPath, all, { cwd: folder, env: settings, timeout: 60_000 }, (error, says, complains) => {
        const code = error ? (typeof error.code === 'number' ? error.code : -1) : 0;
        resolve({ code, says, complains });
      });
    });
}

/**
 * Keeps today's policy at hand: takes up a changed folder without a restart, and refuses a wrong one whole, keeping the
 * last good one.
 */
import { watch, type FSWatcher } from 'node:fs';
import type { Log } from '../platform/log.js';
import type { Policy } from './policy.js';
import { describe, PolicyError } from './problems.js';
import { parsePolicy, readPolicy, readTexts, versionOf, type PolicyTexts } from './read.js';

export type { Policy, Entitlement } from './policy.js';
export type { Person, Role, Service } from './directory.js';

export interface PolicyWatch {
  current(): Policy;
  /** Calls back with each new policy; returns what ends that. */
  onChange(callback: (policy: Policy) => void): () => void;
  close(): void;
}

export interface WatchOptions {
  /** A change of several files is one change. */
  settleMs?: number;
  /** Editors, mounts and links do things that the file watcher misses; this finds them. */
  pollMs?: number;
}

/** Throws one readable `PolicyError` when the folder is wrong at start: there is no last good one to keep. */
export function watchPolicy(dir: string, log: Pick<Log, 'info' | 'error'>, options: WatchOptions = {}): PolicyWatch {
  const { settleMs = 150, pollMs = 5_000 } = options;
  const callbacks = new Set<(policy: Policy) => void>();
  let policy = readPolicy(dir);
  /** What was last looked at, good or wrong, so that a wrong folder is reported once. */
  let seen = policy.version;
  let unreadable = false;

  function look(): void {
    const found = readable();
    if (found === undefined) return;
    const version = versionOf(found);
    if (version === seen) return;
    seen = version;
    if (version === policy.version) {
      log.info({ dir, version }, 'policy is again as it was');
      return;
    }
    try {
      policy = parsePolicy(dir, found);
    } catch (error) {
      refused(error);
      return;
    }
    log.info({ dir, version: policy.version }, 'policy taken up');
    for (const callback of callbacks) callback(policy);
  }

  function readable(): PolicyTexts | undefined {
    try {
      const found = readTexts(dir);
      unreadable = false;
      return found;
    } catch (error) {
      if (!unreadable)
        log.error({ err: error, dir, kept: policy.version }, 'policy cannot be read; the last good one stays');
      unreadable = true;
      return undefined;
    }
  }

  function refused(error: unknown): void {
    const problems = error instanceof PolicyError ? error.problems.map(describe) : [String(error)];
    log.error({ dir, kept: policy.version, problems }, 'policy refused as a whole; the last good one stays');
  }

  let settling: NodeJS.Timeout | undefined;
  const settle = () => {
    clearTimeout(settling);
    settling = setTimeout(look, settleMs);
  };
  const watcher = watching(dir, settle);
  const poll = setInterval(look, pollMs);
  // A process that has nothing else to do may end.
  poll.unref();

  return {
    current: () => policy,
    onChange: (callback) => {
      callbacks.add(callback);
      return () => callbacks.delete(callback);
    },
    close: () => {
      clearTimeout(settling);
      clearInterval(poll);
      watcher?.close();
      callbacks.clear();
    },
  };
}

/** Undefined where the system offers no watching: the poll alone finds changes then. */
function watching(dir: string, changed: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(dir, { persistent: false }, changed);
    // The folder was replaced or a limit was reached: the poll goes on.
    watcher.on('error', () => watcher.close());
    return watcher;
  } catch {
    return undefined;
  }
}

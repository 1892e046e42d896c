/** One thing that goes wrong on purpose. Each says where, does it, and puts everything back. */
import type { Ms } from '../../../workflows/domain/time.js';
import type { People } from './people.js';
import type { World } from './world.js';

export interface Fault {
  kind: 'kill' | 'pause' | 'connections' | 'target' | 'redis' | 'clock';
  /** What it befalls, and at which point. */
  name: string;
  /** In every long run. */
  always?: true;
  /** Nothing that removes stands on what it befalls (promise 9): removals are as quick as ever. */
  sparesRemovals?: true;
  leastMs: Ms;
  mostMs: Ms;
  /** Resolves when the fault is over and what it befell is back. Nothing is waited for without an end. */
  strike(at: Scene): Promise<void>;
}

export interface Scene {
  world: World;
  people: People;
  forMs: Ms;
  /** Said in the report beside it. */
  note(text: string): void;
}

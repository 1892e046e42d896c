/** One of our own processes under test, as the launcher runs it: killed, stopped and started again as often as a test likes. */
import type { OwnProcess } from '../../workers/dev/processes.js';
import { type Program, runProgram, whenUp } from '../../workers/dev/program.js';
import { ownArgs } from './own-args.js';

export class SystemProcess {
  /** Every line that it said, in all its lives. */
  readonly said: string[] = [];
  /** What it ended by, each time that nobody had ended it although it could do its work. */
  readonly crashes: string[] = [];
  /** Over what the launcher gives it, at every start from now on. */
  settings: Record<string, string> = {};
  private readonly own: OwnProcess;
  private program?: Program;
  /** Of the one that runs now, or ran last: somebody here ended it. */
  private life = { isEnded: false };

  constructor(own: OwnProcess) {
    this.own = own;
  }

  /** Another one of its kind, to run beside it. */
  beside(healthPort: number): SystemProcess {
    const { own } = this;
    const env = { ...own.env, DAYPASS_HEALTH_PORT: String(healthPort) };
    return new SystemProcess({ ...own, env, ready: `http://localhost:${healthPort}/health/ready` });
  }

  get name(): string {
    return this.own.name;
  }

  /** Of the process that runs now, or ran last. */
  pid(): number {
    return this.program?.pid ?? 0;
  }

  /** Where it serves its health and figures. */
  get origin(): string {
    return new URL(this.own.ready).origin;
  }

  /** Resolves once it can do its work. Starting twice is starting once. */
  async start(env: Record<string, string> = {}, nodeArgs: string[] = []): Promise<void> {
    if (this.program && !this.program.hasEnded()) return;
    const { name, file, ready } = this.own;
    const life = { isEnded: false };
    this.life = life;
    this.program = await runProgram({
      name,
      command: process.execPath,
      args: [...nodeArgs, ...ownArgs(file)],
      env: { ...this.own.env, ...this.settings, ...env },
      onLine: (line) => void this.said.push(line),
    });
    const answers = async (): Promise<boolean> => (await fetch(ready, { signal: AbortSignal.timeout(2_000) })).ok;
    await whenUp(this.program, answers, 120_000);
    void this.program.ended.then(({ code, signal }) => {
      if (!life.isEnded) this.crashes.push(`${name} ended by itself, by ${code ?? signal}`);
    });
  }

  /** As Ctrl-C in the launcher does. */
  async stop(): Promise<void> {
    this.life.isEnded = true;
    await this.program?.stop(20_000);
  }

  /** Without a word of warning. */
  async kill(): Promise<void> {
    this.send('SIGKILL');
    await this.program?.ended;
  }

  /** At once, and without waiting for what comes of it. */
  send(signal: NodeJS.Signals): void {
    if (!this.program || this.program.hasEnded()) return;
    this.life.isEnded ||= signal === 'SIGKILL' || signal === 'SIGTERM';
    process.kill(this.program.pid, signal);
  }
}

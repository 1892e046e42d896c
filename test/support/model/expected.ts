/**
 * What people expect of one grant, in the words of the design and without its code: who may still decide, what then follows, and
 * when it is over. Small on purpose, so that it can be read against the design. It knows nothing of effects, timers or records.
 */
import type { GrantState } from '../../../workflows/domain/states.js';

export type Answer = 'applied' | 'refused';

/** What the rules say of a grant when it was checked. */
export interface Terms {
  /** Approvals that each step needs. */
  steps: number[];
  /** Policy and connector both let it pass alone. */
  passesAlone: boolean;
  /** An emergency that both allow; undefined: it is none. */
  emergency?: boolean;
  /** The connector would make nothing of the kind. */
  ceilingRefuses: boolean;
  barred: string[];
  maximumMs: number;
  extendsAloneUpToMs: number;
  startsAt?: number;
}

interface Vote {
  by: string;
  human: string;
  step: number;
  durationMs?: number;
}

export class Expected {
  state: GrantState = 'REQUESTED';
  /** Something may stand at the target, or could still be made there with the evidence. */
  owed = false;
  grantedMs: number;
  endsAt: number | undefined;
  /** What is being decided: the request, or an extension to so much. */
  open: { extension?: number; step: number; asked: boolean; deadline: number; votes: Vote[] } | undefined;
  private final: GrantState | undefined;
  private terms: Terms | undefined;
  private usableAt = 0;
  private isShortened = false;
  /** An extension that was agreed to, and that the target has not confirmed. */
  private moving: number | undefined;
  private startIsChecked = false;

  constructor(requestedMs: number) {
    this.grantedMs = requestedMs;
  }

  get isEnding(): boolean {
    return this.final !== undefined;
  }

  assessed(terms: Terms | 'denied', now: number): void {
    if (this.isEnding || this.state !== 'REQUESTED') return;
    if (terms === 'denied') return this.ends('DENIED');
    this.terms = terms;
    if (terms.ceilingRefuses || terms.emergency === false) return this.ends('DENIED');
    if (terms.passesAlone || terms.emergency) return this.agreed(now);
    this.state = 'APPROVAL_AWAITED';
    this.open = this.opened();
  }

  /** Nobody: there was no one left to ask. */
  asked(deadline: number | 'nobody'): void {
    if (!this.open || this.open.asked) return;
    if (deadline === 'nobody') return this.undecided('DENIED');
    this.open = { ...this.open, asked: true, deadline };
  }

  /** `standing`: who of those before may still decide today. */
  approves(by: string, human: string, durationMs: number | undefined, standing: string[], now: number): Answer {
    const { open, terms } = this;
    if (this.isEnding || !open?.asked || !terms) return 'refused';
    if (terms.barred.includes(by)) return 'refused';
    if (open.votes.some((vote) => vote.by === by || vote.human === human)) return 'refused';
    const isLonger = durationMs !== undefined && !(durationMs > 0 && durationMs <= this.grantedMs);
    if (isLonger || (durationMs !== undefined && open.extension !== undefined)) return 'refused';
    open.votes = open.votes.filter((vote) => vote.step < open.step || standing.includes(vote.by));
    open.votes.push({ by, human, step: open.step, ...(durationMs !== undefined && { durationMs }) });
    const here = open.votes.filter((vote) => vote.step === open.step);
    if (here.length < (terms.steps[open.step] ?? Infinity)) return 'applied';
    const shortest = Math.min(this.grantedMs, ...here.map((vote) => vote.durationMs ?? this.grantedMs));
    this.isShortened ||= shortest < this.grantedMs;
    this.grantedMs = shortest;
    if (open.step + 1 < terms.steps.length) this.open = { ...open, step: open.step + 1, asked: false };
    else if (open.extension === undefined) this.agreed(now);
    else {
      this.moving = open.extension;
      this.open = undefined;
    }
    return 'applied';
  }

  /** Ends what is being decided, and nothing else. */
  denies(): Answer {
    if (this.isEnding || !this.open) return 'refused';
    this.undecided('DENIED');
    return 'applied';
  }

  /** From anyone, at any time, until it is over. */
  stops(final: 'WITHDRAWN' | 'REVOKED'): Answer {
    if (this.isEnding) return 'refused';
    this.ends(final);
    return 'applied';
  }

  extends(isParty: boolean, totalMs: number): Answer {
    const { terms } = this;
    const isBusy = this.open?.extension !== undefined || this.moving !== undefined;
    if (this.state !== 'ACTIVE' || !terms || !isParty || isBusy) return 'refused';
    if (!(totalMs > this.grantedMs && totalMs <= terms.maximumMs)) return 'refused';
    const mustBeAsked = this.isShortened || terms.emergency !== undefined;
    if (totalMs <= terms.extendsAloneUpToMs && !mustBeAsked) this.moving = totalMs;
    else this.open = { ...this.opened(), extension: totalMs };
    return 'applied';
  }

  made(endsAt: number, now: number): void {
    if (this.state !== 'ACTIVATING') return;
    this.state = 'ACTIVE';
    this.usableAt = now;
    this.endsAt = Math.min(endsAt, now + this.grantedMs);
  }

  notMade(): void {
    if (this.state === 'ACTIVATING') this.ends('ACTIVATION_FAILED');
  }

  moved(endsAt: number): void {
    if (this.state !== 'ACTIVE' || this.moving === undefined) return;
    this.grantedMs = this.moving;
    this.endsAt = Math.min(endsAt, this.usableAt + this.moving);
    this.moving = undefined;
  }

  notMoved(): void {
    this.moving = undefined;
  }

  /** `isFresh`: nothing changed while this was found out, or else it is found out again. */
  eligible(answer: boolean | 'unknown', isFresh: boolean, now: number): void {
    if (this.isEnding) return;
    if (answer === false) return this.ends('REVOKED');
    if (!isFresh || this.state !== 'SCHEDULED' || !this.startIsChecked) return;
    if (answer === 'unknown') return this.ends('ACTIVATION_FAILED');
    this.agreed(now);
  }

  /** The target confirmed that nothing stands. */
  removed(): void {
    if (this.state !== 'REVOKING' && this.state !== 'WITHDRAWING') return;
    this.state = this.final ?? 'REVOKED';
    this.owed = false;
  }

  /** Time ends what waits and what runs; it begins nothing but a check. */
  passes(now: number): void {
    if (this.state === 'SCHEDULED' && now >= (this.terms?.startsAt ?? Infinity)) this.startIsChecked = true;
    // What comes first happens first: an extension that nobody decided in time, say, and then the end.
    if (this.open?.asked && now >= this.open.deadline) this.undecided('EXPIRED');
    if (this.state === 'ACTIVE' && now >= (this.endsAt ?? Infinity)) this.ends('ENDED');
  }

  private opened(): NonNullable<Expected['open']> {
    return { step: 0, asked: false, deadline: Infinity, votes: [] };
  }

  private agreed(now: number): void {
    this.open = undefined;
    this.owed = true;
    const isLater = (this.terms?.startsAt ?? 0) > now;
    this.state = isLater ? 'SCHEDULED' : 'ACTIVATING';
  }

  private undecided(final: GrantState): void {
    const wasExtension = this.open?.extension !== undefined;
    this.open = undefined;
    if (!wasExtension) this.ends(final);
  }

  private ends(final: GrantState): void {
    if (this.isEnding) return;
    this.final = final;
    this.open = undefined;
    this.moving = undefined;
    this.state = !this.owed ? final : final === 'WITHDRAWN' ? 'WITHDRAWING' : 'REVOKING';
  }
}

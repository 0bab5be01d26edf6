/** The agents of one queue: who could be rung now, who is paused, who has missed a call. */
import type { Clock, Timer } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { AgentState } from '../session/pbx-events.ts';
import type { Member } from './members.ts';
import { byIdleTime, shuffled } from './order.ts';
import type { QueueAgentState, QueueStrategy } from './queue-options.ts';

export class QueueAgent {
  readonly member: Member;
  taken = 0;
  missed = 0;
  /** Missed since it took one. */
  #missedInARow = 0;
  #paused = false;
  #rest: Timer | undefined;
  #told: AgentState | undefined;

  constructor(member: Member) {
    this.member = member;
    this.#told = this.state;
  }

  get name(): string {
    return this.member.name;
  }

  get paused(): boolean {
    return this.#paused;
  }

  set paused(paused: boolean) {
    this.#paused = paused;
    this.#missedInARow = 0;
  }

  /** It could be rung at once. */
  get isFree(): boolean {
    return !this.#paused && !this.#rest && !this.member.isBusy && this.member.isRegistered;
  }

  get state(): AgentState {
    const { state } = this.member;
    if (state === 'talking' || state === 'ringing') return state;
    if (this.#paused) return 'paused';
    return state;
  }

  get report(): QueueAgentState {
    const { name, state, taken, missed } = this;
    return { name, state, taken, missed };
  }

  /** The state, if it was not told before. */
  news(): AgentState | undefined {
    const { state } = this;
    if (state === this.#told) return undefined;
    this.#told = state;
    return state;
  }

  tookOne(): void {
    this.taken++;
    this.#missedInARow = 0;
  }

  /**
   * It did not take a call; for so many ms it gets no other.
   * @returns how many it has missed in a row
   */
  missedOne(clock: Clock, restMs: number, rested: () => void): number {
    this.missed++;
    this.#rest?.cancel();
    this.#rest = clock.setTimer(
      restMs,
      () => {
        this.#rest = undefined;
        rested();
      },
      'agent rests',
    );
    return ++this.#missedInARow;
  }

  close(): void {
    this.#rest?.cancel();
    this.#rest = undefined;
  }
}

/** The agents to ring next: one, or with `all` every one that is free; none when nobody is. */
export function nextAgents(agents: readonly QueueAgent[], strategy: QueueStrategy, random: Random): QueueAgent[] {
  const free = agents.filter(({ isFree }) => isFree);
  if (strategy === 'all') return free;
  if (strategy === 'sequence') return free.slice(0, 1);
  if (strategy === 'random') return shuffled(free, random).slice(0, 1);
  const [first] = byIdleTime(free.map(({ member }) => member));
  return free.filter(({ member }) => member === first);
}

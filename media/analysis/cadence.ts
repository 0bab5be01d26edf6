/** Which tone a sound that comes and goes is: how long it is on and off, against the cadences of a plan. */
import type { ProgressKind, ProgressTone } from './tone-plans.ts';

/** Share of a time, and ms on top of it, by which it may be longer or shorter. */
const tolerance = 0.2;
const edgeMs = 30;
/** ms of a pause after which it is clear that it is a long one. */
const clearPause = 1000;
/** A period that is shorter is to be heard once and a half. */
const shortPeriod = 2000;
/** ms that a tone without a pause has been on before it is one. */
const steadyMs = 3000;
const mostRuns = 6;

/** Plain data: part of a leg's snapshot. */
export interface CadenceState {
  on: boolean;
  /** ms of the present run. */
  ms: number;
  /** ms of the runs before it, newest last; −1 for the time before the first. */
  runs: number[];
  /** What it was found to be, until it is not any more. */
  found: ProgressKind | undefined;
}

export function createCadence(): CadenceState {
  return { on: false, ms: 0, runs: [], found: undefined };
}

/** @param tones all of one set of frequencies @returns what it is, once */
export function advanceCadence(
  state: CadenceState,
  tones: readonly ProgressTone[],
  on: boolean,
  ms: number,
): ProgressKind | undefined {
  if (on === state.on) state.ms += ms;
  else {
    state.runs.push(state.runs.length === 0 && !state.on ? -1 : state.ms);
    if (state.runs.length > mostRuns) state.runs.shift();
    state.on = on;
    state.ms = ms;
  }
  const found = tones.find(({ kind }) => kind === state.found);
  if (found && isOver(state, found)) state.found = undefined;
  for (const tone of tones) {
    if (tone.kind === state.found || !isHeard(state, tone)) continue;
    state.found = tone.kind;
    return tone.kind;
  }
  return undefined;
}

function isHeard({ on, ms, runs }: CadenceState, { cadence }: ProgressTone): boolean {
  if (cadence.length === 0) return on && ms >= steadyMs;
  const period = cadence.reduce((sum, part) => sum + part, 0);
  if (period >= shortPeriod) {
    // All but the last pause, and enough of that one.
    const before = runs.slice(-(cadence.length - 1));
    const pause = cadence.at(-1)!;
    const isClear = !on && ms >= Math.min(clearPause, pause * (1 - tolerance)) && ms <= most(pause);
    return isClear && before.length === cadence.length - 1 && before.every((run, at) => matches(run, cadence[at]!));
  }
  const whole = [...cadence, cadence[0]!];
  const last = runs.slice(-whole.length);
  return !on && last.length === whole.length && last.every((run, at) => matches(run, whole[at]!));
}

function isOver({ on, ms }: CadenceState, { cadence }: ProgressTone): boolean {
  if (cadence.length === 0) return !on && ms > 100;
  const longest = cadence.reduce(
    (longest, part, at) => (at % 2 === (on ? 0 : 1) ? Math.max(longest, part) : longest),
    0,
  );
  return ms > most(longest);
}

function most(part: number): number {
  return part * (1 + tolerance) + edgeMs;
}

function matches(run: number, part: number): boolean {
  return run >= part * (1 - tolerance) - edgeMs && run <= most(part);
}

/** Answers of people and machines, as different from one another as a seed can make them. */
import {
  defaultMachineSettings,
  MachineDetector,
  type MachineEvent,
  type MachineSettings,
} from '../../../media/analysis/machine-detector.ts';
import { fraction, pick, seededRandom } from '../../../src/testing/index.ts';
import { companded, frames, join, limited, silence, sines, withNoise } from './signals.ts';
import { Speaker } from './speech.ts';

export interface Told extends MachineEvent {
  /** ms since the answer. */
  readonly at: number;
}

export function told(audio: Int16Array, settings: Partial<MachineSettings> = {}): Told[] {
  const detector = new MachineDetector({ ...defaultMachineSettings, ...settings });
  const all: Told[] = [];
  let ms = 0;
  for (const frame of frames(audio)) {
    ms += 20;
    const event = detector.frame(frame, true);
    if (event) all.push({ ...event, at: ms });
  }
  return all;
}

export const beep = (frequency: number, ms: number): Float64Array => sines(ms, [{ frequency, level: -14 }]);
export const phrase = (speaker: Speaker, ms: number): Float64Array => speaker.talk(ms, { pauseMs: 0, syllables: 1000 });

/** @returns with `beepAt`: when the machine beeps, ms since the answer */
export function answer(who: 'human' | 'machine', seed: number): { audio: Int16Array; beepAt: number } {
  const random = seededRandom(seed, who);
  const between = (min: number, max: number): number => min + (max - min) * fraction(random);
  const speaker = new Speaker(`${who} ${seed}`);
  const parts = [silence(between(200, 1500))];
  if (who === 'human') parts.push(phrase(speaker, between(250, 1900)), silence(3000));
  else {
    // Phrases, with breath between them, as machines read them out.
    for (let left = between(3500, 12_000); left > 0; ) {
      const ms = between(700, 2500);
      parts.push(phrase(speaker, ms), silence(between(150, 850)));
      left -= ms;
    }
    parts.push(silence(between(0, 1000)));
  }
  const beepAt = parts.reduce((sum, part) => sum + part.length, 0) / 8;
  if (who === 'machine') parts.push(beep(pick(random, [440, 850, 1000, 1400]), between(150, 900)), silence(2000));
  const noisy = withNoise(join(...parts), between(-65, -45), seed);
  return { audio: companded(limited(noisy), pick(random, ['PCMU', 'PCMA'])), beepAt };
}

export interface Score {
  /** Of each kind, who was taken for something else: `machine 12`. */
  readonly humans: string[];
  readonly machines: string[];
  /** Machines whose beep was not found where it was. */
  readonly beeps: string[];
  /** ms to each verdict. */
  readonly decided: number[];
}

/** So many answers of each kind, by their seeds. */
export function score(from: number, to: number): Score {
  const humans: string[] = [];
  const machines: string[] = [];
  const beeps: string[] = [];
  const decided: number[] = [];
  for (let seed = from; seed <= to; seed++) {
    const [human] = told(answer('human', seed).audio);
    if (human?.verdict !== 'human') humans.push(`human ${seed}: ${human?.verdict}`);
    const { audio, beepAt } = answer('machine', seed);
    const [machine, end] = told(audio);
    if (machine?.verdict !== 'machine') machines.push(`machine ${seed}: ${machine?.verdict}`);
    else if (end?.type !== 'beep' || Math.abs(end.at - end.ago - beepAt) > 60) beeps.push(`beep ${seed}`);
    for (const event of [human, machine]) if (event) decided.push(event.decidedMs);
  }
  return { humans, machines, beeps, decided };
}

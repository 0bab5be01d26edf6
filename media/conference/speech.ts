/** Who speaks: frames that are louder than a quiet room, and of those who speak the one that is heard best. */

/** Mean square of a frame that counts as speech: −50 dB of full scale. */
const speechPower = 1e4;
/** ms that somebody still speaks after the last loud frame: pauses between words are no silence. */
const hangoverMs = 300;

/** Mean square of the samples. */
export function powerOf(samples: Int16Array): number {
  let sum = 0;
  for (let i = 0; i < samples.length; i++) sum += samples[i]! * samples[i]!;
  return samples.length === 0 ? 0 : sum / samples.length;
}

export class SpeechDetector {
  /** ms for which it still counts as speaking. */
  #left = 0;

  get speaking(): boolean {
    return this.#left > 0;
  }

  /** @param ms how long the frame is */
  frame(power: number, ms: number): void {
    this.#left = power >= speechPower ? hangoverMs : Math.max(0, this.#left - ms);
  }

  reset(): void {
    this.#left = 0;
  }
}

/** Beats between two elections. */
const electionBeats = 10;
/** Beats of these in which one has to speak to be elected: a cough is no speech. */
const leastBeats = 5;
/** How much louder another one has to be than the speaker: 3 dB. */
const margin = 2;
/** Elections without anybody after which there is no speaker: 2 s. */
const quietElections = 10;

interface Candidate {
  power: number;
  beats: number;
}

/** Elects the active speaker 5 times a second; with a margin, so that two who talk at once do not take turns. */
export class SpeakerElection {
  readonly #candidates = new Map<string, Candidate>();
  #beats = 0;
  #quiet = 0;
  #speaker: string | undefined;

  get speaker(): string | undefined {
    return this.#speaker;
  }

  /** This party is heard in this beat. @param power mean square */
  heard(party: string, power: number): void {
    if (power < speechPower) return;
    const candidate = this.#candidates.get(party);
    if (candidate) {
      candidate.power += power;
      candidate.beats++;
    } else this.#candidates.set(party, { power, beats: 1 });
  }

  left(party: string): void {
    this.#candidates.delete(party);
    if (this.#speaker === party) this.#speaker = undefined;
  }

  /** At the end of each beat. */
  beat(): void {
    if (++this.#beats < electionBeats) return;
    this.#beats = 0;
    const current = this.#speaker === undefined ? undefined : this.#candidates.get(this.#speaker);
    let best: string | undefined;
    let most = current && current.beats >= leastBeats ? current.power * margin : 0;
    for (const [party, { power, beats }] of this.#candidates)
      if (party !== this.#speaker && beats >= leastBeats && power > most) {
        best = party;
        most = power;
      }
    this.#quiet = this.#candidates.size > 0 ? 0 : this.#quiet + 1;
    this.#candidates.clear();
    if (best !== undefined) this.#speaker = best;
    else if (this.#quiet >= quietElections) this.#speaker = undefined;
  }
}

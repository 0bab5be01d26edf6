/** What a lab phone says, and the keys it presses. What takes time makes time pass. */
import type { Tone } from '../../../media/audio/index.ts';
import { samplesPerMs } from '../hearing/heard-audio.ts';
import type { PhoneCall } from './call.ts';
import { type InfoType, infoOf, isKeys, keyTones } from './digits.ts';
import { Listener } from './listener.ts';

/** A WAV file by path or URL, 16-bit mono samples at 8 kHz, or a tone. */
export type Sound = string | URL | Int16Array | Tone;

export interface PressOptions {
  /** As telephone-events of RFC 4733 (default), by INFO, or as tones in the audio. */
  readonly by?: 'rfc4733' | 'info' | 'inband';
  /** Of each digit; default 100. */
  readonly durationMs?: number;
  /** Between two; default 100. */
  readonly gapMs?: number;
  /** Of INFO; default `application/dtmf-relay`. */
  readonly infoType?: InfoType;
}

export class Speaker extends Listener {
  /**
   * Presses keys, `0`–`9`, `*`, `#`, `A`–`D`, and resolves when the last is released.
   * @throws LabError when the call is over or on hold, when no telephone-event was agreed on, or an INFO is refused
   */
  async press(digits: string, options: PressOptions = {}): Promise<void> {
    const { by = 'rfc4733', durationMs = 100, gapMs = 100, infoType = 'application/dtmf-relay' } = options;
    if (!isKeys(digits)) throw this.failure(`a phone has no keys for "${digits}": 0–9, *, # and A–D`);
    this.line.note('dtmf', `presses ${digits} (${by})`);
    if (by === 'info') {
      for (const digit of digits) await this.#tell(digit, infoType, durationMs);
      return;
    }
    const { mouth } = this.#speaking(`press ${digits}`).media;
    if (by === 'inband') await this.lab.run(mouth.say(keyTones(digits, durationMs, gapMs)));
    else if (mouth.canPress) await this.lab.run(mouth.press(digits, durationMs, gapMs));
    else throw this.failure(`${this.name} cannot press ${digits}: no telephone-event was agreed on`);
  }

  async #tell(digit: string, type: InfoType, durationMs: number): Promise<void> {
    const response = await this.lab.run(this.mustHaveCall().request('INFO', infoOf(digit, type, durationMs)));
    if (response && response.status < 300) return;
    throw this.failure(`${this.name}'s INFO of ${digit} failed: ${response?.startLine ?? 'nobody answered'}`);
  }

  /**
   * Says it, and resolves when it is said; a tone has no end, so use `speak` for it.
   * @throws LabError when the call is over or on hold
   */
  async say(sound: Sound): Promise<void> {
    if (isTone(sound)) throw this.failure('say() would wait for the end of a tone, which has none: use speak()');
    const samples = await this.#samples(sound);
    await this.lab.run(this.#begin(sound, samples, 'says'));
  }

  /** Begins to say it, and waits for nothing; what was being said is cut off. @throws LabError as `say` */
  async speak(sound: Sound): Promise<void> {
    const samples = await this.#samples(sound);
    void this.#begin(sound, samples, 'begins to say');
  }

  async #samples(sound: Sound): Promise<Int16Array | Tone> {
    return sound instanceof Int16Array || isTone(sound) ? sound : (await this.lab.reference(sound)).samples;
  }

  #begin(sound: Sound, samples: Int16Array | Tone, verb: string): Promise<void> {
    const label = labelOf(sound);
    const { mouth } = this.#speaking(`say ${label}`).media;
    this.line.note('phone', `${verb} ${label}`);
    return mouth.say(samples);
  }

  /** Ends what it is saying; silence is sent then, as phones do. */
  hush(): void {
    this.call?.media.mouth.hush();
  }

  /** Sends no RTP any more, not even silence. @param on false: again */
  goSilent(on = true): void {
    const { mouth } = this.mustHaveCall().media;
    this.line.note('phone', on ? 'goes silent: no RTP' : 'sends RTP again');
    if (on) mouth.hush();
    mouth.talk(!on && this.line.talks);
  }

  /** A call in which something that is said now is sent now. */
  #speaking(what: string): PhoneCall {
    const call = this.mustHaveCall();
    if (call.state === 'over') throw this.failure(`${this.name} cannot ${what}: the call is over`);
    if (call.media.sends) return call;
    const why = call.media.remote ? 'it is on hold' : 'no audio was agreed on yet';
    throw this.failure(`${this.name} cannot ${what}: ${why}`);
  }
}

function isTone(sound: Sound): sound is Tone {
  return typeof sound === 'object' && 'frequencies' in sound;
}

function labelOf(sound: Sound): string {
  if (sound instanceof Int16Array) return `${sound.length / samplesPerMs} ms of audio`;
  if (isTone(sound)) return `a tone of ${sound.frequencies.join(' + ')} Hz`;
  return String(sound).replace(/^.*\//, '');
}

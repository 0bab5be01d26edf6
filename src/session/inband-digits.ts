/** Digits as tones in the audio of a call: listened for while there is need. */
import type { AnalysisHandle, MediaLeg, NegotiatedAudio } from '../../media/index.ts';
import type { DtmfMode } from './info-dtmf.ts';

export class InbandDigits {
  readonly #mode: DtmfMode;
  readonly #onDigit: (digit: string) => void;
  #leg: MediaLeg | undefined;
  #telephoneEvent = true;
  #wanted = false;
  #listening: AnalysisHandle | undefined;

  constructor(mode: DtmfMode, onDigit: (digit: string) => void) {
    this.#mode = mode;
    this.#onDigit = onDigit;
  }

  /** Somebody waits for digits. */
  want(): void {
    this.#wanted = true;
    this.#update();
  }

  /** The call goes on with this audio. */
  settled(leg: MediaLeg, audio: NegotiatedAudio): void {
    if (leg !== this.#leg) this.#listening = undefined;
    this.#leg = leg;
    this.#telephoneEvent = audio.telephoneEvent !== undefined;
    this.#update();
  }

  /** A phone that has another way does not need this one, and what it presses would be heard twice. */
  #update(): void {
    const needed = this.#mode === 'inband' || (this.#mode === 'auto' && this.#wanted && !this.#telephoneEvent);
    if (!needed) {
      this.#listening?.stop();
      this.#listening = undefined;
      return;
    }
    this.#listening ??= this.#leg?.analyse(
      { kind: 'digits' },
      {
        onFound: ({ found }) => {
          if (found.type === 'digit') this.#onDigit(found.digit);
        },
        onOver: () => {},
      },
    );
  }
}

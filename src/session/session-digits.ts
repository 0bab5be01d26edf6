/** The keys that are pressed in a call: by which way they come and go, and who hears them. */
import type { MediaLeg, NegotiatedAudio } from '../../media/index.ts';
import type { Clock } from '../base/clock.ts';
import type { IncomingRequest } from '../sip/endpoint.ts';
import type { SipResponse } from '../sip/message.ts';
import type { BodyOptions } from '../sip/options.ts';
import type { GatherResult } from './gather.ts';
import { InbandDigits } from './inband-digits.ts';
import { type DtmfMode, type DtmfPath, DtmfWay, InfoDigits } from './info-dtmf.ts';
import { type DtmfDigit, Keypad } from './keypad.ts';
import type { Playback } from './playback.ts';
import type { SendDtmfOptions, SessionGatherOptions } from './session-options.ts';

export interface SessionDigitsOwner {
  /** Whether the peer takes INFO. */
  takesInfo(): boolean;
  /** Sends an INFO. */
  info(content: BodyOptions): Promise<SipResponse>;
  /** A digit that counts. */
  pressed(digit: string, way: DtmfPath): void;
}

export class SessionDigits {
  readonly #mode: DtmfMode;
  readonly #owner: SessionDigitsOwner;
  readonly #keypad: Keypad;
  readonly #info: InfoDigits;
  readonly #inband: InbandDigits;
  /** Keys are told to nobody but this script. */
  secret = false;
  #way: DtmfWay;

  constructor(clock: Clock, mode: DtmfMode, owner: SessionDigitsOwner) {
    this.#mode = mode;
    this.#owner = owner;
    this.#keypad = new Keypad(clock);
    this.#info = new InfoDigits(
      (content) => owner.info(content),
      (digit) => this.pressed(digit, 'info'),
    );
    this.#inband = new InbandDigits(mode, (digit) => this.pressed(digit, 'inband'));
    this.#way = new DtmfWay(mode);
  }

  /** See `DialogSession.dtmf`. */
  listen(): AsyncIterableIterator<DtmfDigit> {
    this.#inband.want();
    return this.#keypad.listen();
  }

  /** Calls `pressed` once when a key is, or at once when one waits for `gather`. @returns how to forget it */
  onPress(pressed: () => void): () => void {
    return this.#keypad.onPress(pressed);
  }

  /** See `DialogSession.gather`. @param over the end of the call */
  gather(options: SessionGatherOptions, over: AbortSignal, playback: Playback): Promise<GatherResult> {
    this.#inband.want();
    const { play, playType, speech, signal } = options;
    const type = playType === undefined ? {} : { type: playType };
    const stop = signal ? AbortSignal.any([over, signal]) : over;
    const bargeIn = speech ? { bargeIn: 'speech' as const } : {};
    return this.#keypad.gather(
      options,
      stop,
      play === undefined ? undefined : (playing) => playback.play(play, { ...type, ...bargeIn, signal: playing }),
    );
  }

  /** See `DialogSession.sendDtmf`. @param audio what was agreed on for the leg */
  async send(
    digits: string,
    leg: MediaLeg,
    audio: NegotiatedAudio | undefined,
    { via, ...timing }: SendDtmfOptions,
  ): Promise<void> {
    const other = this.#owner.takesInfo() ? 'info' : 'inband';
    const way = via ?? (audio?.telephoneEvent ? 'rfc4733' : other);
    if (way === 'rfc4733' || way === 'inband') await leg.sendDtmf(digits, { ...timing, inband: way === 'inband' });
    else await this.#info.send(digits, way, timing.durationMs);
  }

  /** The peer pressed a key. */
  pressed(digit: string, way: DtmfPath): void {
    if (!this.#way.takes(way)) return;
    this.#keypad.press(digit);
    if (!this.secret) this.#owner.pressed(digit, way);
  }

  /** An INFO of the peer; it is answered here. */
  receive(incoming: IncomingRequest): void {
    this.#info.receive(incoming);
  }

  /** The call goes on with this audio. */
  settled(leg: MediaLeg, audio: NegotiatedAudio): void {
    this.#inband.settled(leg, audio);
    if (audio.telephoneEvent) this.#way.leave('inband');
  }

  /** The peer is another one from now on. */
  useOtherPeer(): void {
    this.#way = new DtmfWay(this.#mode);
  }

  /** The call is over: who listens is let go. */
  close(): void {
    this.#keypad.close();
  }
}

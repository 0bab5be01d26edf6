/** What a leg is told to send of its own, playbacks and digits, and what is told back when they are over. */
import { TandemError } from '../../src/base/errors.ts';
import { type AudioCodec, payloadKey } from '../codec/index.ts';
import { DtmfSender, type DtmfSendState } from '../dtmf/sender.ts';
import { EnginePlayback, type FrameSource } from '../playback.ts';
import { openSource } from '../playback-source.ts';
import {
  type Command,
  type EngineEvent,
  type EngineSource,
  encodingOf,
  type PlayControl,
  type PlayState,
} from '../protocol.ts';
import type { PlayProgress } from '../snapshot.ts';
import type { Outgoing } from './outgoing.ts';

export interface LegSourcePorts {
  readonly emit: (event: EngineEvent) => void;
  /** Asks for the beat. */
  readonly pace: () => void;
}

export class LegSources {
  readonly #leg: string;
  readonly #outgoing: Outgoing;
  readonly #ports: LegSourcePorts;
  /** Requests that wait for digits to be sent. */
  readonly #digitRequests = new Map<DtmfSender, number>();
  #closed = false;

  constructor(leg: string, outgoing: Outgoing, ports: LegSourcePorts) {
    this.#leg = leg;
    this.#outgoing = outgoing;
    this.#ports = ports;
  }

  play(id: string, source: EngineSource, state: PlayState, resume?: PlayProgress): void {
    const { audio, codec } = this.#outgoing;
    if (!codec || !this.#fits(source) || this.#closed) {
      const error = audio
        ? { code: 'ERR_AUDIO_FORMAT', message: `nothing can be played in ${encodingOf(audio.codec)} here` }
        : { code: 'ERR_MEDIA_STATE', message: 'nothing can be played before a codec is negotiated' };
      this.#ports.emit({ type: 'play.done', leg: this.#leg, playback: id, end: 'ended', playedMs: 0, error });
      return;
    }
    this.#outgoing.play(new EnginePlayback(id, this.#open(id, source, codec), codec, state, resume?.playedMs));
    this.#ports.pace();
  }

  /** Goes on in another source, from where it is. */
  swap(id: string, source: EngineSource): void {
    const { playback, codec } = this.#outgoing;
    if (playback?.id === id && codec && this.#fits(source)) playback.swap(this.#open(id, source, codec), codec);
  }

  control(id: string, control: PlayControl): void {
    const playback = this.#outgoing.playback;
    if (playback?.id === id && !playback.control(control)) this.#outgoing.stop('stopped');
  }

  /** @returns ms from the start of the source */
  position(id: string): number {
    const playback = this.#outgoing.playback;
    return playback?.id === id ? playback.position : 0;
  }

  #open(id: string, source: EngineSource, codec: AudioCodec): FrameSource {
    return openSource(source, codec, () => this.#ports.emit({ type: 'ring.ready', leg: this.#leg, id }));
  }

  #fits(source: EngineSource): boolean {
    if (source.kind === 'list') return source.items.every((item) => this.#fits(item));
    if (source.kind !== 'encoded' || source.encoding === '') return true;
    const { audio } = this.#outgoing;
    return audio !== undefined && source.encoding === payloadKey(audio.codec);
  }

  played(playback: EnginePlayback, end: 'completed' | 'stopped' | 'ended'): void {
    const { playedMs } = playback;
    this.#ports.emit({ type: 'play.done', leg: this.#leg, playback: playback.id, end, playedMs });
  }

  /** @throws {TandemError} ERR_DTMF_UNAVAILABLE, ERR_MEDIA_CLOSED */
  sendDigits({ request, digits, durationMs, gapMs, inband }: Extract<Command, { readonly type: 'dtmf.send' }>): void {
    const rate = this.#digitRate(inband);
    if (rate === undefined) throw new TandemError('ERR_DTMF_UNAVAILABLE', 'the peer takes no digits in this way');
    if (this.#closed) throw new TandemError('ERR_MEDIA_CLOSED', 'the media leg is closed');
    const sender = DtmfSender.create(digits, durationMs, gapMs, rate, inband);
    this.#digitRequests.set(sender, request);
    this.#press(sender);
  }

  /** Goes on with digits of an earlier leg; nobody waits for them. */
  resumeDigits(state: DtmfSendState): void {
    const rate = this.#digitRate(state.inband);
    if (rate !== undefined) this.#press(new DtmfSender({ ...state }, rate));
  }

  #press(sender: DtmfSender): void {
    this.#outgoing.sendDigits(sender);
    this.#ports.pace();
  }

  /** Undefined when digits cannot be sent in this way. */
  #digitRate(inband: boolean): number | undefined {
    const { audio, codec } = this.#outgoing;
    return inband ? codec?.clockRate : audio?.telephoneEvent?.clockRate;
  }

  digitsSent(sender: DtmfSender): void {
    const request = this.#digitRequests.get(sender);
    this.#digitRequests.delete(sender);
    if (request !== undefined) this.#ports.emit({ type: 'reply', request, value: undefined });
  }

  close(): void {
    this.#closed = true;
    this.#outgoing.stop('ended');
    for (const sender of this.#outgoing.stopDigits()) {
      const request = this.#digitRequests.get(sender);
      const error = { code: 'ERR_MEDIA_CLOSED', message: 'the media leg was closed before all digits were sent' };
      if (request !== undefined) this.#ports.emit({ type: 'reply', request, error });
    }
    this.#digitRequests.clear();
  }
}

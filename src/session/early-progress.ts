/** Shows a caller how the second leg of its call rings. */
import { tones } from '../../media/index.ts';
import type { SipResponse } from '../sip/message.ts';
import type { DialogClientSession } from './dialog-client-session.ts';
import type { CallInviteOptions, DialogServerSession } from './dialog-server-session.ts';

type EarlyMode = NonNullable<CallInviteOptions['early']>;

export class EarlyProgress {
  readonly #a: DialogServerSession;
  readonly #mode: EarlyMode;
  readonly #transcode: boolean;
  #work: Promise<void> = Promise.resolve();
  #rang = false;
  #media = false;
  #stopTone: (() => void) | undefined;

  constructor(a: DialogServerSession, mode: EarlyMode, transcode: boolean) {
    this.#a = a;
    this.#mode = mode;
    this.#transcode = transcode;
  }

  /** @param b which of the legs that ring */
  heard(b: DialogClientSession, response: SipResponse): void {
    const { status, body } = response;
    if (this.#mode === 'none' || status <= 100 || status >= 200 || this.#a.isAnswered) return;
    if (this.#mode === 'ringback') this.#once('media', () => this.#ringback());
    else if (body.length > 0) this.#once('media', () => this.#passMedia(b));
    else if (!this.#media) this.#once('rang', () => this.#a.ringing());
  }

  /** The leg is answered or gone: what was shown meanwhile stops. */
  async close(): Promise<void> {
    await this.#work;
    this.#stopTone?.();
    this.#a.setEarlyBridge(undefined);
  }

  #once(what: 'rang' | 'media', act: () => Promise<void>): void {
    if (what === 'rang' ? this.#rang : this.#media) return;
    if (what === 'rang') this.#rang = true;
    else this.#media = true;
    this.#work = this.#work
      .then(() => (this.#a.isAnswered || this.#a.signal.aborted ? undefined : act()))
      .catch(() => {});
  }

  async #ringback(): Promise<void> {
    await this.#a.progressMedia();
    this.#stopTone = this.#a.ringtone(tones.ringback).playBackground();
  }

  async #passMedia(b: DialogClientSession): Promise<void> {
    // To answer a caller that made no offer would be to answer the call.
    if (!this.#a.hasOffer) await this.#a.progressMedia();
    else await this.#a.prepareAnswer();
    this.#a.setEarlyBridge(b.bridgeEarly(this.#a, this.#transcode));
    if (this.#a.hasOffer) await this.#a.progressMedia();
  }
}

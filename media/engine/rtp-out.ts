/** Where the packets of one leg leave it: over its RTP socket, to its peer, sealed where there are keys. */
import type { UdpPort } from '../net/udp-port.ts';
import { destination, type LatchState, type Source } from '../rtp/latch.ts';
import type { LegSecurity } from './leg-security.ts';

export class RtpOut {
  readonly #latch: LatchState;
  readonly #security: LegSecurity;
  /** Undefined before it is bound and after it was closed. */
  socket: UdpPort | undefined;

  constructor(latch: LatchState, security: LegSecurity) {
    this.#latch = latch;
    this.#security = security;
  }

  /** False when nobody said where to, or nothing may be sent for now. */
  get ready(): boolean {
    return this.socket !== undefined && destination(this.#latch) !== undefined && !this.#security.stands;
  }

  /** Where packets go as they are, without keys and checks of the way; undefined when they do not. */
  get plain(): { readonly socket: UdpPort; readonly to: Source } | undefined {
    const { socket } = this;
    const to = destination(this.#latch);
    return !socket || !to || this.#latch.ice || this.#security.active || this.#security.stands
      ? undefined
      : { socket, to };
  }

  send(buffer: Uint8Array, offset: number, length: number): void {
    const to = destination(this.#latch);
    if (!to) return;
    if (!this.#security.active) {
      this.socket?.send(buffer, offset, length, to);
      return;
    }
    const sealed = this.#security.sealRtp(buffer, offset, length);
    if (sealed) this.socket?.send(sealed, 0, this.#security.sealedLength, to);
  }
}

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

  /** Nothing stands between the leg and the network: no keys, no checks of the way. */
  get isPlain(): boolean {
    return this.ready && !this.#latch.ice && !this.#security.active;
  }

  /** Undefined while nobody said. */
  get to(): Source | undefined {
    return destination(this.#latch);
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

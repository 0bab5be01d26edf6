/** Memory for packets that are made here. */
import { rtpHeaderBytes } from '../rtp/packet.ts';

export interface PacketBuffers {
  /** Room for a header and so many bytes of payload; what is in it is old. */
  next(payload: number): Uint8Array;
}

/** A packet stays as it is for so many others: more than 60 ms at 20 ms a packet. */
const slots = 4;

/** Taken in turn, since a socket may hold the latest until the kernel takes them. */
export class OwnPacketBuffers implements PacketBuffers {
  readonly #buffers: Uint8Array[] = [];
  #slot = 0;

  next(payload: number): Uint8Array {
    const length = payload + rtpHeaderBytes;
    const slot = this.#slot++ % slots;
    const buffer = this.#buffers[slot];
    if (buffer?.length === length) return buffer;
    const fresh = new Uint8Array(length);
    this.#buffers[slot] = fresh;
    return fresh;
  }
}

/** One for all legs, where sockets copy what they are given: it is always at hand. */
export class CommonPacketBuffers implements PacketBuffers {
  readonly #byLength = new Map<number, Uint8Array>();

  next(payload: number): Uint8Array {
    const length = payload + rtpHeaderBytes;
    let buffer = this.#byLength.get(length);
    if (!buffer) {
      buffer = new Uint8Array(length);
      this.#byLength.set(length, buffer);
    }
    return buffer;
  }
}

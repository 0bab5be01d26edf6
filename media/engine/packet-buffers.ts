/** Memory for packets that are made here: taken in turn, since a socket may hold the latest until the kernel takes them. */
import { rtpHeaderBytes } from '../rtp/packet.ts';

/** A packet stays as it is for so many others: more than 60 ms at 20 ms a packet. */
const slots = 4;

export class PacketBuffers {
  #buffers: Uint8Array[] = [];
  #slot = 0;

  /** Room for a header and so many bytes of payload; what is in it is old. */
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

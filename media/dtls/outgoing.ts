/** What we send: records with their numbers, handshake messages in fragments, flights in as few datagrams as they fit. */
import { concat, u8, u16, u24 } from './bytes.ts';
import { handshakeHeaderBytes } from './reassembly.ts';
import { contentTypes, dtls12, type RecordCipher, recordHeaderBytes, sealedBytes } from './records.ts';

/** A message of a flight: `whole` is a handshake message that is not in fragments. */
export type FlightPart =
  | { readonly kind: 'handshake'; readonly epoch: 0 | 1; readonly whole: Uint8Array }
  | { readonly kind: 'change-cipher-spec' };

/** A fragment smaller than this is not worth a record: the next datagram has room. */
const leastFragment = 64;
const changeCipherSpec = u8(1);

export class Outgoing {
  readonly #mtu: number;
  readonly #sequences: [number, number] = [0, 0];
  #cipher: RecordCipher | undefined;

  /** @param mtu bytes of the largest datagram */
  constructor(mtu: number) {
    this.#mtu = mtu;
  }

  /** Of epoch 1. */
  setCipher(cipher: RecordCipher): void {
    this.#cipher = cipher;
  }

  /** Each time with new sequence numbers: a flight may be sent again and again. */
  flight(parts: readonly FlightPart[]): Uint8Array[] {
    const datagrams: Uint8Array[] = [];
    let records: Uint8Array[] = [];
    let room = this.#mtu;
    const flush = (): void => {
      if (records.length > 0) datagrams.push(concat(...records));
      records = [];
      room = this.#mtu;
    };
    const put = (type: number, epoch: 0 | 1, fragment: Uint8Array): void => {
      const record = this.record(type, epoch, fragment);
      records.push(record);
      room -= record.length;
    };
    for (const part of parts) {
      if (part.kind === 'change-cipher-spec') {
        if (room < recordHeaderBytes + 1) flush();
        put(contentTypes.changeCipherSpec, 0, changeCipherSpec);
        continue;
      }
      const overhead = recordHeaderBytes + handshakeHeaderBytes + (part.epoch === 1 ? sealedBytes : 0);
      const bytes = part.whole.length - handshakeHeaderBytes;
      let at = 0;
      do {
        if (room < overhead + Math.min(bytes - at, leastFragment)) flush();
        const length = Math.min(bytes - at, room - overhead);
        put(contentTypes.handshake, part.epoch, fragmentOf(part.whole, at, length));
        at += length;
      } while (at < bytes);
    }
    flush();
    return datagrams;
  }

  /** A record with the next number of its epoch. */
  record(type: number, epoch: 0 | 1, content: Uint8Array): Uint8Array {
    const sequence = this.#sequences[epoch]++;
    const number = concat(u16(epoch, Math.floor(sequence / 2 ** 32)), u16(sequence >>> 16, sequence & 0xffff));
    const header = (length: number): Uint8Array => concat(u8(type), u16(dtls12), number, u16(length));
    if (epoch === 0) return concat(header(content.length), content);
    if (!this.#cipher) throw new Error('epoch 1 has no keys yet');
    const sealed = this.#cipher.seal(header(content.length), content);
    return concat(header(sealed.length), sealed);
  }
}

function fragmentOf(whole: Uint8Array, offset: number, length: number): Uint8Array {
  const from = handshakeHeaderBytes + offset;
  return concat(whole.subarray(0, 6), u24(offset), u24(length), whole.subarray(from, from + length));
}

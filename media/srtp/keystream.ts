/**
 * The keystream of AES in counter mode (RFC 3711 §4.1.1): counters through a block cipher that stays, since to
 * make a cipher costs more than to encrypt a packet.
 *
 *     | salt (14 bytes) XOR (0, SSRC, index of 48 bits) | block |
 */
import { type Cipheriv, createCipheriv, type KeyObject } from 'node:crypto';

const blockBytes = 16;

export class Keystream {
  readonly #cipher: Cipheriv;
  readonly #salt: Uint8Array;
  #counters = new Uint8Array(0);
  /** The first so many blocks of the counters. */
  #views: Uint8Array[] = [];
  #ssrc = -1;
  #roc = -1;

  constructor(key: KeyObject, salt: Uint8Array) {
    this.#cipher = createCipheriv(`aes-${(key.symmetricKeySize ?? 0) * 8}-ecb`, key, null);
    this.#cipher.setAutoPadding(false);
    this.#salt = salt;
  }

  /** @returns a buffer of the caller's own with `length` bytes or some more. @param roc the upper 32 bits of the index */
  generate(ssrc: number, roc: number, sequence: number, length: number): Uint8Array {
    const blocks = (length + blockBytes - 1) >> 4;
    if (blocks * blockBytes > this.#counters.length) this.#grow(blocks);
    if (ssrc !== this.#ssrc || roc !== this.#roc) this.#begin(ssrc, roc);
    const counters = this.#counters;
    const high = this.#salt[12]! ^ (sequence >> 8);
    const low = this.#salt[13]! ^ (sequence & 0xff);
    for (let block = 0, at = 12; block < blocks; block++, at += blockBytes) {
      counters[at] = high;
      counters[at + 1] = low;
    }
    this.#views[blocks] ??= counters.subarray(0, blocks * blockBytes);
    return this.#cipher.update(this.#views[blocks]);
  }

  #grow(blocks: number): void {
    const counters = new Uint8Array(blocks * blockBytes);
    for (let block = 0; block < blocks; block++) {
      counters[block * blockBytes + 14] = block >> 8;
      counters[block * blockBytes + 15] = block;
    }
    this.#counters = counters;
    this.#views = [];
    this.#ssrc = -1;
  }

  /** Everything of the counters but the lower 16 bits of the index. */
  #begin(ssrc: number, roc: number): void {
    const head = Buffer.from(this.#salt.subarray(0, 12));
    head.writeUInt32BE((head.readUInt32BE(4) ^ ssrc) >>> 0, 4);
    head.writeUInt32BE((head.readUInt32BE(8) ^ roc) >>> 0, 8);
    for (let at = 0; at < this.#counters.length; at += blockBytes) this.#counters.set(head, at);
    this.#ssrc = ssrc;
    this.#roc = roc;
  }
}

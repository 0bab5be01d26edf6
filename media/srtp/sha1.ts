/**
 * HMAC-SHA1 (RFC 2104, FIPS 180-4) for packets of one key: both halves of the key are hashed once, so
 * that a packet costs the blocks of its bytes and one more, and nothing is allocated for it. What
 * node:crypto asks for one call is more than all of that.
 */

const blockBytes = 64;
const digestBytes = 20;

export class HmacSha1 {
  /** The states behind the inner and the outer half of the key. */
  readonly #inner = new Int32Array(5);
  readonly #outer = new Int32Array(5);
  readonly #state = new Int32Array(5);
  readonly #words = new Int32Array(80);
  /** The end of a message with its padding. */
  readonly #last = new Uint8Array(2 * blockBytes);
  readonly #digest = new Uint8Array(digestBytes);

  /** @param key 64 bytes at the most */
  constructor(key: Uint8Array) {
    const pad = new Uint8Array(blockBytes);
    for (const [state, byte] of [
      [this.#inner, 0x36],
      [this.#outer, 0x5c],
    ] as const) {
      for (let i = 0; i < blockBytes; i++) pad[i] = (key[i] ?? 0) ^ byte;
      state.set([0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0]);
      compress(state, this.#words, pad, 0);
    }
  }

  /**
   * @param suffix 32 bits that follow the message; undefined for none
   * @returns 20 bytes that the next call overwrites
   */
  digest(buffer: Uint8Array, offset: number, length: number, suffix: number | undefined): Uint8Array {
    const state = this.#state;
    const words = this.#words;
    const last = this.#last;
    state.set(this.#inner);
    const whole = length - (length % blockBytes);
    for (let at = 0; at < whole; at += blockBytes) compress(state, words, buffer, offset + at);
    let used = length - whole;
    for (let i = 0; i < used; i++) last[i] = buffer[offset + whole + i]!;
    if (suffix !== undefined) {
      putUint32(last, used, suffix);
      used += 4;
    }
    this.#finish(used, blockBytes + length + (suffix === undefined ? 0 : 4));
    for (let i = 0; i < 5; i++) putUint32(last, 4 * i, state[i]!);
    state.set(this.#outer);
    this.#finish(digestBytes, blockBytes + digestBytes);
    const digest = this.#digest;
    for (let i = 0; i < 5; i++) putUint32(digest, 4 * i, state[i]!);
    return digest;
  }

  /** Pads the `used` bytes of the end and hashes them. @param total bytes of the whole message */
  #finish(used: number, total: number): void {
    const last = this.#last;
    const end = used < blockBytes - 8 ? blockBytes : 2 * blockBytes;
    last[used] = 0x80;
    last.fill(0, used + 1, end - 4);
    // 2^29 bytes have 2^32 bits; a datagram is far from that.
    putUint32(last, end - 4, total * 8);
    for (let at = 0; at < end; at += blockBytes) compress(this.#state, this.#words, last, at);
  }
}

function putUint32(buffer: Uint8Array, at: number, value: number): void {
  buffer[at] = value >>> 24;
  buffer[at + 1] = value >>> 16;
  buffer[at + 2] = value >>> 8;
  buffer[at + 3] = value;
}

/** FIPS 180-4 §6.1.2, one block. */
function compress(state: Int32Array, w: Int32Array, bytes: Uint8Array, at: number): void {
  for (let t = 0, i = at; t < 16; t++, i += 4)
    w[t] = (bytes[i]! << 24) | (bytes[i + 1]! << 16) | (bytes[i + 2]! << 8) | bytes[i + 3]!;
  for (let t = 16; t < 80; t++) {
    const x = w[t - 3]! ^ w[t - 8]! ^ w[t - 14]! ^ w[t - 16]!;
    w[t] = (x << 1) | (x >>> 31);
  }
  let a = state[0]!;
  let b = state[1]!;
  let c = state[2]!;
  let d = state[3]!;
  let e = state[4]!;
  let next = 0;
  for (let t = 0; t < 20; t++) {
    next = (((a << 5) | (a >>> 27)) + ((b & c) | (~b & d)) + e + 0x5a827999 + w[t]!) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = next;
  }
  for (let t = 20; t < 40; t++) {
    next = (((a << 5) | (a >>> 27)) + (b ^ c ^ d) + e + 0x6ed9eba1 + w[t]!) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = next;
  }
  for (let t = 40; t < 60; t++) {
    next = (((a << 5) | (a >>> 27)) + ((b & c) | (b & d) | (c & d)) + e + 0x8f1bbcdc + w[t]!) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = next;
  }
  for (let t = 60; t < 80; t++) {
    next = (((a << 5) | (a >>> 27)) + (b ^ c ^ d) + e + 0xca62c1d6 + w[t]!) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = next;
  }
  state[0] = (state[0]! + a) | 0;
  state[1] = (state[1]! + b) | 0;
  state[2] = (state[2]! + c) | 0;
  state[3] = (state[3]! + d) | 0;
  state[4] = (state[4]! + e) | 0;
}

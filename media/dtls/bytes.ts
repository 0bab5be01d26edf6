/** The presentation language of TLS (RFC 5246 §4): numbers in network order, vectors behind their length. */

/** Reads on past the end as zeros and nothing; whether that happened is asked once, at the end. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #at = 0;
  #ok = true;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Bytes that are left. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /** All was there. */
  get ok(): boolean {
    return this.#ok;
  }

  /** All was there, and nothing else. */
  get done(): boolean {
    return this.#ok && this.left === 0;
  }

  u8(): number {
    return this.#number(1);
  }
  u16(): number {
    return this.#number(2);
  }
  u24(): number {
    return this.#number(3);
  }

  /** A view, not a copy. */
  take(length: number): Uint8Array {
    if (length > this.left) {
      this.#ok = false;
      this.#at = this.#bytes.length;
      return new Uint8Array(0);
    }
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  vector8(): Uint8Array {
    return this.take(this.u8());
  }
  vector16(): Uint8Array {
    return this.take(this.u16());
  }
  vector24(): Uint8Array {
    return this.take(this.u24());
  }

  /** What is left, as a list of numbers. */
  list16(): number[] {
    const numbers: number[] = [];
    while (this.left > 0) numbers.push(this.u16());
    return numbers;
  }

  #number(length: number): number {
    return this.take(length).reduce((value, byte) => value * 256 + byte, 0);
  }
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(parts);
}

export function u8(...values: readonly number[]): Uint8Array {
  return Uint8Array.from(values);
}
export function u16(...values: readonly number[]): Uint8Array {
  return Uint8Array.from(values.flatMap((value) => [value >> 8, value & 0xff]));
}
export function u24(value: number): Uint8Array {
  return u8(value >> 16, (value >> 8) & 0xff, value & 0xff);
}

export function vector8(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = concat(...parts);
  return concat(u8(bytes.length), bytes);
}
export function vector16(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = concat(...parts);
  return concat(u16(bytes.length), bytes);
}
export function vector24(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = concat(...parts);
  return concat(u24(bytes.length), bytes);
}

/**
 * The record layer (RFC 6347 §4.1), with AES-GCM (RFC 5288) from epoch 1 on.
 *
 *    0      1         3       5                11       13
 *   +------+---------+-------+----------------+--------+----------
 *   | type | version | epoch | sequence number| length | fragment
 *   +------+---------+-------+----------------+--------+----------
 */
import { type CipherGCMTypes, createCipheriv, createDecipheriv } from 'node:crypto';

export const contentTypes = { changeCipherSpec: 20, alert: 21, handshake: 22, applicationData: 23 } as const;

export const dtls10 = 0xfeff;
export const dtls12 = 0xfefd;

export const recordHeaderBytes = 13;
const explicitNonceBytes = 8;
const tagBytes = 16;
/** What a record in an epoch with keys is longer by. */
export const sealedBytes = explicitNonceBytes + tagBytes;
/** 2^14 of content, and what encryption may add (RFC 5246 §6.2.3). */
const maxFragmentBytes = 16_384 + 2048;

export interface DtlsRecord {
  readonly type: number;
  readonly epoch: number;
  readonly sequence: number;
  /** The header: what is authenticated begins with its epoch and sequence number. */
  readonly header: Uint8Array;
  readonly fragment: Uint8Array;
}

/** The records of a datagram, as far as it can be read. Views, not copies. */
export function readRecords(datagram: Uint8Array): DtlsRecord[] {
  const records: DtlsRecord[] = [];
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.length);
  let at = 0;
  while (at + recordHeaderBytes <= datagram.length) {
    const type = view.getUint8(at);
    const version = view.getUint16(at + 1);
    const length = view.getUint16(at + 11);
    const end = at + recordHeaderBytes + length;
    if (type < 20 || type > 23 || version >> 8 !== 0xfe || length > maxFragmentBytes || end > datagram.length) break;
    records.push({
      type,
      epoch: view.getUint16(at + 3),
      sequence: view.getUint16(at + 5) * 2 ** 32 + view.getUint32(at + 7),
      header: datagram.subarray(at, at + recordHeaderBytes),
      fragment: datagram.subarray(at + recordHeaderBytes, end),
    });
    at = end;
  }
  return records;
}

/** One direction of an epoch with keys. */
export class RecordCipher {
  readonly #algorithm: CipherGCMTypes;
  readonly #key: Uint8Array;
  readonly #iv = new Uint8Array(12);

  /** @param salt the implicit part of the nonce, 4 bytes */
  constructor(key: Uint8Array, salt: Uint8Array) {
    this.#algorithm = key.length === 32 ? 'aes-256-gcm' : 'aes-128-gcm';
    this.#key = key;
    this.#iv.set(salt);
  }

  /** @param header of the record, its length that of the plaintext */
  seal(header: Uint8Array, plaintext: Uint8Array): Uint8Array {
    // Epoch and sequence number are used once: they are the explicit nonce.
    const nonce = header.subarray(3, 11);
    this.#iv.set(nonce, 4);
    const cipher = createCipheriv(this.#algorithm, this.#key, this.#iv, { authTagLength: tagBytes });
    cipher.setAAD(additionalData(header, plaintext.length));
    return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
  }

  /** @returns undefined for what was not sealed with this key */
  open({ header, fragment }: DtlsRecord): Uint8Array | undefined {
    const length = fragment.length - sealedBytes;
    if (length < 0) return undefined;
    this.#iv.set(fragment.subarray(0, explicitNonceBytes), 4);
    const decipher = createDecipheriv(this.#algorithm, this.#key, this.#iv, { authTagLength: tagBytes });
    decipher.setAAD(additionalData(header, length));
    decipher.setAuthTag(fragment.subarray(explicitNonceBytes + length));
    try {
      const ciphertext = fragment.subarray(explicitNonceBytes, explicitNonceBytes + length);
      return Buffer.concat([decipher.update(ciphertext), decipher.final()]);
    } catch {
      return undefined; // its tag is wrong
    }
  }
}

/** RFC 5246 §6.2.3.3: sequence number (here with the epoch), type, version, length of the plaintext. */
function additionalData(header: Uint8Array, length: number): Uint8Array {
  const data = new Uint8Array(recordHeaderBytes);
  data.set(header.subarray(3, 11));
  data.set(header.subarray(0, 3), 8);
  data[11] = length >> 8;
  data[12] = length & 0xff;
  return data;
}

/** Which records of an epoch came already (RFC 6347 §4.1.2.6). */
export class ReplayWindow {
  #highest = -1;
  /** Bit n: the record n before the highest one came. */
  #seen = 0n;

  isNew(sequence: number): boolean {
    const behind = this.#highest - sequence;
    return behind < 0 || (behind < 64 && (this.#seen & (1n << BigInt(behind))) === 0n);
  }

  /** Only for what was authentic. */
  mark(sequence: number): void {
    const ahead = sequence - this.#highest;
    if (ahead > 0) {
      this.#seen = ahead < 64 ? BigInt.asUintN(64, (this.#seen << BigInt(ahead)) | 1n) : 1n;
      this.#highest = sequence;
    } else this.#seen |= 1n << BigInt(-ahead);
  }
}

/**
 * A file that only who has the key can read, and nobody can change, shorten or reorder unseen: AES-256-GCM in chunks, each
 * of which is read without the others.
 *
 *     0  "TANDEMR1"
 *     8  length of the key id (1 byte), the key id
 *        salt (32 bytes)
 *        chunks: 65,536 bytes encrypted (the last: 0 to 65,536), and a tag of 16 bytes
 *
 * The key of a file is HKDF-SHA-256 of the named key and the salt, with the info "tandem recording". The nonce of a chunk
 * is seven zeros, its number (32 bit, big-endian), and 1 for the last one, else 0. All before the chunks is authenticated
 * with each.
 */
import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';
import { TandemError } from '../base/errors.ts';
import type { Random } from '../base/random.ts';
import type { Keyring } from './options.ts';

const magic = Buffer.from('TANDEMR1');
export const saltBytes = 32;
const tagBytes = 16;
export const chunkBytes = 65_536;
const sealedChunkBytes = chunkBytes + tagBytes;
const mostChunks = 2 ** 32;
/** As long as a head can be. */
export const longestHead = magic.length + 1 + 255 + saltBytes;

/** What a sealed file begins with, and what it takes to go on. */
interface Head {
  readonly bytes: Uint8Array;
  readonly key: Uint8Array;
}

function derive(key: string, salt: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', key, salt, 'tandem recording', 32));
}

/** Seals what is given bit by bit. @param random for the salt @returns the sealed file, bit by bit */
export async function* sealed(
  plain: AsyncIterable<Uint8Array>,
  { current }: Keyring,
  random: Pick<Random, 'bytes'>,
): AsyncGenerator<Uint8Array, void, void> {
  const salt = random.bytes(saltBytes);
  const id = Buffer.from(current.id);
  const bytes = Buffer.concat([magic, Uint8Array.of(id.length), id, salt]);
  const head = { bytes, key: derive(current.key, salt) };
  yield bytes;
  let waiting: Uint8Array[] = [];
  let length = 0;
  let index = 0;
  for await (const piece of plain) {
    waiting.push(piece);
    length += piece.length;
    // The last chunk is known by what does not follow: one is always kept.
    if (length <= chunkBytes) continue;
    let all: Uint8Array = Buffer.concat(waiting);
    for (; all.length > chunkBytes; all = all.subarray(chunkBytes))
      yield sealChunk(head, all.subarray(0, chunkBytes), index++, false);
    waiting = [all];
    length = all.length;
  }
  yield sealChunk(head, Buffer.concat(waiting), index, true);
}

/** Bytes of a sealed file. @param plain bytes of what is in it */
export function sealedSize(plain: number, { current }: Keyring): number {
  const chunks = Math.max(1, Math.ceil(plain / chunkBytes));
  return magic.length + 1 + Buffer.byteLength(current.id) + saltBytes + plain + chunks * tagBytes;
}

function sealChunk(head: Head, chunk: Uint8Array, index: number, last: boolean): Uint8Array {
  if (index >= mostChunks) throw new TandemError('ERR_SEALED', 'too long to be encrypted');
  const cipher = createCipheriv('aes-256-gcm', head.key, nonce(index, last)).setAAD(head.bytes);
  return Buffer.concat([cipher.update(chunk), cipher.final(), cipher.getAuthTag()]);
}

function nonce(index: number, last: boolean): Uint8Array {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt32BE(index, 7);
  bytes[11] = last ? 1 : 0;
  return bytes;
}

/** Bytes of a file that are there to be read at any place. */
export interface ReadAt {
  readonly size: number;
  /** @returns fewer bytes at its end */
  read(position: number, length: number): Promise<Uint8Array>;
}

export function looksSealed(start: Uint8Array): boolean {
  return magic.equals(start.subarray(0, magic.length));
}

/** The audio in a sealed file, at any place of it. */
export class SealedFile implements ReadAt {
  readonly keyId: string;
  /** Bytes of what is sealed. */
  readonly size: number;
  readonly #file: ReadAt;
  readonly #head: Head;
  readonly #chunks: number;

  private constructor(file: ReadAt, keyId: string, head: Head) {
    this.#file = file;
    this.keyId = keyId;
    this.#head = head;
    const body = file.size - head.bytes.length;
    this.#chunks = Math.ceil(body / sealedChunkBytes);
    this.size = body - this.#chunks * tagBytes;
    const left = body - (this.#chunks - 1) * sealedChunkBytes;
    if (this.#chunks < 1 || left < tagBytes) throw broken('it is cut off');
  }

  /** @throws TandemError ERR_SEALED for what is no sealed file, or is cut off; ERR_SEALED_KEY for a key that nobody has */
  static async open(file: ReadAt, keyring: Pick<Keyring, 'find'>): Promise<SealedFile> {
    const start = await file.read(0, longestHead);
    if (!looksSealed(start)) throw broken('it is no sealed file');
    const idBytes = start[magic.length] ?? 0;
    const length = magic.length + 1 + idBytes + saltBytes;
    if (start.length < length) throw broken('it is cut off');
    const keyId = Buffer.from(start.subarray(magic.length + 1, length - saltBytes)).toString();
    const key = keyring.find(keyId);
    if (key === undefined)
      throw new TandemError(
        'ERR_SEALED_KEY',
        `it is encrypted with the key ${JSON.stringify(keyId)}, which is not here`,
        {
          facts: { keyId },
        },
      );
    const bytes = start.slice(0, length);
    return new SealedFile(file, keyId, { bytes, key: derive(key, bytes.subarray(length - saltBytes)) });
  }

  /** @throws TandemError ERR_SEALED for what was changed */
  async read(position: number, length: number): Promise<Uint8Array> {
    const end = Math.min(position + length, this.size);
    if (position >= end) return new Uint8Array(0);
    const pieces: Uint8Array[] = [];
    for (let at = position; at < end; ) {
      const index = Math.floor(at / chunkBytes);
      const chunk = await this.#chunk(index);
      const from = at - index * chunkBytes;
      const piece = chunk.subarray(from, Math.min(chunk.length, from + end - at));
      if (piece.length === 0) throw broken('it is cut off');
      pieces.push(piece);
      at += piece.length;
    }
    return pieces.length === 1 ? (pieces[0] as Uint8Array) : Buffer.concat(pieces);
  }

  /** Whole, or that part of it; the end of the file is checked in any case. */
  async *stream(start = 0, end = this.size): AsyncGenerator<Uint8Array, void, void> {
    // Of an empty one, too: whether it is cut off is told by the last chunk alone.
    if (end >= this.size) await this.#chunk(this.#chunks - 1);
    for (let at = start; at < end; ) {
      const piece = await this.read(at, Math.min(end - at, chunkBytes - (at % chunkBytes)));
      yield piece;
      at += piece.length;
    }
  }

  async #chunk(index: number): Promise<Uint8Array> {
    const bytes = await this.#file.read(this.#head.bytes.length + index * sealedChunkBytes, sealedChunkBytes);
    if (bytes.length < tagBytes) throw broken('it is cut off');
    const body = bytes.length - tagBytes;
    const iv = nonce(index, index === this.#chunks - 1);
    const decipher = createDecipheriv('aes-256-gcm', this.#head.key, iv, { authTagLength: tagBytes });
    decipher.setAAD(this.#head.bytes).setAuthTag(bytes.subarray(body));
    try {
      return Buffer.concat([decipher.update(bytes.subarray(0, body)), decipher.final()]);
    } catch (cause) {
      throw broken('it was changed, or cut off', cause);
    }
  }
}

function broken(why: string, cause?: unknown): TandemError {
  return new TandemError(
    'ERR_SEALED',
    `the recording cannot be decrypted: ${why}`,
    cause === undefined ? {} : { cause },
  );
}

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createNodeRandom } from '../../src/base/node.ts';
import { keyringOf } from '../../src/recordings/options.ts';
import { chunkBytes, type ReadAt, SealedFile, sealed } from '../../src/recordings/sealed-file.ts';

const random = createNodeRandom();
const keyring = keyringOf({ key: 'a long text, kept elsewhere', keyId: 'one' });

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function all(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const found: Uint8Array[] = [];
  for await (const piece of source) found.push(piece);
  return Buffer.concat(found);
}

const fileOf = (bytes: Uint8Array): ReadAt => ({
  size: bytes.length,
  read: async (position, length) => bytes.subarray(position, position + length),
});
const seal = (plain: Uint8Array, size = 10_000) => all(sealed(pieces(plain, size), keyring, random));
const unseal = async (bytes: Uint8Array) => all((await SealedFile.open(fileOf(bytes), keyring)).stream());

describe('a sealed file', () => {
  it.each([0, 1, chunkBytes - 1, chunkBytes, chunkBytes + 1, 3 * chunkBytes])('has %i bytes again', async (length) => {
    const plain = random.bytes(length);
    const bytes = await seal(plain);
    expect(bytes.includes('RIFF')).toBe(false);
    expect((await SealedFile.open(fileOf(bytes), keyring)).size).toBe(length);
    expect((await unseal(bytes)).equals(plain)).toBe(true);
  });

  it('is read at any place', async () => {
    const plain = Buffer.from(random.bytes(2 * chunkBytes + 777));
    const file = await SealedFile.open(fileOf(await seal(plain)), keyring);
    await fc.assert(
      fc.asyncProperty(fc.nat(plain.length), fc.nat(plain.length), async (a, b) => {
        const [start, end] = a < b ? [a, b] : [b, a];
        const expected = plain.subarray(start, end);
        expect((await all(file.stream(start, end))).equals(expected)).toBe(true);
        expect(Buffer.from(await file.read(start, end - start)).equals(expected)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it('differs each time', async () => {
    const plain = random.bytes(100);
    expect((await seal(plain)).equals(await seal(plain))).toBe(false);
  });

  it('is refused when a bit of it is another, wherever', async () => {
    const bytes = await seal(random.bytes(1_000));
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.nat(7), async (at, bit) => {
        const changed = Buffer.from(bytes);
        changed[at] = (changed[at] as number) ^ (1 << bit);
        await expect(unseal(changed)).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_SEALED(_KEY)?$/) });
      }),
    );
  });

  it('is refused when it is cut off, at a chunk too, or its chunks are exchanged', async () => {
    const plain = random.bytes(3 * chunkBytes);
    const bytes = await seal(plain);
    const head = bytes.length - 3 * (chunkBytes + 16);
    const chunk = (index: number) =>
      bytes.subarray(head + index * (chunkBytes + 16), head + (index + 1) * (chunkBytes + 16));
    const cut = [0, 5, head, head + 5, head + chunkBytes + 16, bytes.length - 1].map((end) => bytes.subarray(0, end));
    const mixed = Buffer.concat([bytes.subarray(0, head), chunk(1), chunk(0), chunk(2)]);
    for (const one of [...cut, mixed]) await expect(unseal(one)).rejects.toMatchObject({ code: 'ERR_SEALED' });
  });

  it('is opened with an old key, and names one that is not here', async () => {
    const bytes = await seal(Buffer.from('hello'));
    const next = keyringOf({ key: 'another long text', oldKeys: { one: 'a long text, kept elsewhere' } });
    expect((await all((await SealedFile.open(fileOf(bytes), next)).stream())).toString()).toBe('hello');
    const none = keyringOf({ key: 'another long text' });
    await expect(SealedFile.open(fileOf(bytes), none)).rejects.toThrow('the key "one", which is not here');
  });

  it('never does more than refuse what is no sealed file', async () => {
    const start = Buffer.from('TANDEMR1');
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.boolean(), async (bytes, begins) => {
        await expect(unseal(begins ? Buffer.concat([start, bytes]) : bytes)).rejects.toMatchObject({
          code: expect.stringMatching(/^ERR_SEALED/),
        });
      }),
    );
  });

  it.each([
    [{ key: 'short' }, 'needs 16 characters'],
    [{ key: 'a long enough text', keyId: 'ä' }, 'a keyId has'],
    [{ key: 'a long enough text', keyId: 'a', oldKeys: { a: 'another long text' } }, 'two keys are called a'],
  ])('has no keys such as %o', (options, message) => {
    expect(() => keyringOf(options)).toThrow(message);
  });
});

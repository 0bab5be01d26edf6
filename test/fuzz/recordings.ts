/**
 * One seed of the fuzz of what lies in the folder of recordings: sealed files and notes with bytes turned, cut off, put
 * in another order. No file opens to anything but what was sealed.
 */
import { TandemError } from '../../src/base/errors.ts';
import { parseNote } from '../../src/recordings/note.ts';
import { keyringOf } from '../../src/recordings/options.ts';
import { SealedFile, sealed } from '../../src/recordings/sealed-file.ts';
import { between, chance, pick, seededRandom } from '../../src/testing/index.ts';
import { FuzzFinding, type FuzzOptions } from './fuzz.ts';

const keyring = keyringOf({ key: 'a long text, kept elsewhere', keyId: 'one' });
const note = JSON.stringify({
  version: 1,
  startedAt: 1,
  endedAt: 2,
  end: 'ended',
  uploaded: { at: 3, to: 's3://a/b' },
});

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function all(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const found: Uint8Array[] = [];
  for await (const piece of pieces) found.push(piece);
  return Buffer.concat(found);
}

export async function fuzzRecordings(seed: number, { messages = 1_000, watch }: FuzzOptions): Promise<unknown> {
  const random = seededRandom(seed);
  const plain = random.bytes(between(random, 0, 300));
  const whole = await all(sealed(once(plain), keyring, random));
  for (let count = 0; count < messages; count++) {
    const text = Buffer.from(note);
    text[between(random, 0, text.length - 1)] = between(random, 0, 255);
    watch?.(() => void parseNote(text.toString()));
    const file = Buffer.from(whole.subarray(0, chance(random, 0.3) ? between(random, 0, whole.length) : whole.length));
    for (let turned = between(random, 0, 3); turned > 0 && file.length > 0; turned--)
      file[between(random, 0, file.length - 1)] = pick(random, [0, 1, 0x7f, 0xff, between(random, 0, 255)]);
    try {
      const read = async (at: number, length: number): Promise<Uint8Array> => file.subarray(at, at + length);
      const opened = await all((await SealedFile.open({ size: file.length, read }, keyring)).stream());
      if (!opened.equals(plain)) throw new FuzzFinding(seed, count, file, 'a changed file was opened');
    } catch (error) {
      if (!(error instanceof TandemError)) throw error;
    }
  }
  return { messages };
}

import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { wavHeader } from '../../../media/audio/index.ts';
import { LabError } from '../../../src/testing/errors.ts';
import { FakeClock } from '../../../src/testing/fake-clock.ts';
import { MemoryFiles } from '../../../src/testing/memory-files.ts';
import { Sounds } from '../../../src/testing/sounds.ts';
import { findIn, heard, joined, prompt, referenceOf, silence } from './signals.ts';

const folder = fileURLToPath(new URL('../../../prompts/', import.meta.url));

function opened() {
  const files = new MemoryFiles(new FakeClock());
  return { files, sounds: new Sounds(files, folder) };
}

/** 16-bit. */
function wav(samples: Int16Array, sampleRate = 8000, channels: 1 | 2 = 1): Uint8Array {
  const header = wavHeader({ sampleRate, channels, dataBytes: 2 * samples.length });
  const bytes = new Uint8Array(header.length + 2 * samples.length);
  bytes.set(header);
  bytes.set(new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength), header.length);
  return bytes;
}

describe('a sound', () => {
  it('is found by its name, by its path, and by its URL, and prepared once', async () => {
    const { sounds } = opened();
    const named = await sounds.reference('goodbye.wav');
    expect(named.name).toBe('goodbye.wav');
    expect(named.samples).toEqual(prompt('goodbye.wav'));
    expect(await sounds.reference(`${folder}goodbye.wav`)).toBe(named);
    expect(await sounds.reference(new URL('../../../prompts/goodbye.wav', import.meta.url))).toBe(named);
  });

  it('may be samples', async () => {
    const { sounds } = opened();
    const samples = prompt('echo.wav').subarray(0, 4000);
    expect(await sounds.reference(samples)).toMatchObject({ name: '500 ms of audio', samples });
  });

  it('is brought to the rate of hearing, and to one channel', async () => {
    const { files, sounds } = opened();
    const once = prompt('no-input.wav');
    const wide = new Int16Array(4 * once.length);
    // Stereo at 16 kHz, each sample twice and between two their mean.
    for (let i = 0; i < once.length; i++) {
      const [one, next] = [once[i] as number, once[i + 1] ?? 0];
      wide.set([one, one, (one + next) / 2, (one + next) / 2], 4 * i);
    }
    files.set('/wide.wav', wav(wide, 16_000, 2));
    const reference = await sounds.reference('/wide.wav');
    expect(reference.samples.length).toBe(once.length);
    const { match } = findIn(heard(joined(silence(100), once, silence(100))), reference);
    expect(match?.from).toBe(800 + referenceOf('no-input.wav').loudFrom);
  });

  it('that a server has written anew is another', async () => {
    const { files, sounds } = opened();
    files.set('/mailbox.wav', wav(prompt('echo.wav')));
    const first = await sounds.reference('/mailbox.wav');
    expect(await sounds.reference('/mailbox.wav')).toBe(first);
    files.set('/mailbox.wav', wav(prompt('record.wav')));
    expect((await sounds.reference('/mailbox.wav')).samples).toEqual(prompt('record.wav'));
    expect(sounds.all().map(({ name }) => name)).toEqual(['mailbox.wav']);
    expect(sounds.all()[0]?.samples).toEqual(prompt('record.wav'));
  });

  it('that a server has read is known, if it is one', async () => {
    const { files, sounds } = opened();
    files.set('/broken.wav', new Uint8Array(40));
    files.set('/notes.txt', new Uint8Array(40));
    await files.read('/broken.wav');
    await files.read('/notes.txt');
    await files.read(`${folder}beep.wav`);
    expect(sounds.all().map(({ name }) => name)).toEqual(['beep.wav']);
  });

  it('that is not there, or no WAV file, is an error that names it', async () => {
    const { files, sounds } = opened();
    await expect(sounds.reference('nothing.wav')).rejects.toThrow(LabError);
    await expect(sounds.reference('nothing.wav')).rejects.toThrow(/there is no .*nothing\.wav to listen for/);
    files.set('/broken.wav', new Uint8Array(40));
    await expect(sounds.reference('/broken.wav')).rejects.toThrow(/cannot listen for \/broken\.wav/);
  });
});

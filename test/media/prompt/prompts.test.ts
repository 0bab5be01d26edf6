import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { rmsLevel } from '../../../media/audio/pcm.ts';
import { readWav } from '../../../media/audio/wav.ts';
import { decodeWav } from '../../../media/audio/wav-decode.ts';

const folder = fileURLToPath(new URL('../../../prompts/', import.meta.url));
const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.wav'))
  .sort();
const bytesOf = (name: string) => new Uint8Array(readFileSync(`${folder}${name}`));

describe('the prompts of the package', () => {
  it('are all there, and small', () => {
    expect(names).toEqual([
      'beep.wav',
      'conference.wav',
      ...Array.from({ length: 10 }, (_, digit) => `digits/${digit}.wav`),
      'echo.wav',
      'goodbye.wav',
      'message.wav',
      'music.wav',
      'no-input.wav',
      'not-available.wav',
      'parking-slot.wav',
      'queue-position.wav',
      'record.wav',
      'vm-at.wav',
      'vm-cannot-keep.wav',
      'vm-code.wav',
      'vm-days-ago.wav',
      'vm-deleted.wav',
      'vm-from.wav',
      'vm-greeting-menu.wav',
      'vm-greeting-removed.wav',
      'vm-greeting.wav',
      'vm-kept.wav',
      'vm-menu.wav',
      'vm-message-menu.wav',
      'vm-new-messages.wav',
      'vm-no-more.wav',
      'vm-saved-messages.wav',
      'vm-saved.wav',
      'vm-too-short.wav',
      'vm-wrong-code.wav',
      'welcome.wav',
      'wrong-input.wav',
    ]);
    expect(names.reduce((sum, name) => sum + bytesOf(name).length, 0)).toBeLessThan(2_500_000);
  });

  it.each(names)('%s is 8 kHz mono of 16 bits at −20 dB, and does not clip', (name) => {
    const bytes = bytesOf(name);
    const expected = { format: 'pcm', sampleRate: 8000, channels: 1, bitsPerSample: 16 };
    expect(readWav(bytes)).toMatchObject({ ok: true, value: expected });
    const decoded = decodeWav(bytes);
    const samples = decoded.ok ? decoded.value.samples : new Int16Array();
    expect(Math.abs(rmsLevel(samples) + 20)).toBeLessThan(0.5);
    expect(samples.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0)).toBeLessThan(32_000);
  });

  it('music begins and ends softly, so that it can be looped', () => {
    const decoded = decodeWav(bytesOf('music.wav'));
    const samples = decoded.ok ? decoded.value.samples : new Int16Array();
    expect(samples.length).toBeGreaterThan(15 * 8000);
    expect(Math.abs(samples[0]! - samples.at(-1)!)).toBeLessThan(500);
  });
});

/** Ogg-Opus of ours as others read it, and Ogg-Opus and MP3 of others as we do. */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { decodeWav, decodeWhole, type MonoAudio, openDecoder, resample } from '../../../media/audio/index.ts';
import { between, seededRandom } from '../../../src/testing/index.ts';
import { oggFile } from '../../media/support/ogg-file.ts';
import { correlation, speech } from '../../media/support/speech.ts';
import { temporaryFolder } from '../support/folder.ts';

const seed = 7845;

const ffmpeg = (...options: string[]): void => {
  execFileSync('ffmpeg', ['-v', 'error', '-xerror', '-y', ...options], { stdio: ['ignore', 'ignore', 'pipe'] });
};
const probed = (path: string): number =>
  Number(execFileSync('ffprobe', ['-v', 'error', '-show_entries', 'format=duration', '-of', 'csv=p=0', path]));

async function wavOf(path: string): Promise<MonoAudio> {
  const read = decodeWav(await readFile(path));
  if (!read.ok) throw new Error(read.error);
  return read.value;
}

describe('an Ogg-Opus file of ours', () => {
  it.each([
    [8000, 1],
    [8000, 2],
    [16_000, 1],
    [48_000, 2],
  ] as const)('at %i Hz with %i channels is whole for opusinfo and ffmpeg, and sounds the same', async (rate, channels) => {
    await using folder = await temporaryFolder();
    const said = speech(rate, 5).slice(0, 4.321 * rate);
    const pcm = new Int16Array(said.length * channels);
    for (let i = 0; i < pcm.length; i++) pcm[i] = said[Math.floor(i / channels)]!;
    const [file, wav] = [folder.file('ours.opus'), folder.file('theirs.wav')];
    await writeFile(file, await oggFile(pcm, rate, channels));
    const { status, stdout } = spawnSync('opusinfo', [file], { encoding: 'utf8' });
    expect(stdout).not.toMatch(/WARNING|ERROR/i);
    expect(status).toBe(0);
    expect(stdout).toMatch(/Pre-skip: 312/);
    expect(stdout).toMatch(/Playback length: 0m:04\.3/);
    // ffprobe counts the pre-skip.
    expect(Math.abs(probed(file) - 4.321)).toBeLessThan(0.01);
    ffmpeg('-i', file, '-ac', '1', '-ar', String(rate), wav);
    const theirs = await wavOf(wav);
    expect(Math.abs(theirs.samples.length - said.length)).toBeLessThanOrEqual(rate / 1000);
    expect(correlation(said, theirs.samples, rate)).toBeGreaterThan(0.98);
  });

  it('plays up to where it was cut, wherever that is', async () => {
    await using folder = await temporaryFolder();
    const file = await oggFile(speech(8000, 8));
    const random = seededRandom(seed);
    for (let n = 0; n < 10; n++) {
      const end = between(random, 6000, file.length);
      const [path, wav] = [folder.file('cut.opus'), folder.file('cut.wav')];
      await writeFile(path, file.subarray(0, end));
      execFileSync('ffmpeg', ['-v', 'quiet', '-y', '-i', path, wav]);
      const { samples, sampleRate } = await wavOf(wav);
      expect(samples.length / sampleRate, `seed ${seed}, cut at ${end}`).toBeGreaterThan((8 * end) / file.length - 1.5);
    }
  });
});

describe('a file of others', () => {
  it.each([
    ['ogg', 'libopus', 48_000, 2, ['-b:a', '64k']],
    ['opus', 'libopus', 16_000, 1, ['-b:a', '24k', '-frame_duration', '60']],
    ['opus', 'libopus', 8000, 1, ['-b:a', '12k', '-application', 'voip', '-vbr', 'off']],
    ['mp3', 'libmp3lame', 48_000, 2, ['-b:a', '128k']],
    ['mp3', 'libmp3lame', 44_100, 1, ['-q:a', '4', '-metadata', 'title=Tandem']],
    ['mp3', 'libmp3lame', 22_050, 2, ['-b:a', '64k', '-joint_stereo', '1']],
    ['mp3', 'libmp3lame', 16_000, 1, ['-q:a', '2', '-id3v2_version', '3', '-write_id3v1', '1']],
    ['mp3', 'libmp3lame', 8000, 1, ['-b:a', '24k']],
  ] as const)('as %s by %s at %i Hz, %i channels, %j is as long as it was and sounds the same', async (ending, coder, rate, channels, options) => {
    await using folder = await temporaryFolder();
    const said = speech(rate, 4);
    const [raw, path] = [folder.file('said.raw'), folder.file(`said.${ending}`)];
    await writeFile(raw, new Uint8Array(said.buffer));
    const input = ['-f', 's16le', '-ar', String(rate), '-ac', '1', '-i', raw];
    ffmpeg(...input, '-ac', String(channels), '-c:a', coder, ...options, path);
    const opened = await openDecoder(ending === 'mp3' ? 'audio/mpeg' : 'audio/ogg');
    if (!opened.ok) throw new Error(opened.error);
    const heard = decodeWhole(await readFile(path), opened.value, 1e8, (count) => new Int16Array(count));
    opened.value.close();
    if (!heard.ok) throw new Error(heard.error);
    const { samples, sampleRate } = heard.value;
    expect(Math.abs(samples.length / sampleRate - 4)).toBeLessThan(0.001);
    const narrow = (audio: Int16Array, from: number): Int16Array => resample(audio, from, 8000);
    expect(correlation(narrow(said, rate), narrow(samples, sampleRate), 8000)).toBeGreaterThan(0.97);
  });

  it.each([
    ['libvorbis', 'Vorbis'],
    ['flac', 'FLAC'],
  ])('in Ogg by %s is refused by its name', async (coder, name) => {
    await using folder = await temporaryFolder();
    const path = folder.file('song.ogg');
    ffmpeg('-f', 'lavfi', '-i', 'sine=duration=1', '-c:a', coder, path);
    const opened = await openDecoder('audio/ogg');
    if (!opened.ok) throw new Error(opened.error);
    const heard = decodeWhole(await readFile(path), opened.value, 1e8, (count) => new Int16Array(count));
    expect(heard).toEqual({ ok: false, error: `it is Ogg with ${name} in it, and not with Opus` });
  });
});

/** What a phone hears of a sound file, beside what sox makes of the same file. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { resample } from '../../../media/audio/index.ts';
import { pcma, pcmu } from '../../../media/codec/index.ts';
import { decodePrompt, encodePrompt } from '../../../media/prompt/index.ts';
import { temporaryFolder } from '../support/folder.ts';

const laws = [
  ['µ-law', pcmu(), 'mu-law'],
  ['A-law', pcma(), 'a-law'],
] as const;

/** Payload of a file as it is sent. */
function sent(path: string, codec: ReturnType<typeof pcmu>): Uint8Array {
  const prompt = decodePrompt(readFileSync(path), 'audio/wav');
  if (!prompt.ok) throw new Error(prompt.error);
  return new Uint8Array(encodePrompt(prompt.value, codec));
}

function decoded(codec: ReturnType<typeof pcmu>, payload: Uint8Array): Int16Array {
  const out = new Int16Array(payload.length);
  codec.decode(payload, out);
  return out;
}

/** dB of `reference` over the difference, both taken to 16 kHz and aligned to the sample there, 300–3400 Hz. */
function snr(reference: Int16Array, heard: Int16Array): number {
  const [a, b] = [reference, heard].map((samples) => voiceBand(resample(samples, 8000, 16_000))) as [
    Float64Array,
    Float64Array,
  ];
  let best = Number.NEGATIVE_INFINITY;
  for (let delay = -16; delay <= 16; delay++) {
    let [signal, noise] = [0, 0];
    for (let i = 1600; i < Math.min(a.length, b.length) - 1600; i++) {
      signal += a[i]! ** 2;
      noise += (a[i]! - b[i + delay]!) ** 2;
    }
    best = Math.max(best, 10 * Math.log10(signal / noise));
  }
  return best;
}

/** A windowed sinc of 257 taps. */
function voiceBand(samples: Int16Array): Float64Array {
  const half = 128;
  const taps = Float64Array.from({ length: 2 * half + 1 }, (_, i) => {
    const t = i - half;
    const low = (hz: number): number => (t === 0 ? hz / 8000 : Math.sin((Math.PI * hz * t) / 8000) / (Math.PI * t));
    return (low(3400) - low(300)) * (0.54 + 0.46 * Math.cos((Math.PI * t) / half));
  });
  return Float64Array.from(samples, (_, at) => {
    let sum = 0;
    for (let i = 0; i < taps.length; i++) sum += taps[i]! * (samples[at + half - i] ?? 0);
    return sum;
  });
}

describe.each(laws)('played in %s', (_, codec, law) => {
  it('a source of 8 kHz is byte for byte what the tables of G.711 give', async () => {
    await using folder = await temporaryFolder();
    const source = 'prompts/welcome.wav';
    const out = folder.file('out.raw');
    execFileSync('sox', ['-D', source, '-t', 'raw', '-e', law, '-b', '8', out]);
    const theirs = decoded(codec, new Uint8Array(readFileSync(out)));
    const ours = decoded(codec, sent(source, codec));
    expect(ours.length).toBe(theirs.length);
    // sox rounds where G.711 cuts off: its bytes are the neighbours now and then.
    const samples = readFileSync(source).subarray(44);
    const direct = new Uint8Array(ours.length);
    const pcm = Int16Array.from({ length: ours.length }, (_, i) => samples.readInt16LE(2 * i));
    codec.encode(pcm, direct);
    expect(sent(source, codec)).toEqual(direct);
    expect(snr(theirs, ours)).toBeGreaterThan(30);
  });

  it.each([
    ['44100', 2],
    ['48000', 1],
    ['16000', 1],
    ['22050', 1],
    ['11025', 2],
  ])('a source of %s Hz and %i channel(s) is what sox makes of it, 30 dB above the difference', async (rate, channels) => {
    await using folder = await temporaryFolder();
    const [source, out] = [folder.file('source.wav'), folder.file('out.raw')];
    // A voice-like sound with something in every part of the band, and above it.
    const synth = ['synth', '3', 'sawtooth', '110-330', 'synth', '3', 'sine', 'amod', '3', 'gain', '-8'];
    execFileSync('sox', ['-R', '-D', '-n', '-r', rate, '-c', String(channels), '-b', '16', source, ...synth]);
    const filter = ['rate', '-v', '8000'];
    execFileSync('sox', ['-D', source, '-t', 'raw', '-e', law, '-b', '8', '-c', '1', out, ...filter]);
    const theirs = decoded(codec, new Uint8Array(readFileSync(out)));
    expect(snr(theirs, decoded(codec, sent(source, codec)))).toBeGreaterThan(30);
  });
});

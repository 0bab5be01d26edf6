/**
 * The only file that knows the package `wav-decoder`. It is never shown a file from outside: on a header with
 * 0 channels it loops for ever, on an odd chunk it throws. It gets one block of samples at a time behind a
 * header of our own, which also keeps its float copies small.
 */
import wavDecoder from 'wav-decoder';
import type { WavFile } from './wav.ts';

const headerBytes = 44;

/**
 * Decodes PCM (8, 16, 24, 32 bit) and float (32, 64 bit) samples to −1 … 1, one array per channel. Integers are
 * divided by the same number on both sides of zero, so that 16-bit samples come back exactly.
 */
export function decodeBlock(wav: Omit<WavFile, 'data'>, block: Uint8Array): readonly Float32Array[] {
  const buffer = new ArrayBuffer(headerBytes + block.length);
  new Uint8Array(buffer).set(block, headerBytes);
  const view = new DataView(buffer);
  const text = (at: number, value: string): void => {
    for (let i = 0; i < value.length; i++) view.setUint8(at + i, value.charCodeAt(i));
  };
  const frame = (wav.channels * wav.bitsPerSample) / 8;
  text(0, 'RIFF');
  view.setUint32(4, 36 + block.length, true);
  text(8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, wav.format === 'float' ? 3 : 1, true);
  view.setUint16(22, wav.channels, true);
  view.setUint32(24, wav.sampleRate, true);
  view.setUint32(28, wav.sampleRate * frame, true);
  view.setUint16(32, frame, true);
  view.setUint16(34, wav.bitsPerSample, true);
  text(36, 'data');
  view.setUint32(40, block.length, true);
  const { channelData } = wavDecoder.decode.sync(buffer, { symmetric: true });
  if (wav.format === 'pcm' && wav.bitsPerSample === 8) for (const samples of channelData) centre8(samples);
  if (wav.format === 'pcm' && wav.bitsPerSample === 24) for (const samples of channelData) unwrap24(samples);
  return channelData;
}

/** The package puts the zero of 8-bit audio between 127 and 128; it is 128, or silence becomes an offset. */
function centre8(samples: Float32Array): void {
  for (let i = 0; i < samples.length; i++) samples[i] = (Math.round(samples[i]! * 127.5 + 127.5) - 128) / 128;
}

/** The package reads 0x800000, the most negative sample, as the most positive one plus one. */
function unwrap24(samples: Float32Array): void {
  for (let i = 0; i < samples.length; i++) if (samples[i]! >= 1) samples[i] = -1;
}

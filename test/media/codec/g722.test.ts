import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { g722 } from '../../../media/codec/index.ts';
import { sineWave, snr } from '../audio/signal.ts';

/** Whole numbers only, so that it is the same everywhere: a rising chirp, a quiet part, noise at full scale, silence. */
function material(): Int16Array {
  const pcm = new Int16Array(32_000);
  let [noise, phase] = [1, 0];
  for (let i = 0; i < pcm.length; i++) {
    noise = (Math.imul(noise, 1_103_515_245) + 12_345) >>> 0;
    phase = (phase + 200 + (i >> 2)) & 0xffff;
    const triangle = Math.abs(phase - 0x8000) - 0x4000;
    const random = (noise >>> 16) - 0x8000;
    if (i < 12_000) pcm[i] = triangle + (random >> 4);
    else if (i < 18_000) pcm[i] = (triangle >> 7) + (random >> 11);
    else if (i < 26_000) pcm[i] = random;
  }
  return pcm;
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

describe('G.722', () => {
  it('encodes and decodes bit by bit what another implementation does (FFmpeg 5.1, -c:a g722)', () => {
    const pcm = material();
    const codes = new Uint8Array(pcm.length / 2);
    expect(g722().encode(pcm, codes)).toBe(codes.length);
    expect(sha256(codes)).toBe('eb95389c321a4ff0e4f4946630e68956b7482186cef046368c06011e30d0c29d');
    const out = new Int16Array(pcm.length);
    expect(g722().decode(codes, out)).toBe(out.length);
    expect(sha256(new Uint8Array(out.buffer))).toBe('3c49f92a30bcd7218b174fa015ec6599cdd2fd4fad992371c3d24857c4834aaf');
  });

  it('does not care where packets are cut', () => {
    const pcm = material().subarray(0, 3200);
    const [whole, parts] = [g722(), g722()];
    const [expected, got] = [new Uint8Array(1600), new Uint8Array(1600)];
    whole.encode(pcm, expected);
    for (let at = 0; at < 1600; at += 160) parts.encode(pcm.subarray(2 * at, 2 * at + 320), got.subarray(at, at + 160));
    expect(got).toEqual(expected);
  });

  it.each([300, 1000, 3400, 6500])('keeps %i Hz', (frequency) => {
    const coder = g722();
    const pcm = sineWave(frequency, 16_000, 16_000, 8000);
    const codes = new Uint8Array(8000);
    coder.encode(pcm, codes);
    const out = new Int16Array(16_000);
    coder.decode(codes, out);
    expect(snr(out.subarray(1600), frequency, 16_000)).toBeGreaterThan(frequency < 4000 ? 28 : 15);
  });

  it('is one byte a tick, and silence stays silence', () => {
    const coder = g722();
    const payload = new Uint8Array(160);
    coder.silence(payload);
    expect(coder.ticks(payload, 0, 160)).toBe(160);
    const out = new Int16Array(320);
    coder.decode(payload, out);
    expect(Math.max(...out.map(Math.abs))).toBeLessThan(8);
  });

  it('takes pairs of samples, and no more than there is room for', () => {
    expect(g722().encode(new Int16Array(5), new Uint8Array(9))).toBe(2);
    expect(g722().encode(new Int16Array(50), new Uint8Array(9))).toBe(9);
    expect(g722().decode(new Uint8Array(9), new Int16Array(5))).toBe(4);
    expect(g722().decode(new Uint8Array(0), new Int16Array(5))).toBe(0);
  });
});

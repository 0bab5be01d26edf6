import { describe, expect, it } from 'vitest';
import { type AudioCodec, l16, pcma, pcmu } from '../../../media/codec/index.ts';
import { Transcoder } from '../../../media/engine/transcoder.ts';

/** A tone through the transcoder, packet by packet, and back to samples. */
function throughPackets(from: AudioCodec, to: AudioCodec, hz: number, packets: number): Int16Array {
  const transcoder = new Transcoder(from, to);
  transcoder.begin(0, 0);
  const step = from.clockRate / 50;
  const heard: number[] = [];
  for (let packet = 0; packet < packets; packet++) {
    const pcm = Int16Array.from({ length: step }, (_, i) =>
      Math.round(8000 * Math.sin((2 * Math.PI * hz * (packet * step + i)) / from.clockRate)),
    );
    const payload = new Uint8Array(step * from.bytesPerSample);
    from.encode(pcm, payload);
    const out = new Uint8Array(transcoder.outputBytes(payload.length));
    transcoder.convert(payload, out);
    const samples = new Int16Array(out.length / to.bytesPerSample);
    to.decode(out, samples);
    heard.push(...samples);
  }
  return Int16Array.from(heard);
}

/** How far the tone stands above all else, dB; phase and delay do not matter. */
function snr(heard: Int16Array, hz: number, rate: number): number {
  const settled = heard.subarray(rate / 5);
  let [sine, cosine, power] = [0, 0, 0];
  settled.forEach((sample, i) => {
    const angle = (2 * Math.PI * hz * i) / rate;
    sine += sample * Math.sin(angle);
    cosine += sample * Math.cos(angle);
    power += sample * sample;
  });
  const tone = (2 * (sine * sine + cosine * cosine)) / settled.length;
  return 10 * Math.log10(tone / (power - tone));
}

describe('a stream of packets from one codec into another', () => {
  it.each([
    [pcmu(), pcma(), 30],
    [pcma(), pcmu(), 30],
    [l16(16_000), pcmu(), 30],
    [pcma(), l16(16_000), 30],
    [l16(44_100), pcma(), 30],
    [l16(8000), l16(48_000), 55],
  ])('%o to %o keeps the tone', (from, to, least) => {
    const heard = throughPackets(from, to, 1000, 50);
    expect(heard.length).toBe(to.clockRate);
    expect(snr(heard, 1000, to.clockRate)).toBeGreaterThan(least);
  });

  it('keeps the distances of timestamps at the other rate, over gaps, disorder and many wraps', () => {
    const transcoder = new Transcoder(l16(16_000), pcmu());
    const start = 0xffff_ff00;
    transcoder.begin(start, 0xffff_fff0);
    const out = (distance: number): number => transcoder.timestamp((start + distance) >>> 0);
    const expected = (distance: number): number => (0xffff_fff0 + distance / 2) >>> 0;
    for (const distance of [0, 320, 3200, 640, 320]) expect(out(distance)).toBe(expected(distance));
    // Ten days of an hour's silence each: both timestamps wrap more than once.
    for (let hour = 1; hour <= 240; hour++) expect(out(hour * 57_600_000)).toBe(expected(hour * 57_600_000));
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteRing, createByteRing } from '../../media/engine/byte-ring.ts';
import { audioPacket } from '../../media/engine/encoding.ts';
import { createFrameRing, FrameRing } from '../../media/engine/frame-ring.ts';
import { PacketRingSink, PacketRingSource } from '../../media/engine/packet-ring.ts';
import { rtpView } from '../../media/rtp/packet.ts';
import { noise } from './support/open-media.ts';

describe('a ring of bytes', () => {
  it('gives back what was pushed, in order, whatever the sizes', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(90), fc.nat(90)), { maxLength: 80 }), (steps) => {
        const memory = createByteRing(100);
        const [producer, consumer] = [new ByteRing(memory), new ByteRing(memory)];
        const source = noise(8000);
        const out = new Uint8Array(8000);
        let pushed = 0;
        let pulled = 0;
        for (const [push, pull] of steps) {
          pushed += producer.push(source, pushed, pushed + push);
          pulled += consumer.pull(out, pulled, pull);
          expect(consumer.size).toBe(pushed - pulled);
          expect(producer.space).toBe(128 - pushed + pulled);
        }
        pulled += consumer.pull(out, pulled, 1000);
        expect(out.subarray(0, pulled)).toEqual(source.subarray(0, pushed));
      }),
    );
  });

  it('leaves out what is discarded, and nothing that is pushed behind it', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(60), fc.nat(60), fc.boolean()), { maxLength: 80 }), (steps) => {
        const memory = createByteRing(100);
        const [producer, consumer] = [new ByteRing(memory), new ByteRing(memory)];
        const source = noise(8000);
        let kept: number[] = [];
        let pushed = 0;
        for (const [push, pull, discard] of steps) {
          const count = producer.push(source, pushed, pushed + push);
          kept.push(...source.subarray(pushed, pushed + count));
          pushed += count;
          if (discard) {
            producer.discard();
            kept = [];
          }
          expect([producer.size, consumer.size]).toEqual([kept.length, kept.length]);
          const out = new Uint8Array(pull);
          const pulled = consumer.pull(out, 0, pull);
          expect([...out.subarray(0, pulled)]).toEqual(kept.splice(0, pull));
        }
      }),
    );
  });

  it('wakes a producer that waits once, when half of it is free', () => {
    const memory = createByteRing(64);
    const [producer, consumer] = [new ByteRing(memory), new ByteRing(memory)];
    producer.push(new Uint8Array(64));
    expect(consumer.takeWaiter()).toBe(false);
    producer.wait();
    const out = new Uint8Array(64);
    consumer.pull(out, 0, 16);
    expect(consumer.takeWaiter()).toBe(false);
    consumer.pull(out, 0, 16);
    expect(consumer.takeWaiter()).toBe(true);
    expect(consumer.takeWaiter()).toBe(false);
  });
});

describe('a ring of frames', () => {
  it('never waits: the oldest are overwritten and counted', () => {
    const memory = createFrameRing(4, 2);
    const [engine, reader] = [new FrameRing(memory), new FrameRing(memory)];
    for (let n = 0; n < 10; n++) engine.push(Int16Array.of(n, -n));
    const frames: number[] = [];
    for (let frame = reader.pull(); frame; frame = reader.pull()) frames.push(frame[0]!);
    expect(frames).toEqual([7, 8, 9]);
    expect(reader.dropped).toBe(7);
    reader.wait();
    expect(engine.push(Int16Array.of(1, 1))).toBe(true);
    expect(engine.push(Int16Array.of(2, 2))).toBe(false);
    engine.end();
    expect(reader.pull()).toEqual(Int16Array.of(1, 1));
    expect(reader.ended).toBe(true);
  });
});

describe('a ring of packets', () => {
  it('hands on what came at once, and drops what does not fit', async () => {
    const memory = createByteRing(2048);
    const sink = new PacketRingSink(memory);
    const seen: { sequence: number; payload: Uint8Array }[] = [];
    let woken = (): void => {};
    const forward = (buffer: Uint8Array, view: { sequence: number; payloadOffset: number; payloadLength: number }) => {
      const { sequence, payloadOffset, payloadLength } = view;
      seen.push({ sequence, payload: buffer.slice(payloadOffset, payloadOffset + payloadLength) });
    };
    const errors: unknown[] = [];
    const source = new PacketRingSource(
      memory,
      { forward },
      () => 0,
      () => woken(),
      (error) => errors.push(error),
    );
    const push = (sequence: number): void => {
      const view = { ...rtpView(), sequence, ssrc: 9, payloadOffset: 12, payloadLength: 160 };
      sink.forward(noise(172, sequence), view, audioPacket, 1, 'next', 0, true);
    };
    for (let n = 0; n < 30; n++) push(n);
    expect(sink.dropped).toBe(30 - 11);
    await new Promise<void>((resolve) => {
      woken = resolve;
    });
    expect(seen.map(({ sequence }) => sequence)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(seen[3]!.payload).toEqual(noise(172, 3).slice(12));
    push(77);
    await new Promise<void>((resolve) => {
      woken = resolve;
    });
    expect(seen.at(-1)!.sequence).toBe(77);
    source.close();
    push(78);
    await new Promise((resolve) => setImmediate(resolve));
    expect(seen.at(-1)!.sequence).toBe(77);
    expect(errors).toEqual([]);
  });
});

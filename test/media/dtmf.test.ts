import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventOf, writeEvent } from '../../media/dtmf/event.ts';
import { DtmfReceiver } from '../../media/dtmf/receiver.ts';
import { DtmfSender } from '../../media/dtmf/sender.ts';

interface Packet {
  readonly sequence: number;
  readonly timestamp: number;
  readonly marker: boolean;
  readonly end: boolean;
  readonly duration: number;
  readonly bytes: Uint8Array;
}

/** All packets of a row of presses, by their sender. */
function send(digits: string, durationMs = 100, gapMs = 60, timestamp = 1000): Packet[] {
  const sender = DtmfSender.create(digits, durationMs, gapMs, 8000);
  const packets: Packet[] = [];
  for (let beat = 0; !sender.done; beat++) {
    const step = sender.next();
    if (!step) continue;
    if (step.begins) sender.state.timestamp = (timestamp + beat * 160) >>> 0;
    const bytes = new Uint8Array(4);
    writeEvent(bytes, 0, step.event, step.end, 10, step.duration);
    packets.push({
      sequence: packets.length,
      timestamp: sender.state.timestamp,
      marker: step.begins,
      end: step.end,
      duration: step.duration,
      bytes,
    });
  }
  return packets;
}

function receive(packets: readonly Packet[], receiver = new DtmfReceiver()): string {
  return packets.map(({ timestamp, bytes }) => receiver.packet(1, timestamp, bytes, 0, bytes.length) ?? '').join('');
}

describe('sending key presses', () => {
  it('marks the first packet, keeps the timestamp, steps the duration and ends three times', () => {
    const packets = send('5', 100);
    expect(packets.map(({ duration }) => duration)).toEqual([160, 320, 480, 640, 800, 800, 800]);
    expect(packets.map(({ marker }) => marker)).toEqual([true, false, false, false, false, false, false]);
    expect(packets.map(({ end }) => end)).toEqual([false, false, false, false, true, true, true]);
    expect(new Set(packets.map(({ timestamp }) => timestamp)).size).toBe(1);
    expect(packets.every(({ bytes }) => bytes[0] === 5)).toBe(true);
  });

  it('gives every press a timestamp of its own', () => {
    const packets = send('11', 60, 40);
    expect([...new Set(packets.map(({ timestamp }) => timestamp))]).toEqual([1000, 1000 + 7 * 160]);
  });

  it('never makes a press longer than its duration can say', () => {
    const last = send('1', 60_000).at(-1)!;
    expect(last.duration).toBeLessThanOrEqual(0xffff);
    expect(last.end).toBe(true);
  });
});

describe('receiving key presses', () => {
  it('hears every digit once, whatever of its packets is lost, doubled or late', () => {
    const presses = fc.record({
      digits: fc.string({ unit: fc.constantFrom(...'0123456789*#ABCD'), minLength: 1, maxLength: 12 }),
      timestamp: fc.nat(0xffffffff),
      seed: fc.infiniteStream(fc.nat(999)),
    });
    fc.assert(
      fc.property(presses, ({ digits, timestamp, seed }) => {
        const chance = (): number => seed.next().value ?? 0;
        const sent = send(digits, 60, 20, timestamp);
        const byPress = Map.groupBy(sent, (packet) => packet.timestamp);
        const kept = [...byPress.values()].flatMap((packets) => {
          const left = packets.filter(() => chance() % 2 === 0);
          const some = left.length > 0 ? left : [packets[chance() % packets.length]!];
          return some.flatMap((packet) => (chance() % 3 === 0 ? [packet, packet] : [packet]));
        });
        // Each is late by up to 6 places: packets of one press come after those of the next.
        const arrived = kept
          .map((packet, place) => ({ packet, place: place + (chance() % 7) }))
          .sort((a, b) => a.place - b.place)
          .map(({ packet }) => packet);
        expect([...receive(arrived)].sort().join('')).toBe([...digits].sort().join(''));
      }),
      { numRuns: 300 },
    );
  });

  it('keeps the order of digits when nothing overtakes a press', () => {
    expect(receive(send('123A*#'))).toBe('123A*#');
  });

  it('takes a long press in segments for one, even if a whole segment is lost', () => {
    const bytes = (duration: number, end = false): Uint8Array => {
      const event = new Uint8Array(4);
      writeEvent(event, 0, eventOf('7'), end, 10, duration);
      return event;
    };
    const receiver = new DtmfReceiver();
    const heard = [
      receiver.packet(1, 0, bytes(160), 0, 4),
      receiver.packet(1, 0, bytes(0xffff), 0, 4),
      receiver.packet(1, 0xffff, bytes(160), 0, 4),
      receiver.packet(1, 3 * 0xffff, bytes(400), 0, 4),
      receiver.packet(1, 3 * 0xffff, bytes(400, true), 0, 4),
      receiver.packet(1, 4 * 0xffff, bytes(160), 0, 4),
    ];
    expect(heard).toEqual(['7', undefined, undefined, undefined, undefined, '7']);
  });

  it('tells a source that begins anew from an old one', () => {
    const receiver = new DtmfReceiver();
    const [packet] = send('1');
    expect(receiver.packet(1, 1000, packet!.bytes, 0, 4)).toBe('1');
    expect(receiver.packet(2, 1000, packet!.bytes, 0, 4)).toBe('1');
    expect(receiver.packet(2, 1000, packet!.bytes, 0, 4)).toBeUndefined();
  });

  it('goes on from its state', () => {
    const receiver = new DtmfReceiver();
    const packets = send('9');
    expect(receive(packets.slice(0, 2), receiver)).toBe('9');
    expect(receive(packets.slice(2), new DtmfReceiver(structuredClone(receiver.state)))).toBe('');
  });

  it('hears nothing in what is no digit or too short', () => {
    const receiver = new DtmfReceiver();
    expect(receiver.packet(1, 1, new Uint8Array([16, 0, 0, 0]), 0, 4)).toBeUndefined();
    expect(receiver.packet(1, 1, new Uint8Array([255, 0, 0, 0]), 0, 4)).toBeUndefined();
    expect(receiver.packet(1, 1, new Uint8Array([1, 0, 0]), 0, 3)).toBeUndefined();
  });
});

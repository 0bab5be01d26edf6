import { describe, expect, it } from 'vitest';
import { seqDiff, timestampDiff } from '../../media/rtp/sequence.ts';
import { concat, hosts, noise, openMedia } from './support/open-media.ts';
import { type Heard, Phone } from './support/phone.ts';

/** One stream: one SSRC, numbers without a gap, timestamps that keep pace with them. */
function expectContinuous(packets: readonly Heard[], samples = 160): void {
  for (let i = 1; i < packets.length; i++) {
    const [a, b] = [packets[i - 1]!, packets[i]!];
    expect(b.ssrc).toBe(a.ssrc);
    expect(seqDiff(b.sequence, a.sequence)).toBe(1);
    const step = timestampDiff(b.timestamp, a.timestamp);
    // A source that could not begin in the very next slot says so, and leaves out the time that passed.
    if (b.marker) expect(step).toBeGreaterThanOrEqual(samples);
    else expect(step).toBe(samples);
  }
}

const event = (digit: number, end: boolean, duration: number): Uint8Array =>
  new Uint8Array([digit, (end ? 0x80 : 0) | 10, duration >> 8, duration & 0xff]);

describe.each(hosts)('media with %i workers over %s', (workers, io) => {
  it('echoes every payload byte for byte, telephone-events too', async () => {
    await using media = await openMedia({ workers, io });
    await using phone = await Phone.open();
    await using leg = await media.createLeg({ bindAddress: '127.0.0.1', callId: 'echo' });
    leg.negotiate(phone.audio());
    leg.echo(true);
    const payloads = Array.from({ length: 50 }, (_, i) => noise(i % 7 === 0 ? 80 : 160, i + 1));
    for (const [i, payload] of payloads.entries()) {
      phone.send({ sequence: 65_520 + i, timestamp: 4_294_967_000 + i * 160, payload }, leg.port);
      await phone.hears(i + 1);
    }
    phone.send({ payloadType: 101, sequence: 65_570, timestamp: 700, payload: event(5, false, 160) }, leg.port);
    const heard = await phone.hears(51);
    expect(concat(heard.slice(0, 50).map((packet) => packet.payload))).toEqual(concat(payloads));
    expectContinuous(heard.slice(0, 50));
    expect(heard[50]).toMatchObject({ payloadType: 101, payload: event(5, false, 160) });
    expect(heard[0]!.ssrc).not.toBe(0x1234);
    expect((await leg.stats()).received).toMatchObject({ packets: 51, lost: 0, invalid: 0 });
  });

  it('plays raw payload byte for byte in one continuous stream', async () => {
    await using media = await openMedia({ workers, io });
    await using phone = await Phone.open();
    await using leg = await media.createLeg({ bindAddress: '127.0.0.1', callId: 'play' });
    leg.negotiate(phone.audio());
    const payload = noise(160 * 10 + 40);
    const first = leg.play(payload, '');
    await expect(first.done).resolves.toEqual({ end: 'completed', playedMs: 205 });
    await expect(leg.play(payload, '').done).resolves.toEqual({ end: 'completed', playedMs: 205 });
    const heard = await phone.hears(22);
    expectContinuous(heard);
    const padded = concat([payload, new Uint8Array(120).fill(0xff)]);
    expect(concat(heard.map((packet) => packet.payload))).toEqual(concat([padded, padded]));
    expect(heard[0]!.marker).toBe(true);
  });

  it('bridges both ways without touching payload, gaps or order', async () => {
    await using media = await openMedia({ workers, io });
    await using a = await Phone.open();
    await using b = await Phone.open();
    await using legA = await media.createLeg({ bindAddress: '127.0.0.1', callId: 'a' });
    await using legB = await media.createLeg({ bindAddress: '127.0.0.1', callId: 'b' });
    if (workers === 2) expect(legA.worker).not.toBe(legB.worker);
    legA.negotiate(a.audio());
    legB.negotiate(b.audio({ telephoneEvent: { sendPayloadType: 97, receivePayloadType: 97, clockRate: 8000 } }));
    const bridge = media.createBridge();
    bridge.add(legA);
    bridge.add(legB);
    await legA.stats();
    await legB.stats();
    const order = [0, 1, 2, 5, 4, 6, 9, 10];
    for (const [n, i] of order.entries()) {
      a.send({ sequence: 100 + i, timestamp: 1000 + i * 160, payload: noise(160, i + 1) }, legA.port);
      await b.hears(n + 1);
      b.send({ sequence: 200 + i, timestamp: 2000 + i * 160, payload: noise(160, i + 50), ssrc: 7 }, legB.port);
      await a.hears(n + 1);
    }
    a.send({ payloadType: 101, marker: true, sequence: 111, timestamp: 9000, payload: event(1, true, 800) }, legA.port);
    await b.hears(order.length + 1);
    const base = b.heard[0]!;
    for (const [n, i] of order.entries()) {
      expect(b.heard[n]!.payload).toEqual(noise(160, i + 1));
      expect(a.heard[n]!.payload).toEqual(noise(160, i + 50));
      expect(seqDiff(b.heard[n]!.sequence, base.sequence)).toBe(i);
      expect(timestampDiff(b.heard[n]!.timestamp, base.timestamp)).toBe(i * 160);
      expect(b.heard[n]!.ssrc).toBe(base.ssrc);
      expect(b.heard[n]!.marker).toBe(n === 0);
    }
    expect(b.heard.at(-1)).toMatchObject({ payloadType: 97, marker: true, payload: event(1, true, 800) });
    expect(base.ssrc).not.toBe(0x1234);
    bridge.close();
  });

  it('sends key presses that a receiver hears once each', async () => {
    await using media = await openMedia({ workers, io });
    await using a = await media.createLeg({ bindAddress: '127.0.0.1', callId: 'a' });
    await using b = await media.createLeg({ bindAddress: '127.0.0.1', callId: 'b', beside: a });
    const { negotiated } = await import('./support/phone.ts');
    const at = (leg: { port: number; rtcpPort: number }) =>
      negotiated({ address: '127.0.0.1', port: leg.port, rtcpPort: leg.rtcpPort });
    a.negotiate(at(b));
    b.negotiate(at(a));
    let digits = '';
    let done = (): void => {};
    const all = new Promise<void>((resolve) => {
      done = resolve;
    });
    b.onDtmf = ({ digit }) => {
      digits += digit;
      if (digits.length === 5) done();
    };
    await a.sendDtmf('11*#d', { durationMs: 60, gapMs: 40 });
    await all;
    expect(digits).toBe('11*#D');
  });

  it('leaves nothing behind', async () => {
    await using media = await openMedia({ workers, io, rtpTimeout: 60_000 });
    await using phone = await Phone.open();
    const legs = await Promise.all(
      [1, 2, 3].map((n) => media.createLeg({ bindAddress: '127.0.0.1', callId: `call ${n}` })),
    );
    for (const leg of legs) leg.negotiate(phone.audio());
    const playing = legs.map((leg) => leg.play(noise(16_000), '', { loop: true }));
    const bridge = media.createBridge();
    bridge.add(legs[0]!);
    bridge.add(legs[1]!);
    const reader = legs[2]!.reader();
    await phone.hears(3);
    expect(await media.counts()).toMatchObject({ legs: 3, bridges: 1, playbacks: 3, sockets: 6 });
    await Promise.all(legs.map((leg) => leg.close()));
    for (const playback of playing) expect((await playback.done).end).toBe('ended');
    expect(await reader.read()).toBeNull();
    bridge.close();
    expect(await media.counts()).toEqual({
      legs: 0,
      bridges: 0,
      conferences: 0,
      playbacks: 0,
      recordings: 0,
      sockets: 0,
      timers: 0,
    });
  });
});

import { describe, expect, it } from 'vitest';
import { pcma as pcmaCodec, pcmu as pcmuCodec } from '../../media/codec/index.ts';
import { readRtcp, writeRtcp } from '../../media/rtp/rtcp.ts';
import { seqDiff, timestampDiff } from '../../media/rtp/sequence.ts';
import { FakeClock } from '../../src/testing/fake-clock.ts';
import { openLab } from './support/lab.ts';
import { concat, noise } from './support/open-media.ts';
import { type Heard, negotiated, pcma, pcmu, rtpBytes } from './support/phone.ts';

const remote = { address: '10.0.0.1', port: 4000, rtcpPort: 4001 };
const other = { address: '10.0.0.2', port: 5000, rtcpPort: 5001 };

const payloadOf = (heard: readonly Heard[]): Uint8Array => concat(heard.map(({ payload }) => payload));

describe('playing', () => {
  it('mutes, pauses, seeks and stops where it is told to', async () => {
    await using lab = await openLab();
    const leg = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'a' });
    leg.negotiate(negotiated(remote));
    const payload = noise(160 * 200);
    const frame = (n: number): Uint8Array => payload.slice(n * 160, (n + 1) * 160);
    const silence = new Uint8Array(160).fill(0xff);
    const playback = leg.play(payload, '');
    await lab.clock.advance(1);
    await lab.clock.advance(40);
    expect(await playback.position()).toBe(60);
    playback.mute(true);
    await lab.clock.advance(40);
    playback.mute(false);
    playback.pause();
    await lab.clock.advance(60);
    playback.resume();
    await lab.clock.advance(20);
    playback.seek(2000);
    await lab.clock.advance(40);
    playback.stop();
    await expect(playback.done).resolves.toEqual({ end: 'stopped', playedMs: 160 });
    const heard = lab.heard(4000);
    const wanted = [frame(0), frame(1), frame(2), silence, silence, silence, silence, silence];
    expect(payloadOf(heard)).toEqual(concat([...wanted, frame(5), frame(100), frame(101)]));
    for (const [i, packet] of heard.entries())
      if (i > 0) {
        expect(seqDiff(packet.sequence, heard[i - 1]!.sequence)).toBe(1);
        expect(timestampDiff(packet.timestamp, heard[i - 1]!.timestamp)).toBe(160);
        expect(packet.marker).toBe(false);
      }
  });

  it('loops without a seam, as often as asked', async () => {
    await using lab = await openLab();
    const leg = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'a' });
    leg.negotiate(negotiated(remote));
    const payload = noise(200);
    const playback = leg.play(payload, '', { loop: 3 });
    await lab.clock.advance(200);
    await expect(playback.done).resolves.toEqual({ end: 'completed', playedMs: 75 });
    expect(payloadOf(lab.heard(4000)).slice(0, 600)).toEqual(concat([payload, payload, payload]));
    expect(lab.heard(4000)).toHaveLength(4);
  });

  it('turns the volume by decoding, scaling and encoding', async () => {
    await using lab = await openLab();
    const leg = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'a' });
    leg.negotiate(negotiated(remote));
    const codec = pcmuCodec();
    const samples = Int16Array.from({ length: 160 }, (_, i) => Math.round(8000 * Math.sin(i / 5)));
    const payload = new Uint8Array(160);
    codec.encode(samples, payload);
    leg.play(payload, '', { volume: 0.5 });
    await lab.clock.advance(25);
    const half = new Int16Array(160);
    codec.decode(lab.heard(4000)[0]!.payload, half);
    for (let i = 0; i < 160; i++) expect(Math.abs(half[i]! - samples[i]! / 2)).toBeLessThanOrEqual(200);
  });

  it('goes on in the new codec where it was, when a re-INVITE changes it', async () => {
    await using lab = await openLab();
    const leg = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'a' });
    leg.negotiate(negotiated(remote));
    const pcm = Int16Array.from({ length: 8000 }, (_, i) => Math.round(8000 * Math.sin(i / 9)));
    const bytes = new Uint8Array(pcm.buffer);
    const encode = (codec: ReturnType<typeof pcmuCodec>): Uint8Array => {
      const out = new Uint8Array(8000);
      codec.encode(pcm, out);
      return out;
    };
    const playback = leg.play(bytes, 'audio/pcm');
    await lab.clock.advance(101);
    leg.negotiate(negotiated(remote, { codec: pcma }));
    await lab.clock.advance(2000);
    await expect(playback.done).resolves.toEqual({ end: 'completed', playedMs: 1000 });
    const heard = lab.heard(4000);
    const inMu = payloadOf(heard.filter(({ payloadType }) => payloadType === 0));
    const inA = payloadOf(heard.filter(({ payloadType }) => payloadType === 8));
    expect(inMu).toEqual(encode(pcmuCodec()).slice(0, inMu.length));
    expect(inA).toEqual(encode(pcmaCodec()).slice(inMu.length));
    expect(inMu.length).toBeGreaterThan(0);
  });

  it('takes a new source in place of the old one, in one timeline', async () => {
    await using lab = await openLab();
    const leg = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'a' });
    leg.negotiate(negotiated(remote));
    const first = leg.play(noise(1600), '');
    await lab.clock.advance(41);
    const second = leg.tone({ frequencies: [425], cadence: [], level: -20 });
    await expect(first.done).resolves.toMatchObject({ end: 'stopped' });
    await lab.clock.advance(100);
    second.stop();
    await expect(second.done).resolves.toMatchObject({ end: 'stopped' });
    await lab.clock.advance(1000);
    leg.play(noise(160), '');
    await lab.clock.advance(25);
    const heard = lab.heard(4000);
    const markers = heard.filter(({ marker }) => marker);
    expect(markers).toHaveLength(3);
    const last = heard.at(-1)!;
    expect(timestampDiff(last.timestamp, heard.at(-2)!.timestamp)).toBeGreaterThan(8 * 950);
    expect(seqDiff(last.sequence, heard.at(-2)!.sequence)).toBe(1);
  });

  it('ends as stopped by a signal, before and while it plays', async () => {
    await using lab = await openLab();
    const leg = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'a' });
    leg.negotiate(negotiated(remote));
    const abort = new AbortController();
    const playback = leg.play(noise(16_000), '', { signal: abort.signal });
    await lab.clock.advance(101);
    abort.abort();
    await expect(playback.done).resolves.toEqual({ end: 'stopped', playedMs: 120 });
    await expect(leg.play(noise(160), '', { signal: abort.signal }).done).resolves.toEqual({
      end: 'stopped',
      playedMs: 0,
    });
  });

  it('says what is wrong with a source, and needs a codec first', async () => {
    await using lab = await openLab();
    const leg = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'a' });
    await expect(leg.play('x.wav', 'audio/wav').done).rejects.toMatchObject({ code: 'ERR_MEDIA_STATE' });
    leg.negotiate(negotiated(remote));
    await expect(leg.play('x.wav', 'audio/wav').done).rejects.toMatchObject({ code: 'ERR_FILE' });
    await expect(leg.play(noise(100), 'audio/wav').done).rejects.toMatchObject({ code: 'ERR_AUDIO_FORMAT' });
  });

  it('sends packets as long as the peer wants them', async () => {
    await using lab = await openLab();
    for (const ptime of [10, 30, 40]) {
      const leg = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'a' });
      const port = 6000 + ptime;
      leg.negotiate(negotiated({ ...remote, port }, { ptime }));
      const payload = noise(8 * 240);
      leg.play(payload, '');
      await lab.clock.advance(300);
      const heard = lab.heard(port);
      expect(heard).toHaveLength(240 / ptime);
      expect(payloadOf(heard)).toEqual(payload);
      for (let i = 1; i < heard.length; i++)
        expect(timestampDiff(heard[i]!.timestamp, heard[i - 1]!.timestamp)).toBe(8 * ptime);
      await leg.close();
    }
  });

  it('sends nothing on hold and goes on where it stopped', async () => {
    await using lab = await openLab();
    const leg = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'a' });
    leg.negotiate(negotiated(remote));
    const payload = noise(1600);
    leg.play(payload, '');
    await lab.clock.advance(61);
    const before = lab.heard(4000).length;
    leg.negotiate(negotiated(remote, { direction: 'inactive' }));
    await lab.clock.advance(500);
    expect(lab.heard(4000)).toHaveLength(before);
    leg.negotiate(negotiated(remote));
    await lab.clock.advance(400);
    const heard = lab.heard(4000);
    expect(payloadOf(heard)).toEqual(payload);
    expect(heard[before]!.marker).toBe(true);
  });
});

describe('forwarding', () => {
  it('drops what another codec, a closed direction or no destination leaves nowhere to go', async () => {
    await using lab = await openLab();
    const a = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'a' });
    const b = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'b' });
    const bridge = lab.media.createBridge();
    a.negotiate(negotiated(remote));
    b.negotiate(negotiated(undefined));
    bridge.add(a);
    bridge.add(b);
    await lab.clock.advance(1);
    let n = 0;
    const send = (payloadType = 0): void => {
      n++;
      lab.deliver(rtpBytes({ payloadType, sequence: n, timestamp: n * 160, payload: noise(160, n) }), 4000, a.port);
    };
    send();
    b.negotiate(negotiated(other, { codec: pcma }));
    await lab.clock.advance(1);
    send();
    b.negotiate(negotiated(other, { direction: 'recvonly' }));
    await lab.clock.advance(1);
    send();
    send(34);
    expect(lab.heard(5000)).toHaveLength(0);
    expect((await a.stats()).received.invalid).toBe(1);
    b.negotiate(negotiated(other));
    await lab.clock.advance(1);
    send();
    send();
    const heard = lab.heard(5000);
    expect(heard.map(({ payload }) => payload)).toEqual([noise(160, 5), noise(160, 6)]);
    expect(heard.map(({ marker }) => marker)).toEqual([true, false]);
  });

  it('keeps telephone-events out when asked, without a gap in the numbers', async () => {
    await using lab = await openLab();
    const a = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'a' });
    const b = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'b' });
    a.negotiate(negotiated(remote));
    b.negotiate(negotiated(other));
    const digits: string[] = [];
    a.onDtmf = ({ digit }) => digits.push(digit);
    const bridge = lab.media.createBridge({ dtmf: false });
    bridge.add(a);
    bridge.add(b);
    await lab.clock.advance(1);
    const send = (sequence: number, payloadType: number): void =>
      lab.deliver(
        rtpBytes({ payloadType, sequence, timestamp: sequence * 160, payload: new Uint8Array([3, 0, 0, 160]) }),
        4000,
        a.port,
      );
    send(1, 0);
    send(3, 101);
    send(2, 0); // overtaken by the event
    send(4, 101);
    send(5, 0);
    await lab.clock.advance(1);
    const heard = lab.heard(5000);
    expect(heard.map(({ payloadType }) => payloadType)).toEqual([0, 0, 0]);
    expect(heard.map(({ sequence }) => seqDiff(sequence, heard[0]!.sequence))).toEqual([0, 1, 2]);
    expect(digits).toEqual(['3', '3']);
  });

  it('renews its numbers, with a marker, when the source changes', async () => {
    await using lab = await openLab();
    const a = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'a' });
    const b = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'b' });
    a.negotiate(negotiated(remote));
    b.negotiate(negotiated(other));
    const bridge = lab.media.createBridge();
    bridge.add(a);
    bridge.add(b);
    await lab.clock.advance(1);
    const send = (sequence: number, ssrc: number): void =>
      lab.deliver(
        rtpBytes({ sequence, timestamp: sequence * 160 + ssrc * 1e6, ssrc, payload: noise(160) }),
        4000,
        a.port,
      );
    send(10, 1);
    await lab.clock.advance(20);
    send(11, 1);
    await lab.clock.advance(100);
    // The first packet of another source is on probation.
    send(4999, 2);
    send(5000, 2);
    await lab.clock.advance(20);
    send(5001, 2);
    const heard = lab.heard(5000);
    expect(heard.map(({ marker }) => marker)).toEqual([true, false, true, false]);
    expect(heard.map(({ sequence }) => seqDiff(sequence, heard[0]!.sequence))).toEqual([0, 1, 2, 3]);
    expect(heard.map(({ timestamp }) => timestampDiff(timestamp, heard[0]!.timestamp))).toEqual([0, 160, 960, 1120]);
    expect(new Set(heard.map(({ ssrc }) => ssrc)).size).toBe(1);
  });

  it('stands back while something is played, and goes on after it', async () => {
    await using lab = await openLab();
    const leg = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'a' });
    leg.negotiate(negotiated(remote));
    leg.echo(true);
    await lab.clock.advance(1);
    let n = 0;
    const send = (): void => {
      n++;
      lab.deliver(rtpBytes({ sequence: n, timestamp: n * 160, payload: noise(160, n) }), 4000, leg.port);
    };
    send();
    const prompt = noise(320, 99);
    const playback = leg.play(prompt, '');
    await lab.clock.advance(1);
    send();
    await lab.clock.advance(60);
    await playback.done;
    send();
    const heard = lab.heard(4000);
    expect(payloadOf(heard)).toEqual(concat([noise(160, 1), prompt, noise(160, 3)]));
    expect(heard.map(({ sequence }) => seqDiff(sequence, heard[0]!.sequence))).toEqual([0, 1, 2, 3]);
  });

  it('refuses a third leg and forgets one that is closed', async () => {
    await using lab = await openLab();
    const legs = await Promise.all(
      ['a', 'b', 'c'].map((callId) => lab.media.createLeg({ bindAddress: '10.0.0.9', callId })),
    );
    const bridge = lab.media.createBridge();
    bridge.add(legs[0]!);
    bridge.add(legs[1]!);
    expect(() => bridge.add(legs[2]!)).toThrow(expect.objectContaining({ code: 'ERR_BRIDGE_FULL' }));
    expect(bridge.legs).toEqual([legs[0], legs[1]]);
    await legs[1]!.close();
    bridge.add(legs[2]!);
    expect(bridge.legs).toEqual([legs[0], legs[2]]);
    bridge.close();
    bridge.close();
    expect(() => bridge.add(legs[1]!)).toThrow(expect.objectContaining({ code: 'ERR_BRIDGE_CLOSED' }));
  });
});

describe('key presses', () => {
  it('are sent instead of the audio, in one stream with it', async () => {
    await using lab = await openLab();
    const leg = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'a' });
    leg.negotiate(negotiated(remote));
    const payload = noise(16_000);
    leg.play(payload, '');
    await lab.clock.advance(41);
    const sent = leg.sendDtmf('5', { durationMs: 80 });
    await lab.clock.advance(400);
    await sent;
    const heard = lab.heard(4000);
    const events = heard.filter(({ payloadType }) => payloadType === 101);
    expect(events.map(({ payload: [event, flags, high, low] }) => [event, flags! >> 7, (high! << 8) | low!])).toEqual([
      [5, 0, 160],
      [5, 0, 320],
      [5, 0, 480],
      [5, 1, 640],
      [5, 1, 640],
      [5, 1, 640],
    ]);
    expect(events.map(({ marker }) => marker)).toEqual([true, false, false, false, false, false]);
    expect(new Set(events.map(({ timestamp }) => timestamp)).size).toBe(1);
    const audio = heard.filter(({ payloadType }) => payloadType === 0);
    expect(payloadOf(audio)).toEqual(payload.slice(0, audio.length * 160));
    expect(heard.slice(1).every((packet, i) => seqDiff(packet.sequence, heard[i]!.sequence) === 1)).toBe(true);
    const after = heard[heard.indexOf(events.at(-1)!) + 1]!;
    expect(after.marker).toBe(true);
    expect(timestampDiff(after.timestamp, events[0]!.timestamp)).toBe(6 * 160);
  });

  it('are refused when they are none or nobody negotiated them', async () => {
    await using lab = await openLab();
    const leg = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'a' });
    await expect(leg.sendDtmf('1')).rejects.toMatchObject({ code: 'ERR_MEDIA_STATE' });
    leg.negotiate(negotiated(remote, { telephoneEvent: undefined }));
    await expect(leg.sendDtmf('1')).rejects.toMatchObject({ code: 'ERR_DTMF_UNAVAILABLE' });
    await expect(leg.sendDtmf('1x')).rejects.toMatchObject({ code: 'ERR_DTMF_DIGIT' });
    leg.negotiate(negotiated(remote));
    const unsent = leg.sendDtmf('123');
    const refused = expect(unsent).rejects.toMatchObject({ code: 'ERR_MEDIA_CLOSED' });
    await lab.clock.advance(100);
    await leg.close();
    await refused;
  });
});

describe('silence and RTCP', () => {
  it('tells once of a silence, and not on hold', async () => {
    await using lab = await openLab({ rtpTimeout: 1000 });
    const leg = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'a' });
    const silences: number[] = [];
    leg.onTimeout = ({ silentMs }) => silences.push(silentMs);
    leg.negotiate(negotiated(remote, { direction: 'sendonly' }));
    await lab.clock.advance(5000);
    expect(silences).toEqual([]);
    leg.negotiate(negotiated(remote));
    await lab.clock.advance(500);
    lab.deliver(rtpBytes({ sequence: 1, timestamp: 0, payload: noise(160) }), 4000, leg.port);
    await lab.clock.advance(900);
    expect(silences).toEqual([]);
    await lab.clock.advance(5000);
    expect(silences).toEqual([1000]);
  });

  it('reports what it sent and received, and says goodbye', async () => {
    await using lab = await openLab();
    const leg = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'a' });
    leg.negotiate(negotiated(remote));
    leg.play(noise(160 * 500), '');
    for (let n = 0; n < 10; n++) {
      if (n !== 4)
        lab.deliver(rtpBytes({ sequence: n, timestamp: n * 160, payload: noise(160), ssrc: 77 }), 4000, leg.port);
      await lab.clock.advance(20);
    }
    await lab.clock.advance(8000);
    const reports = lab.sentTo(4001).map((bytes) => readRtcp(bytes)!);
    const { sent } = await leg.stats();
    expect(reports.length).toBeGreaterThanOrEqual(1);
    expect(reports[0]).toMatchObject({ ssrc: sent.ssrc, bye: false, reports: [{ ssrc: 77, lost: 1 }] });
    expect(reports[0]!.ntp).toBeTypeOf('number');
    expect(reports[0]!.cname).toMatch(/^[0-9a-f]{16}$/);
    await leg.close();
    const last = readRtcp(lab.sentTo(4001).at(-1)!)!;
    expect(last).toMatchObject({ ssrc: sent.ssrc, bye: true });
  });

  it('takes in what the peer reports, round trip included', async () => {
    await using lab = await openLab({ rtcpInterval: 1000 });
    const leg = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'a' });
    leg.negotiate(negotiated(remote));
    leg.play(noise(160 * 500), '');
    await lab.clock.advance(1600);
    const ours = readRtcp(lab.sentTo(4001)[0]!)!;
    const at = lab.clock.now();
    const reply = writeRtcp({
      ssrc: 9,
      cname: 'peer@example.com',
      report: {
        ssrc: ours.ssrc,
        fractionLost: 0,
        lost: 3,
        highest: 1,
        jitter: 80,
        lastSenderReport: ours.ntp!,
        delay: 0,
      },
    });
    lab.deliver(reply, 4001, leg.rtcpPort);
    const { rtcp } = await leg.stats();
    expect(rtcp).toMatchObject({ remoteLost: 3, remoteJitterMs: 10, received: 1 });
    expect(rtcp.roundTripMs).toBeGreaterThan(0);
    expect(rtcp.roundTripMs).toBeLessThanOrEqual(at);
  });
});

describe('a snapshot', () => {
  it('is plain data, and a leg made of it goes on as the same stream', async () => {
    await using lab = await openLab();
    const create = { bindAddress: '10.0.0.9', callId: 'a' };
    const leg = await lab.media.createLeg(create);
    leg.negotiate(negotiated(remote));
    const payload = noise(16_000);
    lab.files.set('prompt.raw', payload);
    leg.play('prompt.raw', '');
    const digits: string[] = [];
    leg.onDtmf = ({ digit }) => digits.push(digit);
    const press = (sequence: number): void =>
      lab.deliver(
        rtpBytes({ payloadType: 101, sequence, timestamp: 5, payload: new Uint8Array([1, 10, 0, 160]) }),
        4009,
        leg.port,
      );
    await lab.clock.advance(101);
    press(1);
    press(2);
    await lab.clock.advance(20);
    const snapshot = await leg.handOver();
    expect(JSON.parse(JSON.stringify(snapshot))).toMatchObject({ version: 1, port: leg.port, callId: 'a' });
    expect(lab.sentTo(4001)).toHaveLength(0);
    expect(lab.host.open).toEqual([]);
    const before = lab.heard(4009).length;
    await lab.clock.advance(300);
    const again = await lab.media.createLeg({ ...create, snapshot: structuredClone(snapshot) });
    again.onDtmf = leg.onDtmf;
    expect(again.port).toBe(leg.port);
    expect(again.playback).toBeDefined();
    press(3);
    await lab.clock.advance(100);
    expect(digits).toEqual(['1']);
    const heard = [...lab.heard(4000), ...lab.heard(4009)];
    expect(before).toBeGreaterThan(0);
    expect(payloadOf(heard)).toEqual(payload.slice(0, heard.length * 160));
    expect(new Set(heard.map(({ ssrc }) => ssrc)).size).toBe(1);
    expect(heard.slice(1).every((packet, i) => seqDiff(packet.sequence, heard[i]!.sequence) === 1)).toBe(true);
    const jumps = heard.slice(1).map((packet, i) => timestampDiff(packet.timestamp, heard[i]!.timestamp));
    expect(jumps.filter((jump) => jump !== 160)).toHaveLength(1);
    expect(Math.max(...jumps)).toBeGreaterThanOrEqual(300 * 8);
    const stats = await again.stats();
    expect(stats.latched).toEqual({ address: '10.0.0.1', port: 4009 });
    expect(stats.received.packets).toBe(3);
    expect(stats.sent.packets).toBe(heard.length);
  });

  it('keeps the numbers of what is forwarded', async () => {
    await using lab = await openLab();
    const create = { bindAddress: '10.0.0.9', callId: 'a' };
    let leg = await lab.media.createLeg(create);
    leg.negotiate(negotiated(remote));
    leg.echo(true);
    await lab.clock.advance(1);
    const send = (n: number): void =>
      lab.deliver(rtpBytes({ sequence: n, timestamp: n * 160, payload: noise(160, n) }), 4000, leg.port);
    for (let n = 0; n < 5; n++) send(n);
    const snapshot = await leg.handOver();
    send(5);
    leg = await lab.media.createLeg({ ...create, snapshot });
    send(6);
    send(7);
    const heard = lab.heard(4000);
    expect(heard.map(({ sequence }) => seqDiff(sequence, heard[0]!.sequence))).toEqual([0, 1, 2, 3, 4, 6, 7]);
    expect(heard.map(({ timestamp }) => timestampDiff(timestamp, heard[0]!.timestamp) / 160)).toEqual([
      0, 1, 2, 3, 4, 6, 7,
    ]);
    expect(heard.filter(({ marker }) => marker)).toHaveLength(1);
  });

  it('needs its port to be free', async () => {
    await using lab = await openLab();
    const leg = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'a' });
    const snapshot = await leg.snapshot();
    await expect(lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'a', snapshot })).rejects.toMatchObject({
      code: 'ERR_NO_RTP_PORT',
    });
  });
});

describe('options', () => {
  it.each([
    [{ workers: 1 }, /workers must be 0/],
    [{ workers: -1 }, /media.workers/],
    [{ rtpPorts: { min: 20_001, max: 20_002 } }, /even\/odd pair/],
    [{ rtpPorts: { min: 10, max: 20_002 } }, /1024/],
    [{ io: 'native' as const }, /native/],
    [{ rtpTimeout: -1 }, /media.rtpTimeout/],
  ])('%j is refused', async (options, message) => {
    await expect(openLab(options)).rejects.toMatchObject({
      code: 'ERR_CONFIG',
      message: expect.stringMatching(message),
    });
  });

  it('leaves no timer when idle and none behind', async () => {
    const clock = new FakeClock();
    await using lab = await openLab({ rtpTimeout: 5000 }, clock);
    expect(clock.pending).toBe(0);
    const leg = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'a' });
    leg.negotiate(negotiated(remote, { codec: pcmu }));
    leg.play(noise(16_000), '');
    await clock.advance(50);
    expect(clock.pending).toBe(3);
    await leg.close();
    await leg.close();
    expect(clock.pending).toBe(0);
    expect(lab.host.open).toEqual([]);
  });

  it('takes the next pair when a port is in use, and says so when there is none', async () => {
    await using lab = await openLab({ rtpPorts: { min: 20_000, max: 20_005 } });
    lab.host.openUdp('rtp', 20_001, () => {});
    const one = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'a' });
    const two = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'b' });
    expect([one.port, two.port]).toEqual([20_002, 20_004]);
    await expect(lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'c' })).rejects.toMatchObject({
      code: 'ERR_NO_RTP_PORT',
      status: 503,
    });
    await one.close();
    expect((await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'd' })).port).toBe(20_002);
  });
});

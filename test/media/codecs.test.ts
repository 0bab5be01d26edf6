/** Codecs in legs and bridges: passed through, converted, rebuilt from a snapshot, in threads of their own. */
import { describe, expect, it } from 'vitest';
import { codecFor, loadOpus } from '../../media/codec/index.ts';
import type { Codec, MediaLeg, NegotiatedAudio } from '../../media/index.ts';
import { writeRtcp } from '../../media/rtp/rtcp.ts';
import { readWav } from '../helpers/audio.ts';
import { sineWave } from './audio/signal.ts';
import { openLab } from './support/lab.ts';
import { noise, openMedia } from './support/open-media.ts';
import { negotiated, Phone, pcma, pcmu, rtpBytes } from './support/phone.ts';
import { correlation, speech } from './support/speech.ts';

const remote = { address: '10.0.0.1', port: 4000, rtcpPort: 4001 };
const other = { address: '10.0.0.1', port: 5000, rtcpPort: 5001 };
const g729: Codec = { name: 'G729', payloadType: 18, clockRate: 8000, channels: 1, fmtp: undefined };
const amr: Codec = { name: 'AMR', payloadType: 97, clockRate: 8000, channels: 1, fmtp: 'octet-align=1' };
const opus: Codec = { name: 'OPUS', payloadType: 111, clockRate: 48_000, channels: 2, fmtp: 'useinbandfec=1' };
const g722: Codec = { name: 'G722', payloadType: 9, clockRate: 8000, channels: 1, fmtp: undefined };

async function bridged(a: Partial<NegotiatedAudio>, b: Partial<NegotiatedAudio>, transcode: boolean) {
  const lab = await openLab({ opus: true });
  const first = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'a' });
  const second = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'b', beside: first });
  first.negotiate(negotiated(remote, a));
  second.negotiate(negotiated(other, b));
  const bridge = lab.media.createBridge({ transcode });
  bridge.add(first);
  bridge.add(second);
  await lab.clock.advance(1);
  return { lab, first, second, bridge };
}

describe('a codec that is only passed on', () => {
  it.each([
    ['G.729', g729, { ...g729 }, 18],
    ['AMR on another payload type', amr, { ...amr, payloadType: 120 }, 120],
    ['Opus without looking into it', opus, { ...opus, payloadType: 96, fmtp: 'maxaveragebitrate=9000' }, 96],
  ])('%s goes through a bridge byte for byte, gaps and all', async (_, a, b, payloadType) => {
    const { lab, first } = await bridged({ codec: a }, { codec: b }, true);
    await using _lab = lab;
    for (const i of [0, 1, 4, 3, 5]) {
      const payload = noise(20 + i, i + 1);
      lab.deliver(rtpBytes({ payloadType: a.payloadType, sequence: i, timestamp: 160 * i, payload }), 4000, first.port);
    }
    await lab.clock.advance(5);
    const heard = lab.heard(5000);
    expect(heard.map(({ payload }) => payload)).toEqual([0, 1, 4, 3, 5].map((i) => noise(20 + i, i + 1)));
    expect(heard.map((packet) => packet.payloadType)).toEqual(Array(5).fill(payloadType));
    expect(heard.map(({ sequence }) => (sequence - heard[0]!.sequence) & 0xffff)).toEqual([0, 1, 4, 3, 5]);
  });

  it.each([
    ['AMR of another bitstream', amr, { ...amr, fmtp: undefined }],
    ['G.729 and PCMU', g729, pcmu],
    ['one channel and two', { ...pcmu, name: 'L16' }, { ...pcmu, name: 'L16', channels: 2 }],
  ])('%s: nothing is mistaken for the other where nothing is converted', async (_, a, b) => {
    const { lab, first } = await bridged({ codec: a }, { codec: b }, false);
    await using _lab = lab;
    const payload = noise(320);
    for (let i = 0; i < 5; i++)
      lab.deliver(rtpBytes({ payloadType: a.payloadType, sequence: i, timestamp: 160 * i, payload }), 4000, first.port);
    await lab.clock.advance(5);
    expect(lab.heard(5000)).toEqual([]);
  });

  it('has nothing played, recorded or read in it, and says so', async () => {
    await using lab = await openLab();
    const leg = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'a' });
    leg.negotiate(negotiated(remote, { codec: g729 }));
    const refused = { code: 'ERR_AUDIO_FORMAT', message: expect.stringContaining('G729/8000') };
    const pcm = new Uint8Array(320);
    const tone = { frequencies: [425], cadence: [], level: -20 };
    const all = [
      () => leg.play(pcm, 'audio/pcm').done,
      () => leg.play(pcm, '').done,
      () => leg.tone(tone).done,
      () => leg.record('/a.wav').done,
    ];
    for (const ask of all) {
      const answer = expect(ask()).rejects.toMatchObject(refused);
      await lab.clock.advance(20);
      await answer;
    }
    expect(() => leg.reader()).toThrow(expect.objectContaining(refused));
    expect(await lab.media.counts()).toMatchObject({ playbacks: 0, recordings: 0 });
  });
});

describe('a converted stream', () => {
  it('goes on from a snapshot with a fresh coder, as one stream', async () => {
    const { lab, first, second } = await bridged({ codec: opus }, {}, true);
    await using _lab = lab;
    const encoder = codecFor(opus, { live: true })!;
    const said = speech(48_000, 2);
    const out = new Uint8Array(1500);
    const say = async (from: number, to: number, leg: MediaLeg): Promise<void> => {
      for (let i = from; i < to; i++) {
        const payload = out.slice(0, encoder.encode(said.subarray(i * 960, (i + 1) * 960), out));
        lab.deliver(rtpBytes({ payloadType: 111, sequence: i, timestamp: 960 * i, payload }), 4000, leg.port);
        await lab.clock.advance(20);
      }
    };
    await say(0, 50, first);
    const before = 160 * lab.heard(5000).length;
    const taken = [first.handOver(), second.handOver()];
    await lab.clock.advance(1);
    const snapshots = structuredClone(await Promise.all(taken));
    const create = { bindAddress: '10.0.0.9', callId: 'a' };
    const [a, b] = await Promise.all(snapshots.map((snapshot) => lab.media.createLeg({ ...create, snapshot })));
    const bridge = lab.media.createBridge({ transcode: true });
    bridge.add(a!);
    bridge.add(b!);
    await lab.clock.advance(1);
    await say(50, 100, a!);
    const heard = lab.heard(5000);
    // On both sides of the hand-over a packet is under way in the jitter buffer.
    expect(heard.length).toBeGreaterThanOrEqual(97);
    for (const [i, { sequence, ssrc }] of heard.entries()) {
      expect(ssrc).toBe(heard[0]!.ssrc);
      expect(sequence).toBe((heard[0]!.sequence + i) & 0xffff);
    }
    const decoder = codecFor(pcmu)!;
    const back = Int16Array.from(
      heard.flatMap(({ payload }) => {
        const samples = new Int16Array(160);
        decoder.decode(payload, samples);
        return [...samples];
      }),
    );
    const said8 = speech(8000, 2);
    expect(correlation(said8.subarray(0, before), back.subarray(0, before), 8000)).toBeGreaterThan(0.95);
    expect(correlation(said8.subarray(8000), back.subarray(before), 8000)).toBeGreaterThan(0.95);
    encoder.close?.();
  });

  it('is not touched by a re-INVITE that changes nothing', async () => {
    const renegotiated = async (again: boolean): Promise<readonly Uint8Array[]> => {
      const { lab, first, second } = await bridged({ codec: g722 }, {}, true);
      await using _lab = lab;
      const coder = codecFor(g722)!;
      const said = speech(16_000, 0.6);
      for (let i = 0; i < 30; i++) {
        const payload = new Uint8Array(160);
        coder.encode(said.subarray(i * 320, (i + 1) * 320), payload);
        lab.deliver(rtpBytes({ payloadType: 9, sequence: i, timestamp: 160 * i, payload }), 4000, first.port);
        await lab.clock.advance(20);
        if (again && i === 15) second.negotiate(negotiated(other, {}));
      }
      return lab.heard(5000).map(({ payload }) => payload);
    };
    expect(await renegotiated(true)).toEqual(await renegotiated(false));
  });

  it('turns to FEC when the peer reports loss and can use it', async () => {
    const { lab, first, second } = await bridged({}, { codec: opus }, true);
    await using _lab = lab;
    const said = speech(8000, 2);
    const say = async (from: number): Promise<readonly number[]> => {
      const before = lab.heard(5000).length;
      for (let i = from; i < from + 40; i++) {
        const payload = new Uint8Array(160);
        codecFor(pcmu)!.encode(said.subarray((i % 90) * 160), payload);
        lab.deliver(rtpBytes({ sequence: i, timestamp: 160 * i, payload }), 4000, first.port);
        await lab.clock.advance(20);
      }
      return lab
        .heard(5000)
        .slice(before)
        .map(({ payload }) => payload[0]! >> 3);
    };
    const isSilk = (config: number): boolean => config < 12;
    expect((await say(0)).some(isSilk)).toBe(false);
    const { ssrc } = lab.heard(5000)[0]!;
    const report = { ssrc, fractionLost: 26, lost: 10, highest: 40, jitter: 0, lastSenderReport: 0, delay: 0 };
    const bytes = writeRtcp({ ssrc: 7, cname: 'b', report });
    lab.host.deliver(second.rtcpPort, bytes, { address: '10.0.0.1', port: 5001 });
    expect((await say(40)).filter(isSilk).length).toBeGreaterThan(35);
  });

  it('of a playback goes on where a re-INVITE changes to Opus, G.722 and back', async () => {
    await using lab = await openLab({ opus: true });
    const leg = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'a' });
    leg.negotiate(negotiated(remote));
    const playback = leg.play(new Uint8Array(speech(8000, 2).buffer), 'audio/pcm');
    const codecs = [pcmu, opus, { ...opus, fmtp: 'maxaveragebitrate=16000' }, g722, pcma];
    for (const codec of codecs) {
      leg.negotiate(negotiated(remote, { codec }));
      await lab.clock.advance(300);
    }
    await lab.clock.advance(2000);
    await expect(playback.done).resolves.toMatchObject({ end: 'completed' });
    const sizes = codecs.map(({ payloadType }) => payloadType);
    const heard = lab.heard(4000);
    expect([...new Set(heard.map(({ payloadType }) => payloadType))]).toEqual([...new Set(sizes)]);
    expect(new Set(heard.map(({ payload }) => payload.length))).toEqual(new Set([160, 80, 40]));
    for (const [i, { sequence }] of heard.entries()) expect(sequence).toBe((heard[0]!.sequence + i) & 0xffff);
  });
});

describe.each([0, 1, 2])('with %i workers', (workers) => {
  it('Opus is played, and converted to PCMU', async () => {
    await using media = await openMedia({ workers, opus: true });
    await using a = await Phone.open();
    await using b = await Phone.open();
    const first = await media.createLeg({ bindAddress: '127.0.0.1', callId: 'a' });
    const second = await media.createLeg({ bindAddress: '127.0.0.1', callId: 'b' });
    first.negotiate(a.audio({ codec: opus }));
    second.negotiate(b.audio());
    const played = first.play(new Uint8Array(sineWave(440, 8000, 800).buffer), 'audio/pcm', { sampleRate: 8000 });
    await played.done;
    expect(a.heard.every(({ payloadType, payload }) => payloadType === 111 && payload.length === 80)).toBe(true);
    const bridge = media.createBridge({ transcode: true });
    bridge.add(first);
    bridge.add(second);
    await media.counts(); // the links are there
    await loadOpus();
    const encoder = codecFor(opus, { live: true })!;
    const said = speech(48_000, 0.4);
    const out = new Uint8Array(1500);
    for (let i = 0; i < 20; i++) {
      const payload = out.slice(0, encoder.encode(said.subarray(i * 960, (i + 1) * 960), out));
      a.send({ payloadType: 111, sequence: i, timestamp: 960 * i, payload }, first.port);
    }
    const heard = await b.hears(20);
    expect(heard.every(({ payloadType, payload }) => payloadType === 0 && payload.length === 160)).toBe(true);
    encoder.close?.();
  });
});

it('a recording of G.722 is as long as the call', async () => {
  await using lab = await openLab();
  const leg = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'a' });
  leg.negotiate(negotiated(remote, { codec: g722 }));
  const recording = leg.record('/g722.wav', { direction: 'in' });
  const coder = codecFor(g722)!;
  const pcm = sineWave(440, 16_000, 16_000);
  for (let i = 0; i < 50; i++) {
    const payload = new Uint8Array(160);
    coder.encode(pcm.subarray(i * 320, (i + 1) * 320), payload);
    const timestamp = 0xffff_ff00 + 160 * i;
    lab.deliver(rtpBytes({ payloadType: 9, sequence: i, timestamp, payload }), 4000, leg.port);
    await lab.clock.advance(20);
  }
  await lab.clock.advance(200);
  const done = recording.close();
  await lab.clock.advance(20);
  expect((await done).durationMs).toBeGreaterThan(1000);
  const { sampleRate, samples } = readWav(lab.files.get('/g722.wav'));
  expect(sampleRate).toBe(16_000);
  const loud = samples.filter((sample) => Math.abs(sample) > 3000).length;
  expect(loud / 16_000).toBeGreaterThan(0.8);
});

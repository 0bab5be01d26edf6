/** One stream, read as the far end reads it, while what is sent into it changes. */
import { describe, expect, it } from 'vitest';
import type { MediaBridge, MediaLeg, PlaybackHandle } from '../../media/index.ts';
import { seqDiff, timestampDiff } from '../../media/rtp/sequence.ts';
import type { FakeClock } from '../../src/testing/index.ts';
import { type Lab, openLab } from './support/lab.ts';
import { noise } from './support/open-media.ts';
import { type Heard, negotiated, parseRtp, pcma, rtpBytes } from './support/phone.ts';

const remote = { address: '10.0.0.1', port: 4000, rtcpPort: 4001 };

/** Something that can be sent. */
interface Source {
  start(): void;
  /** Every 20 ms while it runs. */
  beat?(): void;
  stop(): void;
}

interface Timed extends Heard {
  /** ms on the clock of the lab. */
  readonly time: number;
}

class Stage implements AsyncDisposable {
  readonly lab: Lab<FakeClock>;
  readonly leg: MediaLeg;
  readonly heard: Timed[] = [];
  readonly sources: Readonly<Record<string, Source>>;
  #read = 0;
  #now = 0;

  private constructor(lab: Lab<FakeClock>, leg: MediaLeg, other: MediaLeg, foreign: MediaLeg) {
    this.lab = lab;
    this.leg = leg;
    let playing: PlaybackHandle | undefined;
    let bridge: MediaBridge | undefined;
    const played = (start: () => PlaybackHandle): Source => ({
      start: () => {
        playing = start();
      },
      stop: () => playing?.stop(),
    });
    // Each of these has a beat of its own, and its own numbers.
    const talk = (to: MediaLeg, port: number, ssrc: number, payloadType: number) => {
      let n = ssrc * 1000;
      return (): void => {
        n++;
        const packet = { sequence: n, timestamp: n * 160, ssrc, payloadType, payload: noise(160, n) };
        lab.deliver(rtpBytes(packet), port, to.port);
      };
    };
    const bridged = (peer: MediaLeg, beat: () => void): Source => ({
      start: () => {
        bridge = lab.media.createBridge({ transcode: true });
        bridge.add(leg);
        bridge.add(peer);
      },
      beat,
      stop: () => bridge?.close(),
    });
    this.sources = {
      playback: played(() => leg.play(noise(80_000), '')),
      tone: played(() => leg.tone({ frequencies: [425], cadence: [], level: -20 })),
      bridge: bridged(other, talk(other, 5000, 5, 0)),
      transcoding: bridged(foreign, talk(foreign, 6000, 6, 8)),
      echo: { start: () => leg.echo(true), beat: talk(leg, 4000, 4, 0), stop: () => leg.echo(false) },
      digits: { start: () => void leg.sendDtmf('1', { durationMs: 100 }), stop: () => {} },
    };
  }

  static async open(): Promise<Stage> {
    const lab = await openLab();
    const create = (): Promise<MediaLeg> => lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'a' });
    const [leg, other, foreign] = [await create(), await create(), await create()];
    leg.negotiate(negotiated(remote));
    other.negotiate(negotiated({ ...remote, port: 5000, rtcpPort: 5001 }));
    foreign.negotiate(negotiated({ ...remote, port: 6000, rtcpPort: 6001 }, { codec: pcma }));
    await lab.clock.advance(1);
    return new Stage(lab, leg, other, foreign);
  }

  /** Sends from a source for so many ms; what follows it begins at once. */
  async run(name: string, ms: number): Promise<void> {
    const source = this.sources[name]!;
    source.start();
    await this.leg.stats();
    for (let passed = 0; passed < ms; passed += 5) {
      if (passed % 20 === 10) source.beat?.();
      await this.wait(5);
    }
    source.stop();
    await this.leg.stats();
  }

  async wait(ms: number): Promise<void> {
    await this.lab.clock.advance(ms);
    this.#now += ms;
    const sent = this.lab.sentTo(4000);
    for (; this.#read < sent.length; this.#read++) this.heard.push({ ...parseRtp(sent[this.#read]!), time: this.#now });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab[Symbol.asyncDispose]();
  }
}

/** What the far end asks of a stream, whatever is in it. */
function expectOneStream(heard: readonly Timed[]): void {
  expect(new Set(heard.map(({ ssrc }) => ssrc)).size).toBe(1);
  const first = heard[0]!;
  for (const [i, packet] of heard.entries()) {
    // Where the audio is against the clock: never far ahead, never behind.
    const ahead = timestampDiff(packet.timestamp, first.timestamp) / 8 - (packet.time - first.time);
    if (packet.payloadType === 0) expect(Math.abs(ahead), `packet ${i}`).toBeLessThanOrEqual(40);
    const before = heard[i - 1];
    if (!before) continue;
    expect(seqDiff(packet.sequence, before.sequence), `packet ${i}`).toBe(1);
    const step = timestampDiff(packet.timestamp, before.timestamp);
    if (packet.payloadType !== 0) {
      expect(step).toBeGreaterThanOrEqual(0);
      continue;
    }
    expect(step, `packet ${i}`).toBeGreaterThanOrEqual(before.payloadType === 0 ? 160 : 1);
    if (step > 160 || before.payloadType !== 0) expect(packet.marker, `packet ${i}`).toBe(true);
  }
}

const names = ['playback', 'tone', 'bridge', 'transcoding', 'echo', 'digits'];
const pairs = names.flatMap((a) => names.filter((b) => b !== a).map((b) => [a, b] as const));

describe('a stream', () => {
  it.each(pairs)('goes on as one from %s to %s and back, at once and after a pause', async (a, b) => {
    await using stage = await Stage.open();
    await stage.run('playback', 100);
    for (const pause of [0, 500, 7, 33]) {
      await stage.run(a, 200);
      await stage.wait(pause);
      await stage.run(b, 200);
      await stage.wait(pause);
    }
    await stage.run('playback', 100);
    expect(stage.heard.length).toBeGreaterThan(50);
    expectOneStream(stage.heard);
  });

  it('has a marker wherever something begins', async () => {
    await using stage = await Stage.open();
    for (const name of ['playback', 'bridge', 'tone', 'echo', 'transcoding', 'playback']) await stage.run(name, 200);
    expect(stage.heard.filter(({ marker }) => marker)).toHaveLength(6);
    expectOneStream(stage.heard);
  });

  it('does not run ahead of the clock, however often it changes', async () => {
    await using stage = await Stage.open();
    for (let n = 0; n < 60; n++) {
      await stage.run('playback', 45);
      await stage.run('bridge', 45);
      await stage.run('echo', 25);
    }
    expectOneStream(stage.heard);
  });
});

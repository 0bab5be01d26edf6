/** Whatever comes: what goes out, and what is counted, is the same by the short way as by the long one. */
import { expect, it } from 'vitest';
import { Coders } from '../../../media/codec/index.ts';
import { DtmfReceiver } from '../../../media/dtmf/receiver.ts';
import { DtmfSender } from '../../../media/dtmf/sender.ts';
import { FastPath } from '../../../media/engine/fast-path.ts';
import { Incoming } from '../../../media/engine/incoming.ts';
import { LegSecurity } from '../../../media/engine/leg-security.ts';
import { Outgoing } from '../../../media/engine/outgoing.ts';
import { RtpOut } from '../../../media/engine/rtp-out.ts';
import { createLatch, renegotiate, type Source } from '../../../media/rtp/latch.ts';
import { rtpView } from '../../../media/rtp/packet.ts';
import { RtpReceiver } from '../../../media/rtp/receiver.ts';
import { RtpSender } from '../../../media/rtp/sender.ts';
import type { NegotiatedAudio } from '../../../media/sdp/types.ts';
import { chance, pick, seededRandom } from '../../../src/testing/index.ts';
import { negotiated, rtpBytes } from '../support/phone.ts';

const homes: readonly Source[] = [1, 2].map((side) => ({ address: `10.0.0.${side}`, port: 4000 }));
const stranger: Source = { address: '10.9.9.9', port: 9 };
const view = rtpView();

class Side {
  readonly incoming: Incoming;
  readonly outgoing: Outgoing;
  readonly latch = createLatch('latch', 2000);
  readonly sent: string[];

  constructor(home: Source, clock: { now(): number }, isFast: boolean, seed: string, sent: string[]) {
    this.sent = sent;
    const random = seededRandom(seed);
    const security = new LegSecurity({ onProblem: () => {}, reserves: false, onLow: () => {} });
    const out = new RtpOut(this.latch, security);
    const receiver = new RtpReceiver();
    this.fast = isFast ? new FastPath(clock, receiver, this.latch) : undefined;
    this.outgoing = new Outgoing(RtpSender.create(random), out, { mode: 'fixed', delay: 40 } as never, {
      onPlayed: () => {},
      onDigitsSent: () => {},
      pace: () => {},
    });
    this.incoming = new Incoming(
      receiver,
      this.latch,
      new DtmfReceiver(),
      view,
      {
        onDigit: (digit) => sent.push(`digit ${digit}`),
        onSource: (ssrc) => sent.push(`source ${ssrc}`),
        onLatched: () => this.outgoing.release(),
        isPlain: () => out.isPlain,
      },
      this.fast,
    );
    out.socket = {
      port: home.port,
      send: (buffer, offset, length, to) =>
        sent.push(`${to.address}:${to.port} ${Buffer.from(buffer.subarray(offset, offset + length)).toString('hex')}`),
      close: async () => {},
    };
    renegotiate(this.latch, home);
    this.negotiate(negotiated({ ...home, rtcpPort: home.port + 1 }));
  }

  readonly fast: FastPath | undefined;
  /** How many packets went the short way. */
  taken = 0;

  negotiate(audio: NegotiatedAudio): void {
    const coders = new Coders();
    coders.configure([audio.codec]);
    this.incoming.configure(audio);
    this.outgoing.configure(audio, coders.of(audio.codec));
  }

  hears(bytes: Uint8Array, from: Source, now: number): void {
    const buffer = bytes.slice();
    if (this.fast?.take(buffer, 0, buffer.length, from)) this.taken++;
    else this.incoming.datagram(buffer, 0, buffer.length, from, now);
  }

  get state(): unknown {
    const { receiver, latch, heardAt } = this.incoming;
    const { sender, forwarder, dropped } = this.outgoing;
    return structuredClone({
      ...{ receiver: receiver.state, latch, heardAt },
      ...{ sender: sender.state, forward: forwarder.state, dropped },
    });
  }
}

/** Two sides of a bridge; with `isFast` packets may go the short way. */
class Bridge {
  readonly sent: string[] = [];
  readonly sides: readonly Side[];

  constructor(clock: { now(): number }, isFast: boolean, seed: string) {
    this.sides = homes.map((home, index) => new Side(home, clock, isFast, `${seed} ${index}`, this.sent));
    this.link(true);
  }

  link(on: boolean): void {
    for (const [index, side] of this.sides.entries())
      side.incoming.sink = on ? this.sides[1 - index]?.outgoing : undefined;
  }
}

/** What a peer sends. */
interface Voice {
  ssrc: number;
  sequence: number;
  timestamp: number;
  home: Source;
}

function story(seed: number): { readonly taken: number; readonly packets: number } {
  const random = seededRandom(seed);
  let now = 1000;
  const clock = { now: () => now };
  const bridges = [new Bridge(clock, true, `story ${seed}`), new Bridge(clock, false, `story ${seed}`)];
  const voices = homes.map(
    (home): Voice => ({ home, ssrc: random.uint32(), sequence: random.uint32() & 0xffff, timestamp: random.uint32() }),
  );
  // Near the turn of the numbers now and then.
  if (chance(random, 0.3)) for (const voice of voices) voice.sequence = 65_400;
  let packets = 0;
  const all = (act: (bridge: Bridge) => void): void => bridges.forEach(act);
  const say = (index: number, change: (bytes: Uint8Array) => Uint8Array = (bytes) => bytes): void => {
    const { ssrc, sequence, timestamp, home } = voices[index]!;
    const bytes = change(
      rtpBytes({ ssrc, sequence, timestamp, payload: new Uint8Array(160).fill(sequence), payloadType: 0 }),
    );
    packets++;
    all(({ sides }) => sides[index]?.hears(bytes, home, now));
  };
  const step = (index: number, count = 1): void => {
    const voice = voices[index]!;
    voice.sequence = (voice.sequence + count) & 0xffff;
    voice.timestamp = (voice.timestamp + count * 160) >>> 0;
  };
  const set = (at: number, value: number) => (bytes: Uint8Array) => {
    bytes[at] = value;
    return bytes;
  };
  const changes: readonly ((index: number) => void)[] = [
    (index) => step(index, 1 + (random.uint32() % 6)),
    (index) => say(index),
    (index) => {
      step(index, -3);
      say(index);
      step(index, 3);
    },
    (index) => say(index, set(1, 0x80)),
    (index) => say(index, set(1, 13)),
    (index) => say(index, set(1, 99)),
    (index) => say(index, set(0, 0x81)),
    (index) => say(index, (bytes) => set(171, 4)(set(0, 0xa0)(bytes))),
    (index) => say(index, (bytes) => bytes.subarray(0, 92)),
    (index) => say(index, (bytes) => bytes.subarray(0, random.uint32() % 14)),
    (index) => say(index, (bytes) => Uint8Array.of(...set(1, 101)(bytes).subarray(0, 12), 5, 10, 0, 160)),
    (index) => {
      voices[index]!.ssrc = random.uint32();
    },
    (index) => {
      voices[index]!.timestamp = random.uint32();
    },
    (index) => step(index, 5000),
    (index) => {
      const { ssrc, sequence, timestamp } = voices[index]!;
      const bytes = rtpBytes({ ssrc, sequence, timestamp, payload: new Uint8Array(160) });
      all(({ sides }) => sides[index]?.hears(bytes, stranger, now));
    },
    (index) => {
      // Another address behind the same NAT, after a silence.
      now += 2500;
      voices[index]!.home = { address: '10.7.7.7', port: 1024 + (random.uint32() % 1000) };
    },
    (index) =>
      all(({ sides }) => {
        const direction = pick(seededRandom(packets), ['sendrecv', 'sendonly', 'recvonly', 'sendrecv'] as const);
        sides[index]?.negotiate(negotiated({ ...homes[index]!, rtcpPort: 4001 }, { direction }));
      }),
    (index) => all(({ sides }) => sides[index]?.outgoing.sendDigits(DtmfSender.create('7', 40, 20, 8000, false))),
    () => all((bridge) => bridge.link(false)),
    (index) =>
      all(({ sides, sent }) => {
        const side = sides[index];
        if (side) side.outgoing.onSent = (...[, timestamp]) => sent.push(`heard ${timestamp}`);
      }),
    // Back to how it began, so that the short way is open again.
    ...Array<() => void>(6).fill(() =>
      all((bridge) => {
        bridge.link(true);
        for (const [index, side] of bridge.sides.entries()) {
          side.outgoing.onSent = undefined;
          side.negotiate(negotiated({ ...homes[index]!, rtcpPort: 4001 }));
        }
      }),
    ),
    () => expect(bridges[0]?.sides.map(({ state }) => state)).toEqual(bridges[1]?.sides.map(({ state }) => state)),
  ];
  for (let beat = 0; beat < 1500; beat++) {
    now += 20 + (random.uint32() % 9) / 4;
    for (const index of [0, 1]) {
      if (chance(random, 0.04)) pick(random, changes)(index);
      say(index);
      step(index);
      all(({ sides }) => sides[index]?.outgoing.active && sides[index]?.outgoing.tick(now, 0));
    }
    expect(bridges[0]?.sent).toEqual(bridges[1]?.sent);
    for (const { sent } of bridges) sent.length = 0;
  }
  all((bridge) => bridge.link(false));
  expect(bridges[0]?.sides.map(({ state }) => state)).toEqual(bridges[1]?.sides.map(({ state }) => state));
  return { taken: bridges[0]!.sides.reduce((sum, { taken }) => sum + taken, 0), packets };
}

const stories = process.env.TANDEM_TEST_LONG === '1' ? 2000 : 200;

it('sends and counts the same as the long way', () => {
  let [taken, packets] = [0, 0];
  for (let seed = 1; seed <= stories; seed++) {
    const told = story(seed);
    taken += told.taken;
    packets += told.packets;
  }
  // It would prove little if hardly any went that way.
  expect(taken).toBeGreaterThan(packets / 3);
});

it('looks at each packet where ICE says whose count, without keys too', () => {
  let now = 1000;
  const { sides } = new Bridge({ now: () => now }, true, 'ice');
  const takenWith = (ice: boolean): number => {
    const side = sides[0]!;
    side.latch.ice = ice;
    side.negotiate(negotiated({ ...homes[0]!, rtcpPort: 4001 }));
    const before = side.taken;
    for (let beat = 0; beat < 50; beat++) {
      now += 20;
      const { ssrc, payload } = { ssrc: 7, payload: new Uint8Array(160) };
      const sequence = now / 20;
      side.hears(rtpBytes({ ssrc, sequence, timestamp: now * 8, payload, payloadType: 0 }), homes[0]!, now);
    }
    return side.taken - before;
  };
  expect(takenWith(false)).toBeGreaterThan(40);
  expect(takenWith(true)).toBe(0);
});

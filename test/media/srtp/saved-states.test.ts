/** Legs whose states outlive their process: whatever it dies of, no index of SRTP is used twice. */
import { serialize } from 'node:v8';
import { describe, expect, it } from 'vitest';
import { LegSecurity } from '../../../media/engine/leg-security.ts';
import { type MediaLeg, type NegotiatedAudio, type SrtpParameters, unpackSaved } from '../../../media/index.ts';
import { newMasterKey } from '../../../media/srtp/profiles.ts';
import { SrtpReceiver } from '../../../media/srtp/receiver.ts';
import { SrtpSender } from '../../../media/srtp/sender.ts';
import { FakeClock, seededRandom } from '../../../src/testing/index.ts';
import { type Lab, openLabOn } from '../support/lab.ts';
import { noise } from '../support/open-media.ts';
import { negotiated, rtpBytes } from '../support/phone.ts';

const profile = 'AES_CM_128_HMAC_SHA1_80';
const create = { bindAddress: '10.0.0.9', callId: 'a' };

interface Told {
  readonly packed: Uint8Array;
  readonly serial: number;
}

/** A call over processes that die: a phone, a journal, and the leg there is by now. */
class SavedCall implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly keys: SrtpParameters;
  /** Told, and not said to be written; the last one that was is in front of them. */
  told: Told[] = [];
  stored: Told | undefined;
  readonly problems: string[] = [];
  leg: MediaLeg | undefined;
  /** Every packet that came, by the index it has. */
  packets = 0;
  reports = 0;
  readonly #labs: Lab<FakeClock>[] = [];
  readonly #sender: SrtpSender;
  readonly #receiver: SrtpReceiver;
  readonly #seed: number;
  #lab: Lab<FakeClock> | undefined;
  #seen = 0;
  #seenReports = 0;
  #sequence = 100;

  constructor(seed: number) {
    const random = seededRandom(seed);
    this.#seed = seed;
    const key = () => ({ inline: newMasterKey(profile, random), mki: '', lifetime: undefined });
    this.keys = { profile, local: key(), remote: [key()] };
    this.#sender = SrtpSender.create(profile, this.keys.remote[0]!);
    this.#receiver = SrtpReceiver.create(profile, [this.keys.local]);
  }

  get audio(): NegotiatedAudio {
    return { ...negotiated({ address: '10.0.0.1', port: 4000, rtcpPort: 4001 }), srtp: this.keys };
  }

  /** A process starts. @param from what it finds */
  async start(from?: Told): Promise<void> {
    const { clock } = this;
    const lab: Lab<FakeClock> = await openLabOn(
      clock,
      { rtcpInterval: 500 },
      {
        random: seededRandom(this.#seed + this.#labs.length),
        onSaved: (_, packed, serial) => this.#lab === lab && this.told.push({ packed, serial }),
      },
    );
    this.#labs.push(lab);
    this.#lab = lab;
    this.told = [];
    this.stored = from;
    [this.#seen, this.#seenReports] = [0, 0];
    this.leg = await lab.media.createLeg({ ...create, ...(from ? unpackSaved(from.packed) : {}) });
    this.leg.onSrtp = ({ problem }) => this.problems.push(problem);
    if (!from) {
      this.leg.negotiate(this.audio);
      this.leg.echo(true);
    }
    await clock.advance(1);
  }

  say(count: number): void {
    for (let i = 0; i < count; i++) {
      const sequence = this.#sequence++;
      const bytes = rtpBytes({ sequence, timestamp: sequence * 160, payload: noise(160, sequence) });
      const sealed = this.#sender.rtp(bytes, 0, bytes.length)!.subarray(0, this.#sender.length);
      this.#lab?.deliver(Uint8Array.from(sealed), 4000, this.leg!.port);
      this.hear();
    }
  }

  /** What came since is understood, and none of it was there before. */
  hear(): void {
    const news = this.#lab!.sentTo(4000).slice(this.#seen);
    this.#seen += news.length;
    for (const bytes of news) {
      const before = this.#receiver.state.rtp[0]?.highest ?? -1;
      expect(this.#receiver.rtp(Uint8Array.from(bytes), 0, bytes.length)).toBe(172);
      expect(this.#receiver.state.rtp).toHaveLength(1);
      expect(this.#receiver.state.rtp[0]!.highest).toBeGreaterThan(before);
      this.packets++;
    }
    const reports = this.#lab!.sentTo(4001).slice(this.#seenReports);
    this.#seenReports += reports.length;
    for (const bytes of reports) {
      expect(this.#receiver.rtcp(Uint8Array.from(bytes), 0, bytes.length)).toBeGreaterThan(0);
      this.reports++;
    }
  }

  async advance(ms: number): Promise<void> {
    await this.clock.advance(ms);
    this.hear();
  }

  /** The journal has written so many of what it was told. */
  async store(count = this.told.length): Promise<void> {
    for (const one of this.told.splice(0, count)) {
      this.stored = one;
      this.leg?.stored(one.serial);
    }
    await this.advance(1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#lab = undefined;
    for (const lab of this.#labs) await lab[Symbol.asyncDispose]();
  }
}

describe('a state that is told', () => {
  it('comes within 100 ms of the first negotiation, soon after a change, and every 2 s', async () => {
    await using call = new SavedCall(1);
    await call.start();
    await call.advance(50);
    expect(call.told).toHaveLength(1);
    call.leg!.negotiate(call.audio);
    await call.advance(20);
    expect(call.told).toHaveLength(2);
    // Two in a row latch.
    call.say(2);
    await call.advance(20);
    expect(call.told).toHaveLength(3);
    await call.advance(10_000);
    expect(call.told.length).toBeGreaterThanOrEqual(8);
    expect(call.told.map(({ serial }) => serial)).toEqual(call.told.map((_, i) => i + 1));
  });

  it('has a mark at most 1000 on, and the stream stands there until a higher one is stored', async () => {
    await using call = new SavedCall(2);
    await call.start();
    await call.advance(100);
    const [first] = call.told;
    const [stream] = unpackSaved(first!.packed).snapshot.security!.sender.rtp;
    expect(stream!.mark! - stream!.highest).toBe(1000);
    call.say(1500);
    expect(call.packets).toBe(999);
    expect(call.problems).toEqual([]);
    await call.advance(5000);
    call.say(10);
    expect(call.packets).toBe(999);
    expect(call.problems).toEqual(['unsaved']);
    // That which has the new mark has to be safe, not one before it.
    await call.store(1);
    call.say(10);
    expect(call.packets).toBe(999);
    await call.store();
    call.say(10);
    expect(call.packets).toBe(1009);
    // It is told again when it happens again.
    await call.advance(2000);
    call.say(2000);
    await call.advance(5000);
    expect(call.problems).toEqual(['unsaved', 'unsaved']);
  });

  it('is where another process goes on, at the mark, when its own first state is stored', async () => {
    await using call = new SavedCall(3);
    await call.start();
    call.say(10);
    await call.advance(100);
    await call.store();
    call.say(700);
    const { packets } = call;
    await call.start(call.stored);
    call.say(5);
    expect(call.packets).toBe(packets);
    await call.advance(20);
    await call.store();
    call.say(5);
    expect(call.packets).toBe(packets + 5);
  });

  it('is asked for early when much is sent', async () => {
    await using call = new SavedCall(4);
    await call.start();
    await call.advance(100);
    for (let i = 0; i < 30; i++) {
      call.say(300);
      await call.advance(20);
      await call.store();
    }
    expect(call.packets).toBe(9000);
  });
});

it('a new key protects nothing before a state that has it is stored: the state of before may be found with it', () => {
  const random = seededRandom(6);
  const key = () => ({ inline: newMasterKey(profile, random), mki: '', lifetime: undefined });
  const keys = (): SrtpParameters => ({ profile, local: key(), remote: [key()] });
  const security = new LegSecurity({ onProblem: () => {}, reserves: true, onLow: () => {} });
  const next = { ssrc: 0x1234, sequence: 7 };
  const packet = rtpBytes({ sequence: 7, timestamp: 0, payload: noise(160) });
  security.configure(keys(), next);
  security.reserve(1, next, 0);
  expect(security.stands).toBe(false);
  security.configure(keys(), next);
  expect(security.stands).toBe(true);
  expect(security.sealRtp(packet, 0, packet.length)).toBeUndefined();
  security.reserve(2, next, 0);
  security.stored(1);
  expect(security.stands).toBe(true);
  security.stored(2);
  expect(security.stands).toBe(false);
});

it('what is no state of a leg is refused by name', () => {
  for (const bytes of [new Uint8Array(0), noise(100), serialize({}), serialize({ snapshot: { version: 2 } })])
    expect(() => unpackSaved(bytes)).toThrow(expect.objectContaining({ code: 'ERR_MEDIA_SNAPSHOT' }));
});

describe('no index is used twice', () => {
  const seeds = Array.from({ length: 40 }, (_, i) => i + 1);

  it.each(seeds)('whenever processes die (seed %i)', async (seed) => {
    const random = seededRandom(seed * 7919);
    const below = (n: number): number => random.uint32() % n;
    await using call = new SavedCall(seed);
    await call.start();
    for (let step = 0; step < 60; step++) {
      const dice = below(10);
      if (dice < 3) call.say(below(80));
      else if (dice === 3) call.say(below(1500));
      else if (dice < 6) await call.advance(below(20) === 0 ? below(6000) : below(120));
      else if (dice === 6) await call.store(below(call.told.length + 1));
      else if (dice === 7) {
        await call.advance(30);
        await call.store();
      } else if (dice === 8) {
        if (below(2) === 0) call.leg!.negotiate(call.audio);
        else call.leg!.play(noise(160 * below(100), step), '');
        await call.advance(below(30));
      } else {
        // It has what it was told to have, and may have more of what was on its way.
        const kept = [call.stored, ...call.told].filter((one) => one !== undefined);
        const from = call.stored ? kept[below(kept.length)] : kept[below(kept.length + 1)];
        if (from) await call.start(from);
      }
    }
    expect(call.packets).toBeGreaterThan(0);
  });
});

/**
 * What comes to the RTP socket of a leg beside RTP (RFC 7983): checks of ICE, which say where media goes, and DTLS
 * records, which are for who makes the handshake.
 */
import type { Clock, Timer } from '../../src/base/clock.ts';
import type { Random } from '../../src/base/random.ts';
import { TokenBucket } from '../../src/base/token-bucket.ts';
import { IceAgent } from '../ice/agent.ts';
import { ReflexiveGatherer } from '../ice/gather.ts';
import type { IceSnapshot } from '../ice/snapshot.ts';
import type { IceCandidate, IceStats } from '../ice/types.ts';
import type { UdpPeer } from '../net/udp-port.ts';
import { destination, type LatchState, steer } from '../rtp/latch.ts';
import type { NegotiatedAudio } from '../sdp/types.ts';

/**
 * `connected`: the peer was reached, and this is the way from now on; `disconnected`: it was not heard for so long that
 * nothing may be sent (RFC 7675); `failed`: no way to it was found.
 */
export type IceState = 'connected' | 'disconnected' | 'failed';

/** DTLS records of one leg: so many at once, and so many a second. A handshake has a dozen. */
const recordsAtOnce = 64;
const recordsPerSecond = 20;

export interface ConnectionStats extends IceStats {
  /** DTLS records that came from elsewhere, or too many. */
  readonly refusedRecords: number;
}

export interface ConnectionPorts {
  readonly clock: Clock;
  readonly random: Random;
  /** Of RTP: where media goes. */
  readonly latch: LatchState;
  readonly send: (bytes: Uint8Array, length: number, to: UdpPeer) => void;
  readonly onState: (state: IceState) => void;
  /** A record of the peer; the bytes are the receiver's. */
  readonly onDtls: (record: Uint8Array) => void;
  /** Its state is another now than that which was told last. */
  readonly onChanged: () => void;
}

export class LegConnection {
  readonly #ports: ConnectionPorts;
  readonly #records: TokenBucket;
  #agent: IceAgent | undefined;
  #gathering:
    | { readonly gatherer: ReflexiveGatherer; readonly done: (found: IceCandidate | undefined) => void }
    | undefined;
  #gatherTimer: Timer | undefined;
  #timer: Timer | undefined;
  #dueAt = 0;
  #dtls = false;
  /** Who sent a record last: before a way is chosen it is answered where it came from. */
  #dtlsPeer: UdpPeer | undefined;
  #refusedRecords = 0;

  constructor(ports: ConnectionPorts) {
    this.#ports = ports;
    this.#records = new TokenBucket(recordsPerSecond, recordsAtOnce, ports.clock.now());
  }

  /** What an offer and its answer settled. */
  configure({ ice, dtls }: NegotiatedAudio): void {
    const { clock, latch } = this.#ports;
    this.#dtls = dtls !== undefined;
    const found = latch.ice;
    latch.ice = ice !== undefined;
    if (!ice) {
      this.close();
      // The way that checks had found is not the one that SDP names now.
      if (found) steer(latch, undefined);
      return;
    }
    this.#agent ??= this.#createAgent(ice.localCandidates);
    this.#agent.configure(ice, clock.now());
    steer(latch, this.#agent.selected);
    this.#arm();
  }

  /** Goes on as an earlier leg was. @param takenAt of the snapshot, ms on this clock */
  restore({ ice, dtls }: NegotiatedAudio, snapshot: IceSnapshot | undefined, takenAt: number): void {
    this.#dtls = dtls !== undefined;
    if (!ice || !snapshot) return;
    this.#agent = this.#createAgent(ice.localCandidates, snapshot, takenAt);
    steer(this.#ports.latch, this.#agent.selected);
    this.#arm();
  }

  #createAgent(local: readonly IceCandidate[], snapshot?: IceSnapshot, takenAt?: number): IceAgent {
    const { random, latch, send, onState, onChanged } = this.#ports;
    const agent: IceAgent = new IceAgent(
      {
        random,
        local,
        send,
        onSelected: () => {
          steer(latch, agent.selected);
          onChanged();
          onState('connected');
        },
        onConsentLost: () => {
          steer(latch, undefined);
          onChanged();
          onState('disconnected');
        },
        onState: () => agent.state === 'failed' && onState('failed'),
      },
      snapshot,
      takenAt,
    );
    return agent;
  }

  /** Asks a STUN server where it sees our socket. @returns undefined when it does not answer, or sees us where we are */
  gather(base: IceCandidate, server: UdpPeer): Promise<IceCandidate | undefined> {
    const { clock, random, send } = this.#ports;
    this.#gathered();
    return new Promise((done) => {
      const gatherer = new ReflexiveGatherer({ random, base, server, send }, clock.now());
      this.#gathering = { gatherer, done };
      this.#armGathering();
    });
  }

  #armGathering(): void {
    const { clock } = this.#ports;
    const { gatherer } = this.#gathering ?? {};
    if (!gatherer) return;
    const due = gatherer.tick(clock.now());
    if (due === undefined) {
      this.#gathered();
      return;
    }
    this.#gatherTimer?.cancel();
    this.#gatherTimer = clock.setTimer(Math.max(0, due - clock.now()), () => this.#armGathering(), 'stun');
  }

  #gathered(): void {
    this.#gatherTimer?.cancel();
    this.#gatherTimer = undefined;
    this.#gathering?.done(this.#gathering.gatherer.candidate);
    this.#gathering = undefined;
  }

  addCandidates(candidates: readonly IceCandidate[]): void {
    const now = this.#ports.clock.now();
    for (const candidate of candidates) this.#agent?.addRemote(candidate, now);
    this.#arm();
  }

  /** Whether packets of this source count, where no key proves whose they are. */
  accepts(from: UdpPeer): boolean {
    return this.#agent === undefined || this.#agent.isValid(from);
  }

  /** A packet came that nobody else can have sent. */
  heard(from: UdpPeer, now: number): void {
    this.#agent?.heard(from, now);
  }

  /** One datagram that is no RTP. @returns false for what is nothing that we know of */
  datagram(buffer: Uint8Array, offset: number, length: number, from: UdpPeer): boolean {
    const first = buffer[offset]!;
    if (first <= 3 && this.#gathering?.gatherer.datagram(buffer, offset, length, from)) {
      this.#armGathering();
      return true;
    }
    if (first <= 3 && this.#agent) {
      this.#agent.datagram(buffer, offset, length, from, this.#ports.clock.now());
      this.#arm();
      return true;
    }
    if (first < 20 || first > 63 || !this.#dtls) return false;
    if (this.#mayShake(from)) {
      this.#dtlsPeer = from;
      this.#ports.onDtls(buffer.slice(offset, offset + length));
    } else this.#refusedRecords++;
    return true;
  }

  /** With ICE, from where it found the peer (RFC 8842 §5.5); without, from where SDP said. */
  #mayShake(from: UdpPeer): boolean {
    const { clock, latch } = this.#ports;
    const known = this.#agent ? this.#agent.isValid(from) : latch.sdp?.address === from.address;
    return known && this.#records.take(1, clock.now());
  }

  sendDtls(record: Uint8Array): void {
    const to = destination(this.#ports.latch) ?? this.#dtlsPeer;
    if (to) this.#ports.send(record, record.length, to);
  }

  get timers(): number {
    return (this.#timer ? 1 : 0) + (this.#gatherTimer ? 1 : 0);
  }

  get stats(): ConnectionStats | undefined {
    return this.#agent && { ...this.#agent.stats(this.#ports.clock.now()), refusedRecords: this.#refusedRecords };
  }

  get snapshot(): IceSnapshot | undefined {
    return this.#agent?.snapshot(this.#ports.clock.now());
  }

  /** One timer, that is moved only to be sooner: each check of the peer puts off what it was set for. */
  #arm(): void {
    const { clock } = this.#ports;
    const due = this.#agent?.due;
    if (due === undefined || (this.#timer && this.#dueAt <= due)) return;
    this.#timer?.cancel();
    this.#dueAt = due;
    this.#timer = clock.setTimer(
      Math.max(0, due - clock.now()),
      () => {
        this.#timer = undefined;
        this.#agent?.tick(clock.now());
        this.#arm();
      },
      'ice',
    );
  }

  close(): void {
    this.#gathered();
    this.#agent = undefined;
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}

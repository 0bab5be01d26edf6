/**
 * RTCP of one leg on its socket, or on that of RTP: reports at random intervals, what the peer reports, and the goodbye.
 */
import type { Clock, Timer } from '../../src/base/clock.ts';
import type { Random } from '../../src/base/random.ts';
import type { UdpPeer, UdpPort } from '../net/udp-port.ts';
import { accept, destination, isSame, type LatchState } from '../rtp/latch.ts';
import type { RtpReceiver } from '../rtp/receiver.ts';
import { readRtcp, writeRtcp } from '../rtp/rtcp.ts';
import { nextReport, type RtcpState, takeReport, type XrOptions } from '../rtp/rtcp-session.ts';
import type { RtpSender } from '../rtp/sender.ts';
import type { Ssrc } from '../rtp/sequence.ts';
import type { LegSecurity } from './leg-security.ts';

export interface RtcpChannelOptions {
  readonly state: RtcpState;
  readonly latch: LatchState;
  /** Of RTP: it counts for RTCP too where both share a port. */
  readonly rtpLatch: LatchState;
  readonly security: LegSecurity;
  readonly sender: RtpSender;
  readonly receiver: RtpReceiver;
  readonly clock: Clock;
  readonly random: Random;
  /** To be called before sender and receiver are looked at. */
  readonly settle: () => void;
  /** Unix time that no jump of the wall clock moves. */
  readonly unixMs: () => number;
  /** What the peer reports of our packets: the share that was lost, %. */
  readonly onLoss: (percent: number) => void;
  /** ms between reports on average. */
  readonly interval: number;
  /** The peer at this address reports under the SSRC that is ours. */
  readonly onCollision: (address: string) => void;
}

export class RtcpChannel {
  readonly #options: RtcpChannelOptions;
  #socket: UdpPort | undefined;
  #rtpSocket: UdpPort | undefined;
  /** RTCP goes over the port of RTP (RFC 5761). */
  muxed = false;
  /** What extended reports are sent; undefined: none. */
  xr: (() => XrOptions) | undefined;
  #timer: Timer | undefined;
  #rate = 8000;
  #sequence = 0;

  constructor(options: RtcpChannelOptions) {
    this.#options = options;
  }

  get timers(): number {
    return this.#timer ? 1 : 0;
  }

  /** @param rtp the socket of RTP */
  attach(socket: UdpPort, rtp: UdpPort): void {
    this.#socket = socket;
    this.#rtpSocket = rtp;
  }

  /** Reports from now on. @param rate the RTP clock */
  start(rate: number): void {
    this.#rate = rate;
    // RFC 3550 §6.2: the first report comes after half the time, so that each side soon knows of the other.
    if (!this.#timer) this.#arm(this.#options.interval / 2);
  }

  /** RFC 3550 §6.3.1: half to one and a half intervals, so that reports do not fall in step. */
  #arm(interval: number): void {
    const { clock, random } = this.#options;
    const report = (): void => {
      this.#send(false);
      this.#arm(this.#options.interval);
    };
    this.#timer = clock.setTimer(interval * (0.5 + random.uint32() / 4294967296), report, 'rtcp');
  }

  #send(bye: boolean): void {
    const { state, latch, rtpLatch, security, sender, receiver, clock, unixMs } = this.#options;
    const to = destination(this.muxed ? rtpLatch : latch);
    const socket = this.muxed ? this.#rtpSocket : this.#socket;
    if (!socket || !to) return;
    this.#options.settle();
    const report = nextReport(state, sender, receiver, clock.now(), unixMs(), this.#rate, bye, this.xr?.());
    const bytes = security.sealRtcp(writeRtcp(report));
    if (bytes) socket.send(bytes, 0, bytes.length, to);
  }

  /** One datagram; nothing in it is trusted. */
  datagram(buffer: Uint8Array, offset: number, length: number, from: UdpPeer): void {
    const { state, security, sender, receiver, clock, unixMs, onCollision, onLoss } = this.#options;
    this.#options.settle();
    const clear = security.openRtcp(buffer, offset, length);
    const received = clear > 0 ? readRtcp(buffer.subarray(offset, offset + clear)) : undefined;
    const now = clock.now();
    if (!received || !this.#isOfPeer(received.ssrc, now, from)) {
      receiver.invalid();
      return;
    }
    if (received.ssrc === sender.state.ssrc) {
      onCollision(from.address);
      return;
    }
    takeReport(state, received, sender, now, unixMs(), this.#rate);
    for (const { ssrc, fractionLost } of received.reports)
      if (ssrc === sender.state.ssrc) onLoss((fractionLost * 100) / 256);
  }

  #isOfPeer(ssrc: Ssrc, now: number, peer: UdpPeer): boolean {
    const { latch, rtpLatch } = this.#options;
    if (!this.muxed) return accept(latch, now, peer, ssrc, this.#sequence++);
    // On one port RTP alone decides whose packets are taken.
    const from = destination(rtpLatch);
    return rtpLatch.mode === 'off' || rtpLatch.ice || isSame(from, peer);
  }

  /** Tells the peer that the present SSRC is given up. */
  goodbye(): void {
    if (this.#options.sender.started) this.#send(true);
  }

  /** @param bye tell the peer that this source has ended */
  close(bye: boolean): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const { sender, receiver, settle } = this.#options;
    settle();
    if (bye && (sender.started || receiver.state.packets > 0)) this.#send(true);
  }
}

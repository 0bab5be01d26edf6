/** RTCP of one leg on its socket: reports at random intervals, what the peer reports, and the goodbye. */
import type { Clock, Timer } from '../../src/base/clock.ts';
import type { Random } from '../../src/base/random.ts';
import type { UdpPort } from '../net/udp-port.ts';
import { accept, destination, type LatchState } from '../rtp/latch.ts';
import type { RtpReceiver } from '../rtp/receiver.ts';
import { readRtcp, writeRtcp } from '../rtp/rtcp.ts';
import { nextReport, type RtcpState, takeReport } from '../rtp/rtcp-session.ts';
import type { RtpSender } from '../rtp/sender.ts';
import type { LegSecurity } from './leg-security.ts';

export interface RtcpChannelOptions {
  readonly state: RtcpState;
  readonly latch: LatchState;
  readonly security: LegSecurity;
  readonly sender: RtpSender;
  readonly receiver: RtpReceiver;
  readonly clock: Clock;
  readonly random: Random;
  /** Unix time that no jump of the wall clock moves. */
  readonly unixMs: () => number;
  /** What the peer reports of our packets: the share that was lost, %. */
  readonly onLoss: (percent: number) => void;
  /** ms between reports on average. */
  readonly interval: number;
}

export class RtcpChannel {
  readonly #options: RtcpChannelOptions;
  #socket: UdpPort | undefined;
  #timer: Timer | undefined;
  #rate = 8000;
  #sequence = 0;

  constructor(options: RtcpChannelOptions) {
    this.#options = options;
  }

  get timers(): number {
    return this.#timer ? 1 : 0;
  }

  attach(socket: UdpPort): void {
    this.#socket = socket;
  }

  /** Reports from now on. @param rate the RTP clock */
  start(rate: number): void {
    this.#rate = rate;
    if (!this.#timer) this.#arm();
  }

  /** RFC 3550 §6.3.1: half to one and a half intervals, so that reports do not fall in step. */
  #arm(): void {
    const { clock, random, interval } = this.#options;
    const report = (): void => {
      this.#send(false);
      this.#arm();
    };
    this.#timer = clock.setTimer(interval * (0.5 + random.uint32() / 4294967296), report, 'rtcp');
  }

  #send(bye: boolean): void {
    const { state, latch, security, sender, receiver, clock, unixMs } = this.#options;
    const to = destination(latch);
    if (!this.#socket || !to || to.port === 0) return;
    const report = nextReport(state, sender, receiver, clock.now(), unixMs(), this.#rate, bye);
    const bytes = security.sealRtcp(writeRtcp(report));
    if (bytes) this.#socket.send(bytes, 0, bytes.length, to.port, to.address);
  }

  /** One datagram; nothing in it is trusted. */
  datagram(buffer: Uint8Array, offset: number, length: number, address: string, port: number): void {
    const { state, latch, security, sender, receiver, clock, unixMs } = this.#options;
    const clear = security.openRtcp(buffer, offset, length);
    const received = clear > 0 ? readRtcp(buffer.subarray(offset, offset + clear)) : undefined;
    const now = clock.now();
    if (!received || !accept(latch, now, address, port, received.ssrc, this.#sequence++)) {
      receiver.invalid();
      return;
    }
    takeReport(state, received, sender.state.ssrc, now, unixMs(), this.#rate);
    for (const { ssrc, fractionLost } of received.reports)
      if (ssrc === sender.state.ssrc) this.#options.onLoss((fractionLost * 100) / 256);
  }

  /** @param bye tell the peer that this source has ended */
  close(bye: boolean): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const { sender, receiver } = this.#options;
    if (bye && (sender.started || receiver.state.packets > 0)) this.#send(true);
  }
}

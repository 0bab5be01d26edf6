/**
 * The two sockets of a leg. STUN, DTLS, RTP and RTCP, which may come over one of them, are told apart here
 * (RFC 7983, RFC 5761).
 */
import type { Clock } from '../../src/base/clock.ts';
import { TandemError } from '../../src/base/errors.ts';
import type { UdpIo, UdpPort } from '../net/udp-port.ts';
import type { LegConfig } from '../protocol.ts';
import type { Source } from '../rtp/latch.ts';
import { isRtcpType } from '../rtp/packet.ts';
import type { FastPath } from './fast-path.ts';
import type { Incoming } from './incoming.ts';
import type { LegConnection } from './leg-connection.ts';
import type { LegSecurity } from './leg-security.ts';
import type { RtcpChannel } from './rtcp-channel.ts';
import type { RtpOut } from './rtp-out.ts';

/** RTP and RTCP begin with their version. */
const firstOfRtp = 128;

/** What datagrams are for. */
export interface LegInputs {
  readonly fast: FastPath;
  readonly incoming: Incoming;
  readonly connection: LegConnection;
  readonly security: LegSecurity;
  readonly rtcp: RtcpChannel;
}

export interface LegSocketPorts {
  readonly clock: Clock;
  readonly udp: UdpIo;
  /** Takes commands that have come already but wait behind this turn. */
  readonly catchUp: () => void;
  /** A datagram made the leg throw. */
  readonly onBroken: (error: unknown) => void;
}

export class LegSockets {
  readonly #inputs: LegInputs;
  readonly #out: RtpOut;
  readonly #ports: LegSocketPorts;
  #rtcp: UdpPort | undefined;
  #closed = false;

  /** @param out sends over the socket of RTP while that is open */
  constructor(inputs: LegInputs, out: RtpOut, ports: LegSocketPorts) {
    this.#inputs = inputs;
    this.#out = out;
    this.#ports = ports;
  }

  get size(): number {
    return (this.#out.socket ? 1 : 0) + (this.#rtcp ? 1 : 0);
  }

  /** @throws {TandemError} ERR_PORT_IN_USE, ERR_BIND; ERR_MEDIA_CLOSED when it was closed meanwhile */
  async open({ bindAddress, port, rtcpPort }: LegConfig): Promise<void> {
    const { fast, rtcp } = this.#inputs;
    const { udp } = this.#ports;
    const rtpSocket = await udp.bind(bindAddress, port, (buffer, offset, length, from) => {
      try {
        if (!fast.take(buffer, offset, length, from)) this.#datagram(buffer, offset, length, from);
      } catch (error) {
        this.#ports.onBroken(error);
      }
    });
    this.#out.socket = rtpSocket;
    try {
      this.#rtcp = await udp.bind(bindAddress, rtcpPort, (buffer, offset, length, from) => {
        try {
          rtcp.datagram(buffer, offset, length, from);
        } catch (error) {
          this.#ports.onBroken(error);
        }
      });
    } catch (error) {
      await rtpSocket.close();
      throw error;
    }
    rtcp.attach(this.#rtcp, rtpSocket);
    if (!this.#closed) return;
    await this.close();
    throw new TandemError('ERR_MEDIA_CLOSED', 'the media leg is closed');
  }

  #datagram(buffer: Uint8Array, offset: number, length: number, from: Source): void {
    const { incoming, connection, security, rtcp } = this.#inputs;
    // The command that says where the first packets go may have come with them: it was sent before the answer was.
    if (incoming.unwired) this.#ports.catchUp();
    if (buffer[offset]! < firstOfRtp) {
      if (!connection.datagram(buffer, offset, length, from)) incoming.receiver.invalid();
      return;
    }
    if (!security.active && !connection.accepts(from)) {
      incoming.receiver.invalid();
      return;
    }
    if (length > 1 && isRtcpType(buffer[offset + 1]!) && rtcp.muxed) {
      rtcp.datagram(buffer, offset, length, from);
      return;
    }
    const clear = security.openRtp(buffer, offset, length);
    if (clear === 0) {
      incoming.receiver.invalid();
      return;
    }
    const now = this.#ports.clock.now();
    if (security.active) connection.heard(from, now);
    incoming.datagram(buffer, offset, clear, from, now);
  }

  async close(): Promise<void> {
    this.#closed = true;
    const open = [this.#out.socket, this.#rtcp];
    this.#out.socket = undefined;
    this.#rtcp = undefined;
    await Promise.all(open.map((socket) => socket?.close()));
  }
}

/** An RTP endpoint on the loopback that writes down what it hears. */
import { createSocket, type Socket } from 'node:dgram';
import type { NegotiatedAudio } from '../../../media/index.ts';
import { readRtp, rtpView, writeRtpHeader } from '../../../media/rtp/packet.ts';

export interface Heard {
  readonly payloadType: number;
  readonly marker: boolean;
  readonly sequence: number;
  readonly timestamp: number;
  readonly ssrc: number;
  readonly payload: Uint8Array;
  /** ms, of `performance.now()`. */
  readonly at: number;
}

export interface Sent {
  readonly payloadType?: number;
  readonly marker?: boolean;
  readonly sequence: number;
  readonly timestamp: number;
  readonly ssrc?: number;
  readonly payload: Uint8Array;
}

export function rtpBytes({ payloadType = 0, marker = false, sequence, timestamp, ssrc = 0x1234, payload }: Sent) {
  const bytes = new Uint8Array(12 + payload.length);
  writeRtpHeader(bytes, 0, payloadType, marker, sequence & 0xffff, timestamp >>> 0, ssrc);
  bytes.set(payload, 12);
  return bytes;
}

export function parseRtp(bytes: Uint8Array, at = 0): Heard {
  const view = rtpView();
  if (!readRtp(bytes, 0, bytes.length, view)) throw new Error('no RTP was sent');
  const { payloadType, marker, sequence, timestamp, ssrc, payloadOffset, payloadLength } = view;
  const payload = bytes.slice(payloadOffset, payloadOffset + payloadLength);
  return { payloadType, marker, sequence, timestamp, ssrc, payload, at };
}

export class Phone {
  readonly heard: Heard[] = [];
  readonly rtcp: Uint8Array[] = [];
  readonly port: number;
  readonly rtcpPort: number;
  readonly #rtp: Socket;
  readonly #rtcp: Socket;
  readonly #waiting: (() => void)[] = [];

  private constructor(rtp: Socket, rtcp: Socket) {
    this.#rtp = rtp;
    this.#rtcp = rtcp;
    this.port = rtp.address().port;
    this.rtcpPort = rtcp.address().port;
    rtp.on('message', (bytes) => {
      this.heard.push(parseRtp(new Uint8Array(bytes), performance.now()));
      this.#wake();
    });
    rtcp.on('message', (bytes) => {
      this.rtcp.push(new Uint8Array(bytes));
      this.#wake();
    });
  }

  static async open(): Promise<Phone> {
    return new Phone(await bound(), await bound());
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** Resolves when `ready` is true of what was heard; a test that waits in vain times out. */
  async until(ready: () => boolean): Promise<void> {
    while (!ready()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  async hears(count: number): Promise<readonly Heard[]> {
    await this.until(() => this.heard.length >= count);
    return this.heard;
  }

  send(packet: Sent, port: number): void {
    this.sendRaw(rtpBytes(packet), port);
  }

  sendRaw(bytes: Uint8Array, port: number): void {
    this.#rtp.send(bytes, port, '127.0.0.1');
  }

  sendRtcp(bytes: Uint8Array, port: number): void {
    this.#rtcp.send(bytes, port, '127.0.0.1');
  }

  /** What an offer/answer exchange with this phone settles. */
  audio(options: Partial<NegotiatedAudio> = {}): NegotiatedAudio {
    return negotiated({ address: '127.0.0.1', port: this.port, rtcpPort: this.rtcpPort }, options);
  }

  async close(): Promise<void> {
    await Promise.all([this.#rtp, this.#rtcp].map((s) => new Promise<void>((resolve) => s.close(() => resolve()))));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

export const pcmu = { name: 'PCMU', payloadType: 0, clockRate: 8000, channels: 1, fmtp: undefined } as const;
export const pcma = { name: 'PCMA', payloadType: 8, clockRate: 8000, channels: 1, fmtp: undefined } as const;
export const l16 = { name: 'L16', payloadType: 96, clockRate: 16000, channels: 1, fmtp: undefined } as const;

export function negotiated(remote: NegotiatedAudio['remote'], options: Partial<NegotiatedAudio> = {}): NegotiatedAudio {
  const codec = options.codec ?? pcmu;
  return {
    codec,
    receivePayloadTypes: [codec],
    telephoneEvent: { sendPayloadType: 101, receivePayloadType: 101, clockRate: 8000 },
    remote,
    rtcpMux: false,
    direction: 'sendrecv',
    ptime: 20,
    ...options,
  };
}

function bound(): Promise<Socket> {
  const socket = createSocket('udp4');
  return new Promise((resolve) => socket.bind(0, '127.0.0.1', () => resolve(socket)));
}

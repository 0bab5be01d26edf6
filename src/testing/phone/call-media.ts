/** The audio of one call of a lab phone: its RTP port, what was agreed on, what it says and hears. */
import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import type { LabHost, LabSocket } from '../network/host.ts';
import { Ear } from './ear.ts';
import { Mouth } from './mouth.ts';
import {
  answerDirection,
  commonPayloads,
  type PhoneDirection,
  type PhonePayload,
  type PhoneSdp,
  readSdp,
  writeSdp,
} from './sdp.ts';

export interface CallMediaOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly host: LabHost;
  readonly payloads: readonly PhonePayload[];
  /** Keeps silence packets flowing, as phones do. */
  readonly talks: boolean;
  readonly onDigit: (digit: string) => void;
}

export class CallMedia {
  readonly mouth: Mouth;
  readonly ear: Ear;
  readonly port: number;
  readonly #options: CallMediaOptions;
  readonly #socket: LabSocket;
  #payloads: readonly PhonePayload[];
  #wanted: PhoneDirection = 'sendrecv';
  #version = 0;
  #remote: PhoneSdp | undefined;
  #direction: PhoneDirection = 'sendrecv';

  constructor(options: CallMediaOptions) {
    const { clock, random, host, payloads, talks, onDigit } = options;
    this.#options = options;
    this.#payloads = payloads;
    this.ear = new Ear(clock.now(), onDigit);
    this.#socket = openEven(host, (bytes) => this.ear.receive(clock.now(), bytes));
    this.port = this.#socket.port;
    this.mouth = new Mouth(clock, random, (packet) => this.#send(packet));
    this.mouth.talk(talks);
    this.ear.expect(payloads);
  }

  /** What the peer said last, and what was settled with it. */
  get remote(): PhoneSdp | undefined {
    return this.#remote;
  }

  get direction(): PhoneDirection {
    return this.#direction;
  }

  get wanted(): PhoneDirection {
    return this.#wanted;
  }

  /** Our offer. @param wanted from now on; @param payloads from now on */
  offer(wanted = this.#wanted, payloads = this.#options.payloads): string {
    this.#wanted = wanted;
    this.#payloads = payloads;
    return this.#print(payloads, wanted);
  }

  /** Takes an answer to our offer. */
  answered(sdp: string): void {
    const remote = readSdp(sdp);
    if (!remote) return;
    this.#settle(remote, this.#payloads, answerDirection(remote.direction, this.#wanted));
  }

  /** Our answer to an offer; undefined when nothing is common. */
  answer(sdp: string): string | undefined {
    const remote = readSdp(sdp);
    const common = remote && commonPayloads(remote.payloads, this.#options.payloads);
    if (!remote || !common?.some(({ name }) => name !== 'telephone-event')) return undefined;
    this.#payloads = common;
    this.#settle(remote, common, answerDirection(remote.direction, this.#wanted));
    return this.#print(common, this.#direction);
  }

  #settle(remote: PhoneSdp, ours: readonly PhonePayload[], direction: PhoneDirection): void {
    this.#remote = remote;
    this.#direction = direction;
    this.ear.expect(ours);
    const spoken = commonPayloads(remote.payloads, this.#options.payloads);
    const sends = (direction === 'sendrecv' || direction === 'sendonly') && remote.address !== '0.0.0.0';
    const audio = spoken.find(({ name }) => name !== 'telephone-event');
    this.mouth.configure(
      sends ? audio : undefined,
      spoken.find(({ name }) => name === 'telephone-event'),
    );
  }

  #print(payloads: readonly PhonePayload[], direction: PhoneDirection): string {
    this.#version++;
    return writeSdp({ address: this.#options.host.address, port: this.port, payloads, direction }, this.#version);
  }

  #send(packet: Uint8Array): void {
    const remote = this.#remote;
    if (remote) this.#socket.send(packet, { address: remote.address, port: remote.port });
  }

  close(): void {
    this.mouth.close();
    this.#socket.close();
  }
}

/** RTP has an even port (RFC 3550 §11). */
function openEven(host: LabHost, receive: (bytes: Uint8Array) => void): LabSocket {
  const socket = host.openUdp('rtp', 0, receive);
  if (socket.port % 2 === 0) return socket;
  socket.close();
  return openEven(host, receive);
}

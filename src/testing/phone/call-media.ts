/** The audio of one call of a lab phone: its RTP port, offers and answers (RFC 3264), what it says and hears. */
import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import type { LabHost, LabSocket } from '../network/host.ts';
import { Ear } from './ear.ts';
import { Mouth } from './mouth.ts';
import {
  answerDirection,
  commonPayloads,
  isSame,
  type PhoneDirection,
  type PhonePayload,
  type PhoneSdp,
  readSdp,
  renumbered,
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

/** An offer of ours that waits for its answer. Until then everything stays as it was. */
export interface Offer {
  readonly sdp: string;
  readonly direction: PhoneDirection;
  readonly payloads: readonly PhonePayload[];
}

export class CallMedia {
  readonly mouth: Mouth;
  readonly ear: Ear;
  readonly port: number;
  readonly #options: CallMediaOptions;
  readonly #socket: LabSocket;
  /** What we want, whatever the peer lets us have. */
  #wanted: PhoneDirection = 'sendrecv';
  #direction: PhoneDirection = 'inactive';
  /** As we receive it. */
  #agreed: readonly PhonePayload[] = [];
  #inUse: PhonePayload | undefined;
  #remote: PhoneSdp | undefined;
  #described = '';
  #version = 0;
  #closed = false;

  constructor(options: CallMediaOptions) {
    const { clock, random, host, talks, onDigit } = options;
    this.#options = options;
    this.ear = new Ear(clock.now(), onDigit);
    this.#socket = openEven(host, (bytes) => this.ear.receive(clock.now(), bytes));
    this.port = this.#socket.port;
    this.mouth = new Mouth(clock, random, (packet) => this.#send(packet));
    this.mouth.talk(talks);
  }

  /** What the peer said last of where it hears, and what. */
  get remote(): PhoneSdp | undefined {
    return this.#remote;
  }

  /** As it was agreed on, seen from here: `sendonly` while the peer is on hold. */
  get direction(): PhoneDirection {
    return this.#direction;
  }

  /** False before anything is agreed on, and on hold. */
  get sends(): boolean {
    const { address = '0.0.0.0', port = 0 } = this.#remote ?? {};
    // RFC 3264 §8.4: the old way to put somebody on hold.
    if (this.#closed || port === 0 || address === '0.0.0.0') return false;
    return this.#direction === 'sendrecv' || this.#direction === 'sendonly';
  }

  /** Makes an offer; what is not said stays as it is. `accept` finishes it. */
  offer(change: { readonly direction?: PhoneDirection; readonly payloads?: readonly PhonePayload[] } = {}): Offer {
    const { direction = this.#wanted, payloads: wanted = this.#usual } = change;
    const payloads = renumbered(wanted, this.#agreed);
    // RFC 3264 §5.1: whatever is offered may come before the answer.
    this.ear.expect([...this.#agreed, ...payloads]);
    return { sdp: this.#print(payloads, direction), direction, payloads };
  }

  /** All that we speak, with the codec in use first: it is not to change without need. */
  get #usual(): readonly PhonePayload[] {
    const inUse = this.#inUse;
    if (!inUse) return this.#options.payloads;
    return this.#options.payloads.toSorted((a, b) => Number(isSame(b, inUse)) - Number(isSame(a, inUse)));
  }

  /** Takes the answer to an offer of ours. @returns false when it is of no use: nothing changes */
  accept(offer: Offer, answer: string): boolean {
    const remote = readSdp(answer);
    if (!remote || (remote.port > 0 && !commonPayloads(remote.payloads, offer.payloads))) {
      this.withdraw();
      return false;
    }
    this.#wanted = offer.direction;
    const taken = offer.payloads.filter((one) => remote.payloads.some((other) => isSame(one, other)));
    this.#settle(remote, taken, answerDirection(remote.direction, offer.direction));
    return true;
  }

  /** Our offer was refused. */
  withdraw(): void {
    this.ear.expect(this.#agreed);
  }

  /** Our answer to an offer; undefined when nothing is common: nothing changes then. */
  answer(offer: string): string | undefined {
    const remote = readSdp(offer);
    const common = remote && commonPayloads(remote.payloads, this.#options.payloads);
    if (!remote || !common) return undefined;
    const ours = common.events ? [common.audio, common.events] : [common.audio];
    this.#settle(remote, ours, answerDirection(remote.direction, this.#wanted));
    return this.#print(ours, this.#direction, remote.port === 0 ? 0 : this.port);
  }

  #settle(remote: PhoneSdp, ours: readonly PhonePayload[], direction: PhoneDirection): void {
    if (this.#closed) return;
    this.#remote = remote;
    this.#direction = direction;
    // What was sent before the peer knew may still be under way.
    this.ear.expect([...this.#agreed, ...ours]);
    this.#agreed = ours;
    const spoken = commonPayloads(remote.payloads, ours);
    this.#inUse = spoken?.audio;
    this.mouth.configure(this.sends ? spoken?.audio : undefined, spoken?.events);
  }

  /** The version goes up only when something changed (RFC 3264 §8). */
  #print(payloads: readonly PhonePayload[], direction: PhoneDirection, port = this.port): string {
    const sdp = { address: this.#options.host.address, port, payloads, direction };
    const described = writeSdp(sdp, 0);
    if (described !== this.#described) this.#version++;
    this.#described = described;
    return writeSdp(sdp, this.#version);
  }

  #send(packet: Uint8Array): void {
    const remote = this.#remote;
    if (remote && this.sends) this.#socket.send(packet, { address: remote.address, port: remote.port });
  }

  close(): void {
    this.#closed = true;
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

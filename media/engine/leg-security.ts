/**
 * SRTP of one leg, between its sockets and everything else: what goes out is protected last, and what comes
 * in counts only when its tag is right. Without keys it lets all through as it is.
 */
import { addSeq } from '../rtp/sequence.ts';
import { type SrtpParameters, sameKey } from '../srtp/profiles.ts';
import { SrtpReceiver, type SrtpReceiverState } from '../srtp/receiver.ts';
import { SrtpSender, type SrtpSenderState } from '../srtp/sender.ts';

/**
 * `key-mismatch`: the peer uses another key than it named. `key-expired`: ours or the peer's has served its time.
 * `unsaved`: nothing is sent until the state of the leg is written (`MediaLeg.stored`), or indices could be used twice.
 */
export type SrtpProblem = 'key-mismatch' | 'key-expired' | 'unsaved';

/** Packets in a row with a wrong tag: a second of audio, which a stray packet or two are not. */
const mismatchPackets = 50;
/** ms that a state takes to be written where all is well. */
const storedMs = 1000;

/** The `security` part of a leg's snapshot. It holds keys. */
export interface SecuritySnapshot {
  readonly sender: SrtpSenderState;
  readonly receiver: SrtpReceiverState;
  readonly failed: number;
  readonly replayed: number;
}

export interface SecurityPorts {
  /** Called once for each problem until it is over or keys change. */
  readonly onProblem: (problem: SrtpProblem) => void;
  /** Indices are reserved ahead of what is sent: the leg's states are kept beyond this process. */
  readonly reserves: boolean;
  /** A state with new marks is to be told soon. */
  readonly onLow: () => void;
}

/** What is sent: its SSRC, and the number that is next. */
export interface SentNext {
  readonly ssrc: number;
  readonly sequence: number;
}

export class LegSecurity {
  readonly #ports: SecurityPorts;
  readonly #told = new Set<SrtpProblem>();
  #sender: SrtpSender | undefined;
  #receiver: SrtpReceiver | undefined;
  /** The peer's key of before, until the first packet under the new one. */
  #before: SrtpReceiver | undefined;
  #failed = 0;
  #replayed = 0;
  #failedInARow = 0;
  /** A state was told: somebody may go on from it. */
  #reserved = false;
  /** ms on the clock when marks were told that are not safe yet. */
  #waitsSince = 0;
  /** Keys are on their way: until then nothing goes out, and nothing is heard. */
  #expectsKeys = false;

  constructor(ports: SecurityPorts) {
    this.#ports = ports;
  }

  /** What an offer and its answer settled. A key that stays goes on where it is (RFC 4568 §7.1.4). */
  configure(srtp: SrtpParameters | undefined, next: SentNext): void {
    this.#expectsKeys = false;
    if (!srtp) {
      this.#sender = undefined;
      this.#receiver = undefined;
      this.#before = undefined;
      return;
    }
    const { profile, local, remote } = srtp;
    const sent = this.#sender?.state;
    if (!sent || sent.profile !== profile || !sameKey(sent.key, local)) {
      this.#sender = SrtpSender.create(profile, local);
      this.#sender.onLow = this.#ports.onLow;
      // Who goes on from the state of before may be told of the new key by somebody else.
      if (this.#reserved) this.#sender.hold(next.ssrc, next.sequence);
      this.#told.clear();
    }
    const heard = this.#receiver?.state;
    const same = heard?.profile === profile && heard.keys.length === remote.length;
    if (same && heard.keys.every((key, at) => sameKey(key, remote[at]!))) return;
    this.#before = this.#receiver;
    this.#receiver = SrtpReceiver.create(profile, remote, this.#before);
    this.#failedInARow = 0;
    this.#told.clear();
  }

  /** Keys will come by a handshake, to `configure`; those that there are serve until then. */
  expectKeys(): void {
    this.#expectsKeys = this.#sender === undefined;
  }

  get active(): boolean {
    return this.#sender !== undefined;
  }

  /** Nothing can be sent for now. */
  get stands(): boolean {
    return this.#expectsKeys || (this.#sender?.full ?? false);
  }

  /** The leg's state is about to be told. @param serial of it. @param now ms on the engine's clock */
  reserve(serial: number, next: SentNext, now: number): void {
    const sender = this.#sender;
    if (!this.#ports.reserves || !sender) return;
    this.#reserved = true;
    if (!sender.waits) this.#waitsSince = now;
    else if (sender.full && now - this.#waitsSince >= storedMs) this.#tell('unsaved');
    sender.reserve(serial, next.ssrc, next.sequence);
  }

  /** The state of this serial is safe. */
  stored(serial: number): void {
    this.#sender?.stored(serial);
    if (!this.#sender?.full) this.#told.delete('unsaved');
  }

  /** @returns a buffer of its own that begins with `sealedLength` bytes to send; undefined when nothing may be sent */
  sealRtp(buffer: Uint8Array, offset: number, length: number): Uint8Array | undefined {
    const sealed = this.#sender?.rtp(buffer, offset, length);
    if (!sealed && this.#sender?.expired) this.#tell('key-expired');
    return sealed;
  }

  get sealedLength(): number {
    return this.#sender?.length ?? 0;
  }

  sealRtcp(compound: Uint8Array): Uint8Array | undefined {
    const sender = this.#sender;
    if (this.#expectsKeys) return undefined;
    return sender ? sender.rtcp(compound, 0, compound.length)?.subarray(0, sender.length) : compound;
  }

  /** Decrypts in place. @returns the length of the packet; 0 for what is not to be heard */
  openRtp(buffer: Uint8Array, offset: number, length: number): number {
    const receiver = this.#receiver;
    if (!receiver) return this.#expectsKeys ? 0 : length;
    const clear = receiver.rtp(buffer, offset, length);
    if (clear > 0) {
      this.#failedInARow = 0;
      this.#before = undefined;
      return clear;
    }
    return this.#before?.rtp(buffer, offset, length) || this.#refused(receiver);
  }

  openRtcp(buffer: Uint8Array, offset: number, length: number): number {
    const receiver = this.#receiver;
    if (!receiver) return this.#expectsKeys ? 0 : length;
    const clear = receiver.rtcp(buffer, offset, length) || this.#before?.rtcp(buffer, offset, length) || 0;
    if (clear === 0) this.#failed++;
    return clear;
  }

  #refused({ failure }: SrtpReceiver): 0 {
    if (failure === 'replay') this.#replayed++;
    else this.#failed++;
    if (failure === 'expired') this.#tell('key-expired');
    if (failure === 'authentication' && ++this.#failedInARow === mismatchPackets) this.#tell('key-mismatch');
    return 0;
  }

  #tell(problem: SrtpProblem): void {
    if (this.#told.has(problem)) return;
    this.#told.add(problem);
    this.#ports.onProblem(problem);
  }

  get stats(): { readonly profile: string; readonly failed: number; readonly replayed: number } | undefined {
    const profile = this.#sender?.state.profile;
    return profile && { profile, failed: this.#failed, replayed: this.#replayed };
  }

  get snapshot(): SecuritySnapshot | undefined {
    const [sender, receiver] = [this.#sender?.state, this.#receiver?.state];
    return sender && receiver && { sender, receiver, failed: this.#failed, replayed: this.#replayed };
  }

  /**
   * Goes on from a snapshot.
   * @param unseen what may have been sent since it was taken, by the clock; undefined: nothing
   * @returns how many numbers of what is sent are left out
   */
  restore(
    snapshot: SecuritySnapshot,
    unseen: { readonly packets: number; readonly reports: number } | undefined,
    next: SentNext,
  ): number {
    const { sender, receiver, failed, replayed } = structuredClone(snapshot);
    this.#sender = new SrtpSender(sender);
    this.#sender.onLow = this.#ports.onLow;
    const leftOut = unseen ? this.#sender.leaveOut(unseen.packets, unseen.reports, next.ssrc) : 0;
    if (this.#ports.reserves) {
      this.#sender.hold(next.ssrc, addSeq(next.sequence, leftOut));
      this.#reserved = true;
    }
    this.#receiver = new SrtpReceiver(receiver);
    this.#failed = failed;
    this.#replayed = replayed;
    return leftOut;
  }
}

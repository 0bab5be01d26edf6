/**
 * SRTP of one leg, between its sockets and everything else: what goes out is protected last, and what comes
 * in counts only when its tag is right. Without keys it lets all through as it is.
 */
import { type SrtpParameters, sameKey } from '../srtp/profiles.ts';
import { SrtpReceiver, type SrtpReceiverState } from '../srtp/receiver.ts';
import { SrtpSender, type SrtpSenderState } from '../srtp/sender.ts';

/** `key-mismatch`: the peer uses another key than it named. `key-expired`: ours or the peer's has served its time. */
export type SrtpProblem = 'key-mismatch' | 'key-expired';

/** Packets in a row with a wrong tag: a second of audio, which a stray packet or two are not. */
const mismatchPackets = 50;

/** The `security` part of a leg's snapshot. It holds keys. */
export interface SecuritySnapshot {
  readonly sender: SrtpSenderState;
  readonly receiver: SrtpReceiverState;
  readonly failed: number;
  readonly replayed: number;
}

export class LegSecurity {
  readonly #onProblem: (problem: SrtpProblem) => void;
  readonly #told = new Set<SrtpProblem>();
  #sender: SrtpSender | undefined;
  #receiver: SrtpReceiver | undefined;
  /** The peer's key of before, until the first packet under the new one. */
  #before: SrtpReceiver | undefined;
  #failed = 0;
  #replayed = 0;
  #failedInARow = 0;

  /** @param onProblem called once for each problem until keys change */
  constructor(onProblem: (problem: SrtpProblem) => void) {
    this.#onProblem = onProblem;
  }

  /** What an offer and its answer settled. A key that stays goes on where it is (RFC 4568 §7.1.4). */
  configure(srtp: SrtpParameters | undefined): void {
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

  get active(): boolean {
    return this.#sender !== undefined;
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
    return sender ? sender.rtcp(compound, 0, compound.length)?.subarray(0, sender.length) : compound;
  }

  /** Decrypts in place. @returns the length of the packet; 0 for what is not to be heard */
  openRtp(buffer: Uint8Array, offset: number, length: number): number {
    const receiver = this.#receiver;
    if (!receiver) return length;
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
    if (!receiver) return length;
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
    this.#onProblem(problem);
  }

  get stats(): { readonly profile: string; readonly failed: number; readonly replayed: number } | undefined {
    const profile = this.#sender?.state.profile;
    return profile && { profile, failed: this.#failed, replayed: this.#replayed };
  }

  get snapshot(): SecuritySnapshot | undefined {
    const [sender, receiver] = [this.#sender?.state, this.#receiver?.state];
    return sender && receiver && { sender, receiver, failed: this.#failed, replayed: this.#replayed };
  }

  /** Goes on from a snapshot. @param packets, reports that may have been sent since it was taken: their indices are left out */
  restore(snapshot: SecuritySnapshot, packets: number, reports: number): void {
    const { sender, receiver, failed, replayed } = structuredClone(snapshot);
    this.#sender = new SrtpSender(sender);
    this.#sender.skip(packets, reports);
    this.#receiver = new SrtpReceiver(receiver);
    this.#failed = failed;
    this.#replayed = replayed;
  }
}

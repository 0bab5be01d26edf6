/**
 * The ACKs of 2xx responses to the INVITEs of a dialog: those that the peer owes us (RFC 3261 §13.3.1.4), and those
 * that we owe it (§13.2.2.4).
 */
import { AckWaiter, type AnsweredTransaction } from './ack-waiter.ts';
import type { SipCore } from './core.ts';
import { type DialogSnapshot, readRequest, writeRequest } from './dialog-snapshot.ts';
import type { SipRequest } from './message.ts';
import type { Offers } from './offers.ts';
import type { PeerFlow } from './transport/flow.ts';
import type { TurnGate } from './turn-gate.ts';

/** What they need of their dialog. */
export interface AckedDialog {
  readonly callId: string;
  readonly remoteTag: string | undefined;
  readonly offers: Offers;
  readonly gate: TurnGate;
  readonly peer: PeerFlow;
  /** The peer has acknowledged: the call is up. */
  isUp(): void;
  /** What a snapshot says is another thing now. */
  onChange(): void;
}

type AckSnapshot = Pick<DialogSnapshot, 'answer' | 'accepted' | 'ack'>;

export class DialogAcks {
  readonly #core: SipCore;
  readonly #dialog: AckedDialog;
  /** Our 2xx without ACK. */
  #waiter: AckWaiter | undefined;
  #onSettled: (() => void) | undefined;
  /** INVITE of ours whose 2xx we have to acknowledge, and the ACK once it is made. */
  #accepted: SipRequest | undefined;
  #sent: { readonly seq: number; readonly bytes: Uint8Array; readonly flow: PeerFlow } | undefined;

  constructor(core: SipCore, dialog: AckedDialog) {
    this.#core = core;
    this.#dialog = dialog;
  }

  get snapshot(): AckSnapshot {
    const answer = this.#waiter?.answer;
    return {
      answer: answer && this.#waiter && { seq: this.#waiter.seq, bytes: answer },
      accepted: this.#accepted && writeRequest(this.#accepted),
      ack: this.#sent && { seq: this.#sent.seq, bytes: this.#sent.bytes },
    };
  }

  /** Ours of an earlier process; for the peer's there is `answerAgain`. */
  restore({ accepted, ack }: AckSnapshot): void {
    this.#accepted = accepted && readRequest(accepted);
    this.#sent = ack && { ...ack, flow: this.#dialog.peer };
  }

  // ---- the peer's

  /** Our 2xx is on its way. */
  await(transaction: AnsweredTransaction, seq: number, onAck: (ack: SipRequest) => void, onTimeout: () => void): void {
    const { offers, gate } = this.#dialog;
    const settle = (): void => {
      this.#waiter = undefined;
      offers.unacknowledged = false;
      offers.end('theirs', 'INVITE');
      this.#letGo();
    };
    offers.unacknowledged = true;
    this.#waiter = new AckWaiter(this.#core, transaction, seq, {
      onAck: (ack) => {
        settle();
        this.#dialog.isUp();
        this.#dialog.onChange();
        gate.run(() => onAck(ack));
      },
      onAckTimeout: () => {
        settle();
        gate.run(onTimeout);
      },
    });
  }

  /**
   * The 2xx of an earlier process goes on until its ACK comes.
   * @param answer it, and the CSeq number of its INVITE
   */
  answerAgain(
    answer: NonNullable<DialogSnapshot['answer']>,
    onAck: (ack: SipRequest) => void,
    onTimeout: () => void,
  ): void {
    const { seq, bytes } = answer;
    const { callId, remoteTag } = this.#dialog;
    const respondAgain = (): void => this.#repeat(bytes, this.#dialog.peer);
    const origin = `${callId}|${remoteTag ?? ''}|${seq}`;
    const acknowledged = (): void => void this.#core.answeredBefore.delete(origin);
    this.#core.answeredBefore.set(origin, this);
    this.await({ answer: bytes, respondAgain, acknowledged }, seq, onAck, onTimeout);
    respondAgain();
  }

  /** A copy of the INVITE whose transaction an earlier process had. */
  repeatAnswer(): void {
    this.#waiter?.repeat();
  }

  /** ACK of a 2xx; copies of it mean nothing. */
  receive(ack: SipRequest): void {
    if (this.#waiter?.seq === ack.headers.cseq.seq) this.#waiter.acknowledge(ack);
  }

  /** Resolves when our 2xx has its ACK, or there is none to come; undefined when none is waited for. */
  whenSettled(): Promise<void> | undefined {
    if (!this.#waiter) return undefined;
    return new Promise((resolve) => {
      this.#onSettled = resolve;
    });
  }

  /** The dialog is over. */
  stop(): void {
    this.#waiter?.stop();
    this.#waiter = undefined;
    this.#letGo();
  }

  #letGo(): void {
    const settled = this.#onSettled;
    this.#onSettled = undefined;
    settled?.();
  }

  // ---- ours

  /** A 2xx to this INVITE came for the first time. */
  owe(invite: SipRequest): void {
    this.#accepted = invite;
  }

  /** The INVITE whose 2xx is to be acknowledged now, if there is one. */
  take(): SipRequest | undefined {
    const invite = this.#accepted;
    this.#accepted = undefined;
    return invite;
  }

  /** @param through as of `SipCore.sendAck` */
  send(ack: SipRequest, nextHop: string, through: PeerFlow | undefined): void {
    const { seq } = ack.headers.cseq;
    this.#core.sendAck(ack, nextHop, this.#dialog.peer, through, (bytes, flow) => {
      this.#sent = { seq, bytes, flow };
      this.#dialog.onChange();
    });
  }

  /** A copy of a 2xx: the ACK was lost. */
  sendAgain(seq: number): void {
    if (this.#sent?.seq === seq) this.#repeat(this.#sent.bytes, this.#sent.flow);
  }

  /** No copies of the 2xx will come any more. */
  forget(seq: number): void {
    if (this.#sent?.seq !== seq) return;
    this.#sent = undefined;
    this.#dialog.onChange();
  }

  #repeat(bytes: Uint8Array, flow: PeerFlow): void {
    this.#core.counters.retransmissionsSent++;
    this.#core.tap.note('out', this.#dialog.callId, bytes, flow, false);
    flow.send(bytes, () => {});
  }
}

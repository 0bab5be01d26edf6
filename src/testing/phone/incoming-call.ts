/** A call that comes in to a lab phone (RFC 3261 §13.3). */
import { chosen, PhoneCall, type SdpChoice } from './call.ts';
import type { Offer } from './call-media.ts';
import { PhoneDialog } from './dialog.ts';
import type { Line } from './line.ts';
import type { HeaderLine, SipText } from './sip-text.ts';
import type { ServerTransaction } from './transactions.ts';

export interface AnswerContent {
  readonly headers?: readonly HeaderLine[];
  /** Instead of the SDP of its own; null: none. */
  readonly sdp?: SdpChoice;
}

export class IncomingCall extends PhoneCall {
  readonly role = 'callee';
  readonly #transaction: ServerTransaction;
  #offer: Offer | undefined;

  constructor(line: Line, transaction: ServerTransaction) {
    super(line, PhoneDialog.called(line, transaction.request, transaction.from), 'ringing');
    this.#transaction = transaction;
  }

  get invite(): SipText {
    return this.#transaction.request;
  }

  /** 180 and the like, without audio unless SDP is given. */
  provisional(status: number, { headers, sdp = null }: AnswerContent = {}): void {
    if (this.state !== 'ringing') return;
    const body = sdp === null ? '' : chosen(sdp, this.#ownSdp() ?? '');
    this.respond(this.#transaction, status, { headers, body });
  }

  /** 183 with SDP: audio flows from now on. An INVITE without an offer gets it without SDP. */
  progressMedia({ headers = [], sdp = (own) => own }: AnswerContent = {}): void {
    this.provisional(183, { headers, sdp: this.invite.body === '' ? null : sdp });
  }

  /** 200, or 488 when no codec is common; the state is `up` when its ACK is in. */
  accept({ headers, sdp }: AnswerContent = {}): void {
    if (this.state !== 'ringing') return;
    const own = this.#ownSdp();
    if (own === undefined && sdp === undefined) {
      this.reject(488);
      return;
    }
    this.awaitAck(
      this.#transaction,
      (ack) => this.#confirmed(ack),
      () => this.#unconfirmed(),
    );
    this.status = 200;
    this.answered();
    this.respond(this.#transaction, 200, { headers, body: chosen(sdp, own ?? '') });
    this.dialog.refresh(this.invite);
  }

  protected override acknowledged(transaction: ServerTransaction): void {
    const { request } = transaction;
    if (this.#offer && request.body !== '') this.takeAnswer(this.#offer, request);
    this.respond(transaction, 200);
  }

  /** The answer to the INVITE's offer, or an offer if it has none; undefined when no codec is common. */
  #ownSdp(): string | undefined {
    const { body } = this.invite;
    if (body === '') this.#offer ??= this.media.offer();
    const sdp = this.#offer?.sdp ?? this.media.answer(body);
    return sdp === undefined ? undefined : this.line.spoil(sdp);
  }

  #confirmed(ack: SipText): void {
    if (this.#offer && !(ack.body === '' && this.media.remote)) this.takeAnswer(this.#offer, ack);
    if (this.state === 'answered') this.up();
  }

  /** RFC 3261 §13.3.1.4 */
  #unconfirmed(): void {
    void this.request('BYE');
    this.over('nobody');
  }

  reject(status: number, reason?: string, headers: readonly HeaderLine[] = []): void {
    if (this.state !== 'ringing') return;
    this.respond(this.#transaction, status, { headers, reason });
    this.over('local', undefined, status);
  }

  /** The caller gave up. */
  cancelled(cancel: SipText): void {
    if (this.state === 'ringing') this.over('remote', cancel);
  }

  override async hangup(): Promise<SipText | undefined> {
    if (this.state !== 'ringing') return this.bye();
    this.reject(480);
    return undefined;
  }

  protected override over(by: 'local' | 'remote' | 'nobody', word?: SipText, status?: number): void {
    // CANCEL or BYE before the answer (RFC 3261 §9.2, §15.1.2).
    const unanswered = this.state === 'ringing' && by === 'remote';
    if (unanswered) this.respond(this.#transaction, 487);
    super.over(by, word, unanswered ? 487 : status);
  }
}

/** A call that a lab phone makes (RFC 3261 §13.2, §9.1). */
import { chosen, PhoneCall, type SdpChoice, sdpContent } from './call.ts';
import type { Offer } from './call-media.ts';
import { PhoneDialog } from './dialog.ts';
import type { Line } from './line.ts';
import { type HeaderLine, SipText } from './sip-text.ts';
import { type ClientTransaction, hopByHop } from './transactions.ts';
import type { Destination } from './wire.ts';

export interface InviteContent {
  /** More of them; one that the phone would write itself is replaced. */
  readonly headers?: readonly HeaderLine[];
  /** Instead of an offer of its own; null: none, the callee is to make one. */
  readonly sdp?: SdpChoice;
  /** Its From URI; default the phone's. */
  readonly from?: string;
}

export class OutgoingCall extends PhoneCall {
  readonly role = 'caller';
  readonly invite: SipText;
  readonly #transaction: ClientTransaction;
  readonly #offer: Offer | undefined;
  /** The far end has sent a provisional response. */
  #early = false;
  /** A provisional response had an answer to our offer. */
  #answered = false;
  /** RSeq of the last reliable response. */
  #rseq = 0;
  #cancelled: 'no' | 'wanted' | 'sent' = 'no';

  /** Sends the INVITE. */
  constructor(line: Line, uri: string, to: Destination, { headers = [], sdp, from }: InviteContent) {
    super(line, PhoneDialog.calling(line, uri, to, from), 'calling');
    this.#offer = sdp === null ? undefined : this.media.offer();
    const body = chosen(sdp, line.spoil(this.#offer?.sdp ?? ''));
    this.invite = this.dialog.compose('INVITE', { headers, ...sdpContent(body) });
    this.#transaction = line.send(this.invite, to, (response) => this.#response(response));
  }

  /** RFC 6337 §2.2: an answer in a reliable response is one before the 2xx. */
  protected override get hasSession(): boolean {
    return super.hasSession || (this.state === 'calling' && this.#answered && this.#rseq > 0);
  }

  get isEarly(): boolean {
    return this.#early && this.state === 'calling';
  }

  #response(response: SipText | undefined): void {
    if (response === undefined) this.over('nobody', undefined, 408);
    else if (response.status >= 300) this.over('remote', response, response.status);
    else if (response.status >= 200) this.#accepted(response);
    else {
      this.#early = true;
      this.dialog.learn(response);
      // Without an offer of ours it would be one that nobody has to answer yet (RFC 3261 §13.2.1).
      if (this.#offer && response.body !== '') this.#answered = this.media.accept(this.#offer, response.body);
      if (response.all('require').includes('100rel')) this.#acknowledge(response);
      if (this.#cancelled === 'wanted') this.#sendCancel();
    }
  }

  /** RFC 3262 §4. Copies were acknowledged. */
  #acknowledge(response: SipText): void {
    const rseq = Number(response.header('rseq'));
    if (rseq <= this.#rseq || this.line.misbehaviour.prack === 'never') return;
    this.#rseq = rseq;
    const answer = this.#offer ? '' : this.takeAnswer(undefined, response);
    void this.request('PRACK', {
      headers: [['RAck', `${rseq} ${response.header('cseq')}`]],
      ...sdpContent(answer),
    });
  }

  #accepted(response: SipText): void {
    const { seq } = response.cseq;
    if (this.acks.again(seq)) return;
    this.dialog.learn(response);
    const wanted = this.state === 'calling';
    const settled = this.#answered && response.body === '';
    this.acks.send(seq, wanted && !settled ? this.takeAnswer(this.#offer, response) : '');
    if (!wanted) {
      void this.request('BYE');
      return;
    }
    this.status = response.status;
    this.up();
    if (this.#cancelled !== 'no') void this.bye();
  }

  /** CANCEL, as soon as a provisional response allows it (RFC 3261 §9.1). */
  cancel(): void {
    if (this.state !== 'calling' || this.#cancelled !== 'no') return;
    this.#cancelled = 'wanted';
    if (this.#early) this.#sendCancel();
  }

  #sendCancel(): void {
    this.#cancelled = 'sent';
    const cancel = new SipText(hopByHop('CANCEL', this.invite), this.line.clock.now());
    this.line.send(cancel, this.#transaction.to, () => {});
    this.#transaction.expire();
  }

  override async hangup(): Promise<SipText | undefined> {
    if (this.state !== 'calling') return this.bye();
    this.cancel();
    await this.settled;
    return this.bye();
  }

  override drop(): void {
    super.drop();
    this.#transaction.stop();
  }
}

/**
 * One call of a lab phone, once there is a dialog: what the peer wants in it, and offers in both directions. How it
 * comes about is in `outgoing-call.ts` and `incoming-call.ts`, how it ends in `call-life.ts`.
 */
import { CallLife } from './call-life.ts';
import type { Offer } from './call-media.ts';
import { dtmfIn } from './digits.ts';
import { follow } from './refer.ts';
import type { PhoneDirection, PhonePayload } from './sdp.ts';
import type { HeaderLine, SipText } from './sip-text.ts';
import type { ServerTransaction } from './transactions.ts';

/** SDP as it is to be sent; or what is to become of the phone's own; or null: none. */
export type SdpChoice = string | null | ((own: string) => string);

export interface OfferContent {
  readonly headers?: readonly HeaderLine[];
  /** From now on, seen from here: `sendonly` puts the peer on hold. */
  readonly direction?: PhoneDirection;
  readonly payloads?: readonly PhonePayload[];
  /** Instead of the phone's own offer; null: none, the peer is to make one. */
  readonly sdp?: SdpChoice;
}

export abstract class PhoneCall extends CallLife {
  /** Digits heard, in whichever way they came. */
  digits = '';
  /** An offer of ours has no answer yet. */
  #offering = false;

  /** An offer is under way, in whichever direction: no other can be made (RFC 3261 §14.1). */
  get isNegotiating(): boolean {
    return !this.hasSession || this.#offering || this.awaitsAck;
  }

  /** The first offer has its answer for good. */
  protected get hasSession(): boolean {
    return this.state === 'up';
  }

  // ---- what the peer wants

  /** A request of the peer in this dialog; ACK and CANCEL come to methods of their own. */
  receive(transaction: ServerTransaction): void {
    const { request } = transaction;
    const { method } = request;
    if (!this.dialog.admits(request)) {
      this.respond(transaction, 500);
    } else if (method === 'BYE') {
      this.respond(transaction, 200);
      this.over('remote', request);
    } else if (this.state === 'over') this.respond(transaction, 481);
    else if (method === 'INVITE' || method === 'UPDATE') this.#offered(transaction);
    else if (method === 'PRACK') this.acknowledged(transaction);
    else if (method === 'REFER') this.#referred(transaction);
    else if (method === 'INFO' || method === 'NOTIFY' || method === 'OPTIONS') {
      if (method === 'INFO') this.heard(dtmfIn(request));
      this.respond(transaction, 200);
    } else this.respond(transaction, 405);
  }

  /** PRACK: of a call that came in it may have the answer to our offer. */
  protected acknowledged(transaction: ServerTransaction): void {
    this.respond(transaction, 481);
  }

  protected override heard(digits: string): void {
    this.digits += digits;
    for (const digit of digits) this.line.note('dtmf', `hears digit ${digit}`);
  }

  #referred(transaction: ServerTransaction): void {
    const uri = transaction.request.uriOf('refer-to');
    this.respond(transaction, uri === '' ? 400 : 202);
    if (uri !== '') follow(this.line, this, uri);
  }

  /** RFC 3261 §14.2, RFC 3311 §5.2 */
  #offered(transaction: ServerTransaction): void {
    const { request } = transaction;
    const { method, body } = request;
    if (method === 'UPDATE' && body === '') {
      this.dialog.refresh(request);
      this.respond(transaction, 200);
      return;
    }
    if (this.isNegotiating) {
      this.respond(transaction, 491);
      return;
    }
    const offer = body === '' ? this.media.offer() : undefined;
    const sdp = offer ? offer.sdp : this.media.answer(body);
    if (sdp === undefined) {
      this.respond(transaction, 488);
      return;
    }
    this.dialog.refresh(request);
    if (method === 'INVITE') {
      const answered = (ack: SipText): void => void (offer && this.takeAnswer(offer, ack));
      this.awaitAck(transaction, answered, () => void this.bye());
    }
    this.respond(transaction, 200, { body: this.line.spoil(sdp) });
  }

  // ---- what we want

  /** Offers the audio anew. Resolves with the final response; when it is a refusal, all stays as it was. */
  reInvite(content: OfferContent = {}): Promise<SipText | undefined> {
    return this.#offer('INVITE', content);
  }

  /** As `reInvite`, by UPDATE (RFC 3311). */
  update(content: OfferContent = {}): Promise<SipText | undefined> {
    return this.#offer('UPDATE', content);
  }

  async #offer(method: 'INVITE' | 'UPDATE', content: OfferContent): Promise<SipText | undefined> {
    const { headers = [], sdp, ...change } = content;
    const offer = sdp === null ? undefined : this.media.offer(change);
    const body = chosen(sdp, this.line.spoil(offer?.sdp ?? ''));
    const request = this.dialog.compose(method, { headers, ...sdpContent(body) });
    this.#offering = true;
    const response = await this.send(request);
    this.#offering = false;
    if (!response || response.status >= 300) {
      this.media.withdraw();
      return response;
    }
    this.dialog.refresh(response);
    const answer = this.state === 'over' ? '' : this.takeAnswer(offer, response);
    if (method === 'INVITE') this.acks.send(request.cseq.seq, answer);
    return response;
  }

  /**
   * Takes the SDP of a 2xx or an ACK: the answer to `offer`, or, if we made none, the peer's offer.
   * @returns what the ACK is to say
   */
  protected takeAnswer(offer: Offer | undefined, { body }: SipText): string {
    if (!offer) return body === '' ? '' : this.line.spoil(this.media.answer(body) ?? '');
    if (!this.media.accept(offer, body)) this.line.note('phone', 'has no use for the SDP answer');
    return '';
  }
}

/** @param own the phone's own SDP; '' when it has none */
export function chosen(choice: SdpChoice | undefined, own: string): string {
  if (choice === undefined) return own;
  return typeof choice === 'function' ? choice(own) : (choice ?? '');
}

/** A body, and what it is. */
export function sdpContent(body: string): { readonly type?: string; readonly body: string } {
  return body === '' ? { body } : { type: 'application/sdp', body };
}

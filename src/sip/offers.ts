/**
 * Whose turn it is in a dialog. An offer has its answer before the next one is made, in whichever direction
 * (RFC 3264 §4); a request that crosses another one is refused (RFC 3261 §14, RFC 3311 §5).
 */
import type { SipRequest, SipResponse } from './message.ts';

export type Side = 'ours' | 'theirs';

interface OpenOffer {
  readonly by: Side;
  /** The request that it belongs to: whose, and its method. An offer in a response is the other side's. */
  readonly from: Side;
  readonly method: string;
}

export class Offers {
  /** INVITE of ours without a final response. */
  inviting = false;
  /** INVITE of the peer without a final response. */
  invited = false;
  /** UPDATE of the peer without a final response. */
  updated = false;
  /** 2xx of ours without its ACK. */
  unacknowledged = false;
  #open: OpenOffer | undefined;

  /** A request with an offer; or an INVITE, which has one or asks for one. */
  begin(from: Side, method: string): void {
    this.#open = { by: from, from, method };
  }

  /** The offer of a request of this method has its answer, or never gets one. */
  end(from: Side, method: string): void {
    if (this.waiting(from, method)) this.#open = undefined;
  }

  /**
   * A response that cannot get lost: it has the answer to the offer of its request, or refuses it. To an INVITE
   * without an offer it has the offer; the answer to that comes in PRACK or ACK.
   */
  respond(from: Side, { method, body }: SipRequest, response: SipResponse): void {
    const by = this.waiting(from, method);
    if (!by) return;
    const isOffer = method === 'INVITE' && body.length === 0 && response.body.length > 0 && response.status < 300;
    this.#open = isOffer ? { by: by === 'ours' ? 'theirs' : 'ours', from, method } : undefined;
  }

  /** Whose offer waits for an answer in a request of this method. */
  waiting(from: Side, method: string): Side | undefined {
    return this.#open?.from === from && this.#open.method === method ? this.#open.by : undefined;
  }

  /** What a request of the peer is refused with that comes at the wrong time; undefined: it is welcome. */
  refusal({ method, body }: SipRequest): 491 | 500 | undefined {
    if (method === 'INVITE') {
      // RFC 3261 §14.2. One that overtook the ACK before it (the races of RFC 5407 §3.1) comes again.
      if (this.invited || this.updated || this.#open?.by === 'theirs') return 500;
      return this.inviting || this.unacknowledged || this.#open ? 491 : undefined;
    }
    if (method === 'UPDATE' && this.updated) return 500;
    if ((method !== 'UPDATE' && method !== 'PRACK') || body.length === 0 || !this.#open) return undefined;
    return this.#open.by === 'ours' ? 491 : 500;
  }

  /** Whether a request of ours would come at the right time. */
  allows({ method, body }: SipRequest): boolean {
    if (method === 'INVITE') return !(this.inviting || this.invited || this.unacknowledged || this.#open);
    return method !== 'UPDATE' || body.length === 0 || !this.#open;
  }
}

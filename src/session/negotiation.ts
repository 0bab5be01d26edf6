/**
 * Audio negotiated anew in mid-call (RFC 3264 §8), by re-INVITE or UPDATE: our offers, one at a time and again after
 * glare, and the peer's.
 */
import type { Direction, NegotiatedAudio } from '../../media/index.ts';
import type { Clock } from '../base/clock.ts';
import { sleep } from '../base/clock.ts';
import { messageOf, TandemError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Dialog } from '../sip/dialog.ts';
import type { IncomingRequest } from '../sip/endpoint.ts';
import { header, type SipResponse } from '../sip/message.ts';
import { type DialogMedia, type Offer, type OfferOptions, sdpType } from './dialog-media.ts';
import { DialogResponseError } from './errors.ts';
import { warningOf } from './reason.ts';
import type { SessionRefresh } from './session-refresh.ts';

/** How often an offer is made that crosses others. */
const attempts = 4;

/** What an offer may be refused with, beside 488: it cannot be read, or it crosses another one. */
const refusals: ReadonlySet<number | undefined> = new Set([400, 491]);

export type OfferMethod = 'INVITE' | 'UPDATE';

/** What a session does while its audio is negotiated. */
export interface NegotiationOwner {
  readonly signal: AbortSignal;
  readonly timer: SessionRefresh;
  media(): DialogMedia;
  log(): Logger;
  /** Rejects when the call is over. */
  gone(): Promise<never>;
  /**
   * The peer's offer would settle `next`, if we wanted all that it lets us have. Resolves with our direction, if it is
   * not the one that we want. Rejects when it does not suit, say the other leg of a bridge.
   */
  changing(next: NegotiatedAudio): Promise<Direction | undefined>;
  /** Our offer was asked for, and the ACK has no answer that is of use. */
  unusable(): void;
}

export class Negotiation {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #owner: NegotiationOwner;
  #turn: Promise<void> = Promise.resolve();
  /** Takes the answer to an offer of ours in a provisional response. */
  #onAnswer: ((sdp: Uint8Array) => void) | undefined;

  constructor({ clock, random }: { readonly clock: Clock; readonly random: Random }, owner: NegotiationOwner) {
    this.#clock = clock;
    this.#random = random;
    this.#owner = owner;
  }

  get #media(): DialogMedia {
    return this.#owner.media();
  }

  /**
   * Makes an offer when those before it are through.
   * @param dialog asked for when its turn has come; what it throws is thrown
   * @throws DialogResponseError when the peer refuses for good; what was settled before stays. DialogEndedError
   */
  offer(dialog: () => Dialog, method: OfferMethod, options: OfferOptions): Promise<void> {
    return this.#inTurn(() => this.#exchange(dialog(), method, () => this.#media.offer(options)));
  }

  /**
   * Refreshes the session and changes nothing in it (RFC 4028 §7.4): by UPDATE if the peer takes it.
   * @throws as `offer`
   */
  refresh(dialog: () => Dialog): Promise<void> {
    return this.#inTurn(async () => {
      const to = dialog();
      if (to.allows('UPDATE') && (await this.#updated(to))) return;
      await this.#exchange(to, 'INVITE', () => this.#media.repeat());
    });
  }

  /** @returns false when the peer knows no UPDATE after all */
  async #updated(dialog: Dialog): Promise<boolean> {
    try {
      await this.#exchange(dialog, 'UPDATE');
      return true;
    } catch (error) {
      if (error instanceof DialogResponseError && (error.status === 405 || error.status === 501)) return false;
      throw error;
    }
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(() => Promise.race([work(), this.#owner.gone()]));
    this.#turn = done.catch(() => {});
    return done;
  }

  async #exchange(dialog: Dialog, method: OfferMethod, makeOffer?: () => Promise<Offer>): Promise<void> {
    const { signal, timer } = this.#owner;
    for (let attempt = 1; ; attempt++) {
      const offer = await makeOffer?.();
      signal.throwIfAborted();
      const content = offer ? { contentType: sdpType, body: offer.body } : {};
      const response = await dialog.request(method, { headers: timer.headers, ...content });
      if (response.status < 300) {
        if (method === 'INVITE') dialog.ack();
        timer.accepted(response);
        if (offer) this.#media.accept(response.body, offer);
        return;
      }
      const raised = response.status === 422 && timer.raised(response);
      const delay = raised ? 0 : retryDelay(response, dialog.role, this.#random);
      if (delay === undefined || attempt === attempts) throw new DialogResponseError(response);
      await sleep(this.#clock, delay, signal);
    }
  }

  /** Resolves when the PRACK has an answer to this offer (RFC 3262 §5). @throws TandemError ERR_SDP if it is of no use */
  answerTo(offer: Offer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#onAnswer = (sdp) => {
        this.#onAnswer = undefined;
        try {
          this.#media.accept(sdp, offer);
          resolve();
        } catch (error) {
          reject(error);
          throw error;
        }
      };
    });
  }

  /**
   * The peer's re-INVITE, UPDATE, or PRACK with SDP (RFC 3261 §14.2, RFC 3311 §5.2, RFC 3262 §5): its offer is
   * answered, its answer taken, or our offer sent if a re-INVITE has none. What cannot be done is refused with 488
   * (400 if it cannot be read), and all stays as it was.
   */
  async receive(incoming: IncomingRequest): Promise<void> {
    const { request } = incoming;
    const { method, body } = request;
    const tooShort = method === 'PRACK' ? undefined : this.#owner.timer.refusal(request);
    if (tooShort) {
      incoming.respond(422, { headers: tooShort });
      return;
    }
    try {
      if (method === 'PRACK' && this.#onAnswer) {
        this.#onAnswer(body);
        incoming.respond(200);
      } else if (body.length > 0) await this.#answer(incoming, body);
      else if (method === 'INVITE') await this.#offerAsked(incoming);
      else this.#accept(incoming);
    } catch (error) {
      const status = error instanceof TandemError && refusals.has(error.status) ? error.status : 488;
      this.#owner.log().info({ error: messageOf(error), status, method }, 'offer refused, the session stays as it was');
      incoming.respond(status ?? 488, { headers: warningOf(error) });
    }
  }

  #accept(incoming: IncomingRequest, sdp?: Uint8Array): void {
    if (incoming.cancelled) return;
    const isPrack = incoming.request.method === 'PRACK';
    const headers = isPrack ? [] : this.#owner.timer.accept(incoming.request);
    incoming.respond(200, { headers, ...(sdp ? { contentType: sdpType, body: sdp } : {}) });
  }

  async #answer(incoming: IncomingRequest, offer: Uint8Array): Promise<void> {
    const next = this.#media.preview(offer, undefined, 'sendrecv');
    const direction = next && (await this.#owner.changing(next));
    if (incoming.cancelled) return;
    this.#accept(incoming, await this.#media.answer(offer, undefined, direction));
  }

  async #offerAsked(incoming: IncomingRequest): Promise<void> {
    const offer = await this.#media.offer();
    incoming.onAck = (ack) => {
      try {
        this.#media.accept(ack.body, offer);
      } catch (error) {
        this.#owner
          .log()
          .warn({ error: messageOf(error) }, 'the ACK to our offer has no usable answer, ending the call');
        this.#owner.unusable();
      }
    };
    this.#accept(incoming, offer.body);
  }
}

/** How long to wait before an offer is made again that crossed one of the peer; undefined: it was refused for good. */
function retryDelay(response: SipResponse, role: 'uac' | 'uas', random: Random): number | undefined {
  if (response.status === 491) return glareDelay(role, random);
  if (response.status !== 500) return undefined;
  // RFC 3261 §14.2, RFC 3311 §5.2: ours overtook what the peer is working on; it names 0 to 10 s.
  const seconds = /^\s*(\d{1,2})(?!\d)/.exec(header(response, 'retry-after') ?? '')?.[1];
  return seconds === undefined ? undefined : Math.min(Number(seconds), 10) * 1000;
}

/** RFC 3261 §14.1: who owns the Call-ID waits 2.1–4 s, the other 0–2 s, in steps of 10 ms. */
function glareDelay(role: 'uac' | 'uas', random: Random): number {
  const steps = role === 'uac' ? 210 + (random.uint32() % 191) : random.uint32() % 201;
  return steps * 10;
}

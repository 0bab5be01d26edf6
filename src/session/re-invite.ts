/** Audio re-negotiated in mid-call, by us (with another try when both sides asked at once) or by the peer. */
import type { NegotiatedAudio } from '../../media/index.ts';
import type { Clock } from '../base/clock.ts';
import { sleep } from '../base/clock.ts';
import { messageOf, TandemError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Dialog } from '../sip/dialog.ts';
import type { IncomingRequest } from '../sip/endpoint.ts';
import { type DialogMedia, type OfferOptions, sdpType } from './dialog-media.ts';
import { DialogResponseError } from './errors.ts';

const attempts = 4;

/**
 * @throws DialogResponseError when the peer refuses for good; what was settled before stays.
 */
export async function renegotiate(
  { clock, random }: { readonly clock: Clock; readonly random: Random },
  dialog: Dialog,
  media: DialogMedia,
  options: OfferOptions,
  signal: AbortSignal,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const offer = await media.offer(options);
    signal.throwIfAborted();
    const response = await dialog.request('INVITE', { contentType: sdpType, body: offer.body });
    if (response.status < 300) {
      dialog.ack();
      media.accept(response.body, offer);
      return;
    }
    if (response.status !== 491 || attempt === attempts) throw new DialogResponseError(response);
    await sleep(clock, glareDelay(dialog.role, random), signal);
  }
}

/** RFC 3261 §14.1: who owns the Call-ID waits 2.1–4 s, the other 0–2 s, in steps of 10 ms. */
function glareDelay(role: 'uac' | 'uas', random: Random): number {
  const steps = role === 'uac' ? 210 + (random.uint32() % 191) : random.uint32() % 201;
  return steps * 10;
}

/** What a session does when its peer re-negotiates. */
export interface ReInviteOwner {
  /** The answer would settle `next`. Rejects when that does not suit, say the other leg of a bridge. */
  changing(next: NegotiatedAudio): Promise<void>;
  /** Our offer was asked for, and the ACK has no answer that is of use. */
  unusable(): void;
}

/**
 * The peer's re-INVITE (RFC 3261 §14.2): its offer is answered, or ours is sent if it has none. What cannot be
 * done is refused with 488 (400 if it cannot be read), and the session stays as it was.
 */
export async function answerReInvite(
  incoming: IncomingRequest,
  media: DialogMedia,
  log: Logger,
  owner: ReInviteOwner,
): Promise<void> {
  const { body } = incoming.request;
  try {
    if (body.length > 0) {
      const next = media.preview(body);
      if (next) await owner.changing(next);
      incoming.respond(200, { contentType: sdpType, body: await media.answer(body) });
      return;
    }
    const offer = await media.offer();
    incoming.onAck = (ack) => {
      try {
        media.accept(ack.body, offer);
      } catch (error) {
        log.warn({ error: messageOf(error) }, 'the ACK to our offer has no usable answer, ending the call');
        owner.unusable();
      }
    };
    incoming.respond(200, { contentType: sdpType, body: offer.body });
  } catch (error) {
    const status = error instanceof TandemError && error.status === 400 ? 400 : 488;
    log.info({ error: messageOf(error), status }, 're-INVITE refused, the session stays as it was');
    incoming.respond(status);
  }
}

/** Our own re-INVITE: offer, answer, ACK, and another try when both sides asked at once. */
import type { Clock } from '../base/clock.ts';
import { sleep } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { Dialog } from '../sip/dialog.ts';
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

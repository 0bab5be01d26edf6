/** REFERs of ours in one dialog, and what the peer reports of them by NOTIFY (RFC 3515). */
import type { Clock, Timer } from '../base/clock.ts';
import { TandemError } from '../base/errors.ts';
import type { Dialog } from '../sip/dialog.ts';
import type { IncomingRequest } from '../sip/endpoint.ts';
import { type FragStatus, mediaType, parseSipfrag, parseTokenValue, sipfragType } from '../sip/event.ts';
import { type HeaderField, header } from '../sip/message.ts';
import { printReplaces, type Replaces } from '../sip/replaces.ts';
import { parseUri } from '../sip/uri.ts';
import { DialogResponseError } from './errors.ts';
import type { ReferOptions } from './session-options.ts';

/** How a transfer goes, as the peer tells it: the status of its INVITE to the target. */
export interface ReferOutcome {
  readonly status: number;
  readonly reason: string;
}

/** How long a peer may take to tell how a transfer went, ms. */
const referMs = 120_000;

/**
 * What a Refer-To says.
 * @param replaces for an attended transfer: the dialog that is replaced at the target
 * @throws TandemError ERR_ARGUMENT
 */
export function referTo(uri: string, replaces?: Replaces): string {
  const parsed = parseUri(uri);
  if (!parsed.ok) throw new TandemError('ERR_ARGUMENT', `refer: ${JSON.stringify(uri)} is no URI (${parsed.error})`);
  if (!replaces) return `<${uri}>`;
  return `<${uri}${uri.includes('?') ? '&' : '?'}Replaces=${encodeURIComponent(printReplaces(replaces))}>`;
}

/** A REFER of ours whose subscription stands. */
class Referral {
  /** CSeq number of the REFER, by which NOTIFY names it. */
  seq = 0;
  decided = false;
  timer: Timer | undefined;
  readonly outcome = Promise.withResolvers<ReferOutcome>();
  readonly onNotify: (progress: ReferOutcome) => void;

  constructor(onNotify: (progress: ReferOutcome) => void) {
    this.onNotify = onNotify;
    this.outcome.promise.catch(() => {});
  }
}

export class ReferralBoard {
  readonly #clock: Clock;
  readonly #open = new Set<Referral>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Asks the peer and resolves when it told the outcome: a final status, whatever that is.
   * @throws DialogResponseError when the peer refuses the REFER; TandemError ERR_TIMEOUT, ERR_REFER (the peer tells no
   * more before it is decided); the signal's reason; what `close` was given
   */
  async refer(
    dialog: Dialog,
    target: string,
    { headers = [], timeout = referMs, onNotify = () => {}, signal }: Omit<ReferOptions, 'replaces'>,
  ): Promise<ReferOutcome> {
    signal?.throwIfAborted();
    const named = headers.some(([name]) => name.toLowerCase() === 'referred-by');
    const by: readonly HeaderField[] = named ? [] : [['Referred-By', `<${dialog.localUri}>`]];
    const referral = new Referral(onNotify);
    const { outcome } = referral;
    const answered = dialog.request('REFER', { headers: [['Refer-To', target], ...by, ...headers] });
    // The first NOTIFY may overtake the 202 (RFC 6665 §4.1.2.4).
    referral.seq = dialog.localSeq;
    this.#open.add(referral);
    const give = (error: unknown): void => this.#forget(referral, error);
    referral.timer = this.#clock.setTimer(timeout, () => give(noOutcome(timeout)), 'transfer outcome');
    const onAbort = (): void => give(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    answered.then((response) => {
      referral.seq = response.headers.cseq.seq;
      if (response.status >= 300) give(new DialogResponseError(response));
      // RFC 4488: it will tell nothing.
      else if (header(response, 'refer-sub')?.trim().toLowerCase() === 'false') {
        outcome.resolve({ status: response.status, reason: response.reason });
        give(undefined);
      }
    }, give);
    try {
      return await outcome.promise;
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** A NOTIFY in the dialog; it is answered here. */
  notified(incoming: IncomingRequest): void {
    const { request } = incoming;
    const event = parseTokenValue(header(request, 'event') ?? '');
    if (event?.name !== 'refer') {
      incoming.respond(489, { headers: [['Allow-Events', 'refer']] });
      return;
    }
    const referral = this.#named(event.params.id);
    if (!referral) {
      incoming.respond(481, { reason: 'Subscription Does Not Exist' });
      return;
    }
    if (request.body.length > 0 && mediaType(header(request, 'content-type')) !== sipfragType) {
      incoming.respond(415, { headers: [['Accept', sipfragType]] });
      return;
    }
    incoming.respond(200);
    const state = parseTokenValue(header(request, 'subscription-state') ?? '');
    this.#told(
      referral,
      parseSipfrag(request.body),
      state?.name === 'terminated' ? (state.params.reason ?? '') : undefined,
    );
  }

  /** The call is over, and with it what was asked in it. */
  close(reason: unknown): void {
    for (const referral of this.#open) this.#forget(referral, reason);
  }

  /** The one with this id; without an id the first that is undecided (RFC 3515 §2.4.6). */
  #named(id: string | null | undefined): Referral | undefined {
    const open = [...this.#open];
    if (id) return open.find(({ seq }) => String(seq) === id);
    return open.find(({ decided }) => !decided) ?? open[0];
  }

  #told(referral: Referral, progress: FragStatus | undefined, terminated: string | undefined): void {
    if (progress && !referral.decided) {
      referral.decided = progress.status >= 200;
      if (referral.decided) referral.outcome.resolve(progress);
    }
    if (terminated !== undefined) this.#forget(referral, untold(terminated));
    if (progress) referral.onNotify(progress);
  }

  /** @param error for who still waits for the outcome */
  #forget(referral: Referral, error: unknown): void {
    referral.timer?.cancel();
    this.#open.delete(referral);
    referral.outcome.reject(error);
  }
}

function noOutcome(timeout: number): TandemError {
  return new TandemError('ERR_TIMEOUT', `the peer did not tell within ${timeout} ms how the transfer went`, {
    status: 408,
    facts: { timeout },
  });
}

function untold(reason: string): TandemError {
  return new TandemError(
    'ERR_REFER',
    `the peer tells no more of the transfer, which is undecided: ${reason || 'no reason'}`,
    {
      status: 480,
      facts: { reason },
    },
  );
}

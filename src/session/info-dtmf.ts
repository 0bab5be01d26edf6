/** Digits in INFO: `application/dtmf-relay` and `application/dtmf`, older than any RFC and still in use. */
import { fail, ok, type Result, TandemError } from '../base/errors.ts';
import type { IncomingRequest } from '../sip/endpoint.ts';
import { mediaType } from '../sip/event.ts';
import { header, type SipRequest, type SipResponse } from '../sip/message.ts';
import { DialogResponseError } from './errors.ts';

const dtmfRelayType = 'application/dtmf-relay';
const dtmfType = 'application/dtmf';
/** What Accept says of INFO. */
export const infoTypes = `${dtmfRelayType}, ${dtmfType}`;

/** Event numbers of RFC 4733 that some peers write instead of the key. */
const events = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '#', 'A', 'B', 'C', 'D'];
const flash = new Set(['16', '!', 'FLASH', 'HF']);

interface InfoDigit {
  /** `0`–`9`, `*`, `#`, `A`–`D`; undefined for a hook flash, which is no digit. */
  readonly digit: string | undefined;
}

/** What an INFO with a body says; an error is the status to answer. */
function readInfo(request: SipRequest): Result<InfoDigit, 400 | 415> {
  const type = mediaType(header(request, 'content-type'));
  if (type !== dtmfRelayType && type !== dtmfType) return fail(415);
  const body = Buffer.from(request.body.subarray(0, 256)).toString('latin1');
  const signal = type === dtmfType && !/=/.test(body) ? body : field(body, 'Signal');
  const key = (signal ?? '').trim().toUpperCase();
  if (flash.has(key)) return ok({ digit: undefined });
  const digit = events.includes(key) ? key : /^1[0-5]$/.test(key) ? events[Number(key)] : undefined;
  return digit === undefined ? fail(400) : ok({ digit });
}

function field(body: string, name: string): string | undefined {
  for (const line of body.split(/\r?\n/)) {
    const [key = '', value] = line.split('=', 2);
    if (key.trim().toLowerCase() === name.toLowerCase()) return value;
  }
  return undefined;
}

interface InfoContent {
  readonly contentType: string;
  readonly body: Uint8Array;
}

/** @param digit of `0-9*#A-D` */
function infoOf(digit: string, type: 'info' | 'info-dtmf', durationMs: number): InfoContent {
  if (type === 'info-dtmf') return { contentType: dtmfType, body: Buffer.from(digit) };
  return { contentType: dtmfRelayType, body: Buffer.from(`Signal=${digit}\r\nDuration=${durationMs}\r\n`) };
}

/** What an INFO says of the length of a key press, ms. */
const usualMs = 160;

/** The INFOs of one call, in both directions. */
export class InfoDigits {
  readonly #send: (content: InfoContent) => Promise<SipResponse>;
  readonly #onDigit: (digit: string) => void;
  #turn: Promise<void> = Promise.resolve();

  constructor(send: (content: InfoContent) => Promise<SipResponse>, onDigit: (digit: string) => void) {
    this.#send = send;
    this.#onDigit = onDigit;
  }

  /**
   * One INFO for each digit, each when the one before was answered.
   * @throws TandemError ERR_DTMF_DIGIT; DialogResponseError when one is refused
   */
  send(digits: string, type: 'info' | 'info-dtmf', durationMs = usualMs): Promise<void> {
    if (!/^[0-9*#A-D]*$/i.test(digits)) {
      const facts = { length: digits.length };
      return Promise.reject(new TandemError('ERR_DTMF_DIGIT', 'DTMF digits are 0-9, *, # and A-D', { facts }));
    }
    const sent = this.#turn.then(async () => {
      for (const digit of digits.toUpperCase()) {
        const response = await this.#send(infoOf(digit, type, durationMs));
        if (response.status >= 300) throw new DialogResponseError(response);
      }
    });
    this.#turn = sent.catch(() => {});
    return sent;
  }

  /** An INFO of the peer; it is answered here. */
  receive(incoming: IncomingRequest): void {
    const { request } = incoming;
    if (header(request, 'info-package') !== undefined) {
      // RFC 6086 §4.2.2: we know of none.
      incoming.respond(469, { headers: [['Recv-Info', '']] });
      return;
    }
    const info = request.body.length === 0 ? undefined : readInfo(request);
    if (info && !info.ok) {
      incoming.respond(info.error, info.error === 415 ? { headers: [['Accept', infoTypes]] } : {});
      return;
    }
    incoming.respond(200);
    if (info?.value.digit) this.#onDigit(info.value.digit);
  }
}

/** How digits of a peer are taken. */
export type DtmfMode = 'auto' | 'rfc4733' | 'info' | 'inband';

/** A way in which a digit comes: an event with the audio, an INFO, or tones in the audio. */
export type DtmfPath = Exclude<DtmfMode, 'auto'>;

/**
 * Which of a call's digits count. A phone that sends each press in two ways has pressed it once: with `auto` the first
 * way in which a digit comes is the way of the call.
 */
export class DtmfWay {
  readonly #mode: DtmfMode;
  #way: DtmfPath | undefined;

  constructor(mode: DtmfMode) {
    this.#mode = mode;
  }

  takes(way: DtmfPath): boolean {
    if (this.#mode !== 'auto') return this.#mode === way;
    this.#way ??= way;
    return this.#way === way;
  }

  /** Digits do not come in this way any more. */
  leave(way: DtmfPath): void {
    if (this.#way === way) this.#way = undefined;
  }
}

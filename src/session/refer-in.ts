/** A REFER of the peer: it wants the other leg of its call to talk with somebody else (RFC 3515, RFC 5589). */
import type { Clock, Timer } from '../base/clock.ts';
import { fail, messageOf, ok, type Result, TandemError } from '../base/errors.ts';
import type { Dialog } from '../sip/dialog.ts';
import type { IncomingRequest } from '../sip/endpoint.ts';
import { type FragStatus, printSipfrag, sipfragType } from '../sip/event.ts';
import { defaultReason, type HeaderField, header, headerValues, type SipRequest } from '../sip/message.ts';
import { parseNameAddr } from '../sip/name-addr.ts';
import { parseReplaces, type Replaces } from '../sip/replaces.ts';
import { withoutHeaders } from '../sip/route.ts';
import { parseUri, uriScheme, uriUser } from '../sip/uri.ts';
import type { InviteTarget } from './dialog-client-session.ts';
import { DialogEndedError, DialogResponseError } from './errors.ts';

/** What a REFER asks for. */
export interface ReferTarget {
  /** Whom to call. */
  readonly uri: string;
  /** The call there that is to be replaced: an attended transfer. */
  readonly replaces: Replaces | undefined;
  /** The URI of Referred-By (RFC 3892). */
  readonly referredBy: string | undefined;
}

/** A status and why: what is answered to a REFER that cannot be meant. */
interface Refusal {
  readonly status: number;
  readonly reason: string;
}

export function readRefer(request: SipRequest): Result<ReferTarget, Refusal> {
  const [value, ...more] = headerValues(request, 'refer-to');
  const bad = (problem: string, status = 400) => fail({ status, reason: `${defaultReason(status)} (${problem})` });
  if (value === undefined || more.length > 0) return bad('there is not one Refer-To');
  const address = parseNameAddr(value);
  if (!address.ok) return bad('the Refer-To is malformed');
  const scheme = uriScheme(address.value.uri);
  if (scheme !== 'sip' && scheme !== 'sips' && scheme !== 'tel') return bad('only SIP and tel URIs can be called', 416);
  const uri = parseUri(address.value.uri);
  if (!uri.ok) return bad('the URI in Refer-To is malformed');
  const method = uri.value.params.method ?? 'INVITE';
  if (method.toUpperCase() !== 'INVITE') return bad('only INVITE can be asked for', 603);
  const asked = Object.entries(uri.value.headers).find(([name]) => name.toLowerCase() === 'replaces')?.[1];
  const replaces = asked === undefined ? ok(undefined) : parseReplaces(asked);
  if (!replaces.ok) return bad(replaces.error);
  const referredBy = parseNameAddr(header(request, 'referred-by') ?? '');
  return ok({
    uri: withoutHeaders(address.value.uri),
    replaces: replaces.value,
    referredBy: referredBy.ok ? referredBy.value.uri : undefined,
  });
}

/** How long the peer may wait for reports, ms. */
const expiresMs = 180_000;
/** A REFER that nothing was said about for so long is accepted: its sender gives up after 32 s. */
const acceptMs = 1000;

/** Does what a REFER asks for, or has it done: see `IncomingRefer`. */
export type ReferHandler = (refer: IncomingRefer) => Promise<void> | void;

export interface TransferOptions {
  /** Milliseconds until the target has to have answered; default 60,000. */
  readonly timeout?: number;
  /** Of the INVITE to the target, or of the REFER that is passed on. */
  readonly headers?: readonly HeaderField[];
  /** Credentials for a 401 or 407 of the target. */
  readonly username?: string;
  readonly password?: string;
  /** A proxy to send the INVITE through: a SIP URI. */
  readonly proxy?: string;
  /** Whom to call instead of `target`; of several the first that answers. Of `pass` the first counts. */
  readonly to?: InviteTarget | readonly InviteTarget[];
}

/** What can be done with a REFER without more. */
export interface TransferActions {
  execute(options: TransferOptions): Promise<void>;
  pass(options: TransferOptions): Promise<void>;
}

/**
 * A transfer that the peer asks for. Who handles it refuses it (`reject`), does it (`execute`), passes it on (`pass`),
 * or does something of its own and tells how that goes (`notify`). A handler that returns has done it; what it throws
 * tells that it failed.
 */
export class IncomingRefer {
  readonly request: SipRequest;
  readonly target: string;
  /** An attended transfer: the call of the target that the new one replaces. */
  readonly replaces: Replaces | undefined;
  /** The URI of who asks for it, as it says (RFC 3892). */
  readonly referredBy: string | undefined;
  /** @internal What the peer was told last. */
  status: number | undefined;
  readonly #incoming: IncomingRequest;
  readonly #reports: Reports;
  readonly #actions: TransferActions;
  readonly #accepting: Timer;
  #answered = false;

  /** Made by the session, not by users. */
  constructor(clock: Clock, dialog: Dialog, incoming: IncomingRequest, target: ReferTarget, actions: TransferActions) {
    this.request = incoming.request;
    this.target = target.uri;
    this.replaces = target.replaces;
    this.referredBy = target.referredBy;
    this.#incoming = incoming;
    this.#actions = actions;
    this.#reports = new Reports(clock, dialog, incoming.request);
    this.#accepting = clock.setTimer(acceptMs, () => this.accept(), 'refer');
  }

  /** The user part of the target. */
  get targetUser(): string | undefined {
    return uriUser(this.target);
  }

  /** 202: it is being done; the peer is told `100 Trying`. */
  accept(): void {
    if (this.#answered) return;
    this.#answered = true;
    this.#accepting.cancel();
    const silent = this.#reports.silent ? { headers: [['Refer-Sub', 'false']] as const } : {};
    this.#incoming.respond(202, silent);
    this.#reports.begin();
  }

  /** Refuses it. After `accept` the status is told instead. @param status 300–699 */
  reject(status = 603, reason = defaultReason(status)): void {
    if (this.#answered) {
      this.notify(status, reason);
      return;
    }
    this.#answered = true;
    this.status = status;
    this.#accepting.cancel();
    this.#incoming.respond(status, { reason });
    this.#reports.end();
  }

  /** Tells how it goes: the status of the call to the target. A final one is the last. */
  notify(status: number, reason = defaultReason(status)): void {
    this.accept();
    if (!this.#reports.over) this.status = status;
    this.#reports.tell({ status, reason });
  }

  /**
   * Calls the target in the place of the peer: the other leg of the bridge stays, the peer is told how it goes, and
   * gets BYE when the target has answered. If it does not, all stays as it was.
   * @throws what the call to the target throws; the peer is told
   */
  execute(options: TransferOptions = {}): Promise<void> {
    return this.#actions.execute(options);
  }

  /** Asks the other leg of the bridge to do it, and tells the peer what that one tells. @throws as `DialogSession.refer` */
  pass(options: TransferOptions = {}): Promise<void> {
    return this.#actions.pass(options);
  }

  /** @internal Lets the handler decide; its end decides what it left open. Resolves when the peer knows. */
  async handle(handler: ReferHandler): Promise<void> {
    try {
      await handler(this);
      if (!this.#reports.over) this.notify(200);
    } catch (error) {
      const { status, reason } = failureOf(error);
      this.reject(status, reason);
    }
    await this.told();
  }

  /** @internal Resolves when the last report has been answered. */
  told(): Promise<void> {
    return this.#reports.sent;
  }

  /** @internal The dialog is over: there is nobody to tell. */
  close(): void {
    this.#accepting.cancel();
    this.#reports.end();
  }
}

/** What the peer is told of a transfer that failed. */
export function failureOf(error: unknown): FragStatus {
  if (error instanceof DialogResponseError) return { status: error.status, reason: error.reason };
  if (error instanceof DialogEndedError) return { status: 487, reason: defaultReason(487) };
  const status = error instanceof TandemError ? (error.status ?? 500) : 500;
  return {
    status,
    reason: status === 500 ? `${defaultReason(500)} (${messageOf(error).slice(0, 80)})` : defaultReason(status),
  };
}

/** The subscription that a REFER makes: NOTIFYs, one behind the other, until it is decided (RFC 3515 §2.4.4). */
class Reports {
  /** The peer wants none (RFC 4488). */
  readonly silent: boolean;
  over = false;
  readonly #clock: Clock;
  readonly #dialog: Dialog;
  readonly #id: number;
  #expiry: Timer | undefined;
  #expiresAt = 0;
  #next: { readonly progress: FragStatus; readonly state: string } | undefined;
  #sending: Promise<void> | undefined;
  #last: FragStatus = { status: 100, reason: 'Trying' };

  constructor(clock: Clock, dialog: Dialog, request: SipRequest) {
    this.#clock = clock;
    this.#dialog = dialog;
    this.#id = request.headers.cseq.seq;
    this.silent = header(request, 'refer-sub')?.trim().toLowerCase() === 'false';
  }

  begin(): void {
    this.#expiresAt = this.#clock.now() + expiresMs;
    this.#expiry = this.#clock.setTimer(expiresMs, () => this.#expire(), 'refer subscription');
    this.tell(this.#last);
  }

  tell(progress: FragStatus): void {
    if (this.over) return;
    this.#last = progress;
    const left = Math.max(0, Math.ceil((this.#expiresAt - this.#clock.now()) / 1000));
    const decided = progress.status >= 200;
    if (decided) this.end();
    this.#send(progress, decided ? 'terminated;reason=noresource' : `active;expires=${left}`);
  }

  end(): void {
    this.over = true;
    this.#expiry?.cancel();
  }

  get sent(): Promise<void> {
    return this.#sending ?? Promise.resolve();
  }

  #expire(): void {
    this.end();
    this.#send(this.#last, 'terminated;reason=timeout');
  }

  /** Of reports that wait for the answer to one before them only the newest is sent. */
  #send(progress: FragStatus, state: string): void {
    if (this.silent) return;
    this.#next = { progress, state };
    this.#sending ??= this.#sendAll();
  }

  async #sendAll(): Promise<void> {
    for (let next = this.#next; next; next = this.#next) {
      this.#next = undefined;
      const response = await this.#dialog.request('NOTIFY', {
        headers: [
          ['Event', `refer;id=${this.#id}`],
          ['Subscription-State', next.state],
        ],
        contentType: `${sipfragType};version=2.0`,
        body: printSipfrag(next.progress),
      });
      if (response.status < 300) continue;
      // The peer does not want to know, or is gone.
      this.#next = undefined;
      this.end();
    }
    this.#sending = undefined;
  }
}

/** An outgoing call (diago's DialogClientSession): `invite`, `waitAnswer`, `ack`, or `cancel`. */
import type { Codec, NegotiatedAudio, SrtpMode } from '../../media/index.ts';
import { sameCodec } from '../../media/index.ts';
import { within } from '../base/clock.ts';
import { TandemError } from '../base/errors.ts';
import type { Dialog } from '../sip/dialog.ts';
import { addressText } from '../sip/dialog-snapshot.ts';
import type {
  InviteClient,
  InviteOptions as SipInviteOptions,
  SipTransportName,
  UnfinishedInvite,
} from '../sip/endpoint.ts';
import type { HeaderField, NameAddr, SipResponse } from '../sip/message.ts';
import type { Credentials } from '../sip/options.ts';
import type { PeerFlow } from '../sip/transport/flow.ts';
import { uriUser } from '../sip/uri.ts';
import type { CallData, LegBirth } from './call-data.ts';
import { type DialogMedia, narrowedCodecs, type Offer, sdpType } from './dialog-media.ts';
import { DialogSession } from './dialog-session.ts';
import { DialogResponseError, StateError } from './errors.ts';
import type { SessionContext } from './session-context.ts';
import type { ClientPart, SessionSnapshot } from './session-snapshot.ts';
import { type LegSignalling, signallingOf } from './signalling.ts';

/** Whom to call: a SIP URI, or a place that is known already, such as a binding of the registrar. */
export type InviteTarget = string | KnownPlace;

export interface KnownPlace {
  readonly uri: string;
  /** Proxies on the way: URIs. */
  readonly route?: readonly string[];
  /** The connection or socket to use; then nothing is looked up. */
  readonly through?: PeerFlow | undefined;
}

export interface InviteOptions {
  /** Credentials for a 401 or 407 of any realm. */
  readonly username?: string;
  readonly password?: string;
  /** Instead, where several servers on the way ask: those of each realm. */
  readonly credentials?: readonly Credentials[];
  /** Our From URI; default made of `userAgent` and our address. */
  readonly from?: string;
  readonly displayName?: string;
  readonly headers?: readonly HeaderField[];
  /**
   * Which headers of the originator's INVITE go on, `X-*` is all that begin so; default Alert-Info, Date, Diversion,
   * History-Info, Identity, Priority, Privacy, Subject and User-to-User.
   */
  readonly passHeaders?: readonly string[];
  /** The target may know who calls: the originator's P-Asserted-Identity goes on (RFC 3325). Default false. */
  readonly trusted?: boolean;
  /** P-Asserted-Identity: a URI, or an address with a name. */
  readonly assertedIdentity?: string;
  /** Privacy (RFC 3323), as `id`: the caller is not to be shown. From is anonymous then, unless `from` is given. */
  readonly privacy?: string;
  /** Who diverted the call, the last first (RFC 5806): URIs, or addresses with parameters. */
  readonly diversion?: readonly string[];
  /** Call as this leg's partner: its From identity, and only its codec is offered. */
  readonly originator?: DialogSession;
  /** Default: as the URI says, else what a look-up of its host gives (RFC 3263 §4.1). */
  readonly transport?: SipTransportName;
  /** A proxy to send everything through: a SIP URI. */
  readonly proxy?: string;
  /** SIP URIs to pass after the proxy, such as a registrar's Service-Route (RFC 3608). */
  readonly route?: readonly string[];
  /** Codec names to offer, in order; default those of `media.codecs`. */
  readonly codecs?: readonly string[];
  /** Default that of `media.srtp`. */
  readonly srtp?: SrtpMode;
  /** Offer ICE. Default: to who is called over WebSocket. */
  readonly ice?: boolean;
  /** Offer our other codecs behind the originator's: for a bridge that may convert. */
  readonly transcode?: boolean;
  /** Leave the offer to the callee, and answer it. */
  readonly lateOffer?: boolean;
  /** `invite` returns at the first response with audio; go on with `waitAnswer` and `ack`. */
  readonly earlyMedia?: boolean;
  readonly onResponse?: (response: SipResponse) => void;
  /** Milliseconds until an unanswered call is cancelled; default none. */
  readonly timeout?: number;
  /** Milliseconds until a server that says nothing, not even 100, is given up for the next; default 32,000. */
  readonly responseTimeout?: number;
  readonly signal?: AbortSignal;
  /** Join this call's record. */
  readonly call?: DialogSession;
}

/** What the house settled for an outgoing leg before it is sent. */
export interface OutgoingLeg {
  readonly sip: Omit<SipInviteOptions, 'body' | 'contentType'>;
  readonly codecs: readonly Codec[] | undefined;
  readonly beside: DialogSession | undefined;
  /** The options of `newDialog` with those of `invite`. */
  readonly options: InviteOptions;
}

/** How long a hang-up waits for the answer to CANCEL; a peer that said nothing gets none for 32 s. */
const cancelMs = 2000;

export class DialogClientSession extends DialogSession {
  readonly callId: string;
  readonly fromUser: string | undefined;
  readonly toUser: string | undefined;
  readonly transport: string;
  readonly #prepare: (options: InviteOptions) => OutgoingLeg;
  #client: InviteClient | undefined;
  #answer: Promise<void> | undefined;
  #early = Promise.withResolvers<void>();
  /** What was settled for good in each early dialog: its 2xx says no more of it. */
  readonly #settled = new Map<Dialog, NegotiatedAudio>();
  /** The answer to an offer in the 2xx. */
  #ackBody: Uint8Array | undefined;

  /** Made by `newDialog` and `invite`, not by users. */
  constructor(
    context: SessionContext,
    data: CallData,
    callId: string,
    prepare: (options: InviteOptions) => OutgoingLeg,
    media: DialogMedia,
    former?: { readonly session: SessionSnapshot; readonly birth: LegBirth; readonly dialog: Dialog },
  ) {
    super(context, data, former?.session);
    this.callId = callId;
    this.#prepare = prepare;
    const { sip } = prepare({});
    this.fromUser = uriUser(sip.from.uri);
    this.toUser = uriUser(sip.uri);
    this.transport = sip.transport ?? 'udp';
    this.useMedia(media);
    if (former) {
      this.#answer = Promise.resolve();
      this.goOn(former.birth, former.dialog);
    } else this.begin({ direction: 'outbound', fromUri: sip.from.uri, toUri: sip.uri, requestUri: sip.uri });
  }

  protected part(): ClientPart {
    const { sip, beside } = this.#prepare({});
    return { kind: 'client', uri: sip.uri, from: addressText(sip.from), madeFor: beside?.id };
  }

  protected get unfinished(): UnfinishedInvite | undefined {
    return this.#client?.unfinished;
  }

  get identity(): NameAddr {
    return this.#prepare({}).sip.from;
  }

  override get signalling(): LegSignalling | undefined {
    return super.signalling ?? (this.#client && signallingOf(this.#client.request));
  }

  /** The URI that is called: of a user, a Contact. */
  get calledUri(): string {
    return this.#prepare({}).sip.uri;
  }

  /** The call that this leg was made for. */
  get madeFor(): DialogSession | undefined {
    return this.#prepare({}).beside;
  }

  /**
   * Sends the INVITE and waits for the answer; with `earlyMedia` only for the first audio.
   * `ack` must follow an answer. `options` add to those of `newDialog`.
   * @throws DialogResponseError (a final response that is no answer), DialogEndedError (hung up
   * here), TandemError ERR_TIMEOUT, or the signal's reason; the call is over then.
   */
  async invite(added: InviteOptions = {}): Promise<'early' | 'answered'> {
    this.signal.throwIfAborted();
    if (this.#answer) throw new StateError(this.callId, 'invite() was called already');
    const leg = this.#prepare(added);
    const { options } = leg;
    options.signal?.throwIfAborted();
    this.#answer = this.#run(leg);
    this.#answer.catch(() => {});
    if (!options.earlyMedia) {
      await this.#answer;
      return 'answered';
    }
    return Promise.race([
      this.#early.promise.then(() => 'early' as const),
      this.#answer.then(() => 'answered' as const),
    ]);
  }

  /** After `invite({ earlyMedia: true })`: resolves with the answer, rejects as `invite` does. */
  async waitAnswer(): Promise<void> {
    if (!this.#answer) throw new StateError(this.callId, 'waitAnswer(): call invite() first');
    await this.#answer;
  }

  /** Sends the ACK: the call is confirmed. */
  async ack(): Promise<void> {
    this.signal.throwIfAborted();
    if (this.state === 'confirmed') return;
    if (!this.dialog || this.state !== 'answered') throw new StateError(this.callId, 'ack(): the call is not answered');
    this.dialog.ack(this.#ackBody ? { contentType: sdpType, body: this.#ackBody } : {});
    this.advance('confirmed');
  }

  /** Gives up a call that was not answered yet. */
  async cancel(options: { readonly headers?: readonly HeaderField[] } = {}): Promise<void> {
    if (this.state === 'answered' || this.state === 'confirmed')
      throw new StateError(this.callId, 'cancel(): answered already, hang up');
    await this.hangup(options);
  }

  /** Lets this leg's early audio flow to `a` and back. Returns how to stop it. */
  bridgeEarly(a: DialogSession, transcode = false): (() => void) | undefined {
    const [ours, theirs] = [this.media.audio, a.media.audio];
    if (!ours || !theirs || !(transcode || sameCodec(ours.codec, theirs.codec))) return undefined;
    const bridge = this.context.media.createBridge({ dtmf: true, transcode });
    bridge.add(this.media.ready);
    bridge.add(a.media.ready);
    return () => bridge.close();
  }

  async #run({ sip, codecs, beside, options }: OutgoingLeg): Promise<void> {
    const { clock, endpoint } = this.context;
    let failure: unknown;
    const giveUp = (error: unknown): void => {
      failure ??= error;
      void this.terminate({ by: error instanceof TandemError && error.code === 'ERR_TIMEOUT' ? 'timeout' : 'local' });
    };
    const onAbort = (): void => giveUp(options.signal?.reason);
    options.signal?.addEventListener('abort', onAbort, { once: true });
    const timer =
      options.timeout === undefined
        ? undefined
        : clock.setTimer(options.timeout, () => giveUp(noAnswer(this.callId, options.timeout as number)), 'no answer');
    try {
      if (options.srtp) this.media.srtp = options.srtp;
      if (options.ice !== undefined) this.media.offersIce = options.ice;
      await this.media.open(beside?.media.leg);
      const offer = options.lateOffer ? undefined : await this.media.offer(codecs ? { codecs } : {});
      this.signal.throwIfAborted();
      const client = endpoint.invite({
        ...sip,
        headers: [...(sip.headers ?? []), ...this.#extensions],
        retry: (refusal) => this.#retryWith(refusal),
        callId: this.callId,
        ...(offer ? { contentType: sdpType, body: offer.body } : {}),
      });
      this.#client = client;
      client.onChange = () => this.noteChange();
      this.noteChange();
      client.onProvisional = (response, early, reliable) => {
        if (this.state === 'ended') return;
        if (early) this.#useEarly(early);
        this.#provisional(response, reliable ? early : undefined, offer, options);
      };
      client.onOffer = (response, early) => this.#answerEarly(response, early, codecs);
      // Without any response the transaction outlives the call by up to 32 s: do not wait for that.
      const { response, dialog, local } = await Promise.race([client.final, this.gone()]);
      this.signal.throwIfAborted();
      options.onResponse?.(response);
      this.signal.throwIfAborted();
      if (!dialog) throw new DialogResponseError(response, local);
      await this.#answered(response, dialog, offer, codecs);
    } catch (error) {
      const cause = failure ?? error;
      if (error instanceof DialogResponseError) {
        this.end({
          by: error.facts.local === true ? 'error' : 'remote',
          status: error.status,
          reason: error.reason,
          method: 'INVITE',
        });
      } else if (this.state !== 'ended') {
        void this.terminate({
          by: 'error',
          ...(error instanceof TandemError && error.status ? { status: error.status } : {}),
        });
      }
      throw cause;
    } finally {
      timer?.cancel();
      options.signal?.removeEventListener('abort', onAbort);
    }
  }

  /** A longer session interval, where the peer wants one (RFC 4028 §7.3). */
  #retryWith(refusal: SipResponse): readonly HeaderField[] | undefined {
    return refusal.status === 422 && this.sessionTimer.raised(refusal) ? this.sessionTimer.headers : undefined;
  }

  /** What we can do and want beside the call itself. */
  get #extensions(): readonly HeaderField[] {
    const required: readonly HeaderField[] = this.context.reliable === 'required' ? [['Require', '100rel']] : [];
    return [...required, ...this.sessionTimer.headers];
  }

  /** UPDATE may come before the answer (RFC 3311 §5.2). */
  #useEarly(dialog: Dialog): void {
    dialog.onRequest = (incoming) => {
      this.heard(incoming);
      const done = this.negotiation.receive(incoming).then(() => {
        const { audio } = this.media;
        if (audio && this.#settled.has(dialog)) this.#settled.set(dialog, audio);
      });
      this.context.background(done);
    };
  }

  /** @param settles the early dialog, if the response is reliable: then its answer is for good */
  #provisional(
    response: SipResponse,
    settles: Dialog | undefined,
    offer: Offer | undefined,
    options: InviteOptions,
  ): void {
    // Without an offer of ours it has none either, unless `onOffer` is told of it (RFC 3261 §13.2.1).
    if (
      offer &&
      response.body.length > 0 &&
      !(settles && this.#settled.has(settles)) &&
      this.#acceptEarly(response, offer)
    )
      this.#heardEarly(settles);
    this.advance('early', response.status);
    options.onResponse?.(response);
  }

  #heardEarly(settles: Dialog | undefined): void {
    const { audio } = this.media;
    if (settles && audio) this.#settled.set(settles, audio);
    this.mediaStarted();
    this.#early.resolve();
  }

  /** Early audio that we cannot read is no reason to lose the call. */
  #acceptEarly(response: SipResponse, offer: Offer): boolean {
    try {
      this.media.accept(response.body, offer);
      return true;
    } catch (error) {
      this.log.info({ error: String(error) }, 'the SDP of a provisional response is not usable');
      return false;
    }
  }

  /** The offer of a callee that was left to make it, in a provisional response: the answer goes into its PRACK. */
  async #answerEarly(
    response: SipResponse,
    dialog: Dialog,
    codecs: readonly Codec[] | undefined,
  ): Promise<{ readonly contentType: string; readonly body: Uint8Array }> {
    this.signal.throwIfAborted();
    try {
      const body = await this.media.answer(response.body, codecs);
      this.#heardEarly(dialog);
      return { contentType: sdpType, body };
    } catch (error) {
      void this.terminate({ by: 'error', status: 488, reason: 'no usable SDP offer' });
      throw error;
    }
  }

  async #answered(
    response: SipResponse,
    dialog: Dialog,
    offer: Offer | undefined,
    codecs: readonly Codec[] | undefined,
  ): Promise<void> {
    this.useDialog(dialog);
    this.sessionTimer.accepted(response);
    const hadMedia = this.media.audio !== undefined;
    const settled = this.#settled.get(dialog);
    this.#settled.clear();
    try {
      if (settled) this.media.use(settled);
      else if (!offer) this.#ackBody = await this.media.answer(response.body, codecs);
      else if (response.body.length > 0 || !hadMedia) this.media.accept(response.body, offer);
    } catch (error) {
      // RFC 3261 §13.2.2.4: an answer that is no use still gets its ACK, then a BYE.
      void this.terminate({ by: 'error', status: 488, reason: 'no usable SDP answer' });
      throw error;
    }
    this.signal.throwIfAborted();
    this.advance('answered');
    if (!hadMedia) this.mediaStarted();
  }

  protected override async farewell(headers: readonly HeaderField[]): Promise<void> {
    // A 2xx that has no ACK yet gets it before the BYE (RFC 3261 §13.2.2.4).
    const dialog = this.dialog ?? (await this.#takeBack(headers));
    await dialog?.bye(headers);
  }

  /** CANCEL. Resolves with the dialog if the answer was there first. */
  async #takeBack(headers: readonly HeaderField[]): Promise<Dialog | undefined> {
    if (!this.#client) return undefined;
    this.#client.cancel(headers);
    const last = await within(this.context.clock, cancelMs, this.#client.final);
    return last?.dialog;
  }
}

function noAnswer(callId: string, timeout: number): TandemError {
  return new TandemError('ERR_TIMEOUT', `no answer within ${timeout} ms`, { status: 408, facts: { callId, timeout } });
}

/** The codecs a leg that is to be bridged with `originator` may offer. @param others to offer behind its own */
export function codecsLike(originator: DialogSession, others: readonly Codec[]): Codec[] | undefined {
  const audio = originator.expectedAudio;
  if (!audio) return undefined;
  const narrowed = narrowedCodecs(audio);
  // A payload type that two of them have is given another for the second when the offer is made.
  const isNew = (codec: Codec): boolean => !narrowed.some((one) => sameCodec(one, codec));
  return [...narrowed, ...others.filter(isNew)];
}

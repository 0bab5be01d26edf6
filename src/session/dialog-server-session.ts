/** An incoming call (diago's DialogServerSession). */
import type { Codec, NegotiatedAudio } from '../../media/index.ts';
import { sameCodec } from '../../media/index.ts';
import { TandemError } from '../base/errors.ts';
import type { Dialog } from '../sip/dialog.ts';
import { writeRequest } from '../sip/dialog-snapshot.ts';
import type { ServerInvite, UnfinishedInvite } from '../sip/endpoint.ts';
import {
  type HeaderField,
  header,
  headerValues,
  type NameAddr,
  noParams,
  type SipRequest,
  tagOf,
} from '../sip/message.ts';
import { parseNameAddrList } from '../sip/name-addr.ts';
import { requires, supports } from '../sip/option-tags.ts';
import { uriUser } from '../sip/uri.ts';
import type { CallData, LegBirth } from './call-data.ts';
import type { DialogClientSession, InviteOptions, InviteTarget } from './dialog-client-session.ts';
import { type DialogMedia, type SrtpMode, sdpType } from './dialog-media.ts';
import { DialogSession } from './dialog-session.ts';
import { EarlyProgress } from './early-progress.ts';
import { type EndCause, StateError } from './errors.ts';
import { callOneOf, type ForkStrategy, targetsOf } from './fork.ts';
import { reasonPhrase } from './reason.ts';
import type { SessionContext } from './session-context.ts';
import type { ServerPart, SessionSnapshot } from './session-snapshot.ts';

export interface ResponseOptions {
  readonly reason?: string;
  readonly headers?: readonly HeaderField[];
}

export interface AnswerOptions extends ResponseOptions {
  /** Take only one of these codecs, whatever else the caller offered. */
  readonly codecs?: readonly Codec[];
}

export interface CallInviteOptions extends InviteOptions {
  /**
   * What the caller gets while the second leg rings: its 18x and early media (`pass`, the default),
   * a ringback tone made here, or nothing.
   */
  readonly early?: 'pass' | 'ringback' | 'none';
  /** For several targets: all at once (default), or one after the other. */
  readonly strategy?: ForkStrategy;
}

/** Who calls, and by which way. */
export interface Arrival {
  /** Whose password the caller has. */
  readonly user?: string | undefined;
  /** Name of the trunk. */
  readonly trunk?: string | undefined;
  /** Of the trunk; default: the house's. */
  readonly srtp?: SrtpMode | undefined;
  /** Whom it is for, where that is not what its Request-URI says. */
  readonly toUser?: string | undefined;
  /** Of the call that it joins; default: it is one of its own. */
  readonly data?: CallData | undefined;
  /** It goes on with a leg of an earlier process. */
  readonly former?:
    | { readonly session: SessionSnapshot; readonly birth: LegBirth; readonly dialog: Dialog }
    | undefined;
}

/** How a server session makes the outgoing legs of its call. */
export type InviteLeg = (target: InviteTarget, options: InviteOptions, a: DialogServerSession) => DialogClientSession;

export class DialogServerSession extends DialogSession {
  readonly callId: string;
  readonly fromUser: string | undefined;
  readonly toUser: string | undefined;
  readonly transport: string;
  /** Who calls, where that was proved by a password (`auth`). */
  readonly user: string | undefined;
  /** The trunk that the call came through. */
  readonly trunk: string | undefined;
  readonly #invite: ServerInvite;
  readonly #inviteLeg: InviteLeg;
  readonly #legs = new Set<DialogClientSession>();
  readonly #acked = Promise.withResolvers<SipRequest>();
  #localAnswer: Uint8Array | undefined;
  /** Offer and answer are through before the 2xx, which has no SDP then (RFC 3262 §5). */
  #isSettled = false;
  #finalSent = false;
  /** The INVITE as text, once it was asked for. */
  #written: Uint8Array | undefined;

  /** Made by `serve`, not by users. */
  constructor(
    context: SessionContext,
    invite: ServerInvite,
    media: DialogMedia,
    inviteLeg: InviteLeg,
    { user, trunk, toUser, data, former }: Arrival = {},
  ) {
    const { callId, from } = invite.request.headers;
    super(context, data ?? context.callData(callId, tagOf(from)), former?.session);
    this.user = user;
    this.trunk = trunk;
    this.#invite = invite;
    this.#inviteLeg = inviteLeg;
    const { headers, uri } = invite.request;
    this.callId = headers.callId;
    this.fromUser = uriUser(headers.from.uri);
    this.toUser = toUser ?? uriUser(uri) ?? uriUser(headers.to.uri);
    this.transport = invite.flow.transport;
    this.#acked.promise.catch(() => {});
    this.useMedia(media);
    invite.onCancel = (request, status) => this.#cancelled(request, status);
    invite.onAck = (ack) => {
      // At once: what the peer sends right behind its ACK may be here already.
      this.advance('confirmed');
      this.#acked.resolve(ack);
    };
    invite.onAckTimeout = () => void this.terminate({ by: 'timeout', reason: 'no ACK', status: 408 });
    if (former) {
      this.#finalSent = true;
      this.goOn(former.birth, former.dialog);
      return;
    }
    this.useDialog(invite.dialog);
    this.begin({ direction: 'inbound', fromUri: headers.from.uri, toUri: headers.to.uri, requestUri: uri });
  }

  protected part(): ServerPart {
    this.#written ??= writeRequest(this.#invite.request);
    return { kind: 'server', user: this.user, trunk: this.trunk, invite: this.#written };
  }

  protected get unfinished(): UnfinishedInvite | undefined {
    return this.#finalSent ? undefined : this.#invite.unfinished;
  }

  /** The legs that `invite` made and that are not over. */
  get legs(): readonly DialogClientSession[] {
    return [...this.#legs];
  }

  /** A leg that an earlier process made for this call. */
  adoptLeg(leg: DialogClientSession): void {
    this.#legs.add(leg);
    void leg.ended.then(() => this.#legs.delete(leg));
  }

  /** The INVITE, for headers that have no accessor here. */
  override get inviteRequest(): SipRequest {
    return this.#invite.request;
  }

  get identity(): NameAddr {
    if (!this.dialog || this.dialog.callId === this.callId) return this.#invite.request.headers.from;
    return { displayName: undefined, uri: this.dialog.remoteUri, params: noParams };
  }

  override get maxForwards(): number | undefined {
    const left = this.#invite.request.headers.maxForwards;
    return left === undefined ? undefined : Math.max(0, left - 1);
  }

  /** The first value of a header of the INVITE. */
  header(name: string): string | undefined {
    return header(this.#invite.request, name);
  }

  /**
   * Who calls, as the peer's network asserts it (RFC 3325). To be believed of a peer that is trusted to know: anybody
   * can write it.
   */
  get assertedIdentity(): NameAddr | undefined {
    return this.#addresses('p-asserted-identity')[0];
  }

  /** Who diverted the call on its way here, the last first (RFC 5806). */
  get diversion(): readonly NameAddr[] {
    return this.#addresses('diversion');
  }

  /** What the caller wants not to be shown, as `id` (RFC 3323); lower case. */
  get privacy(): readonly string[] {
    const values = headerValues(this.#invite.request, 'privacy').flatMap((value) => value.split(';'));
    return values.map((value) => value.trim().toLowerCase()).filter((value) => value !== '');
  }

  #addresses(name: string): readonly NameAddr[] {
    return headerValues(this.#invite.request, name).flatMap((value) => {
      const list = parseNameAddrList(value);
      return list.ok ? list.value : [];
    });
  }

  // ---- provisional responses

  /** 100; the house sends it by itself when nothing else was said for 200 ms. */
  async trying(): Promise<void> {
    this.#provisional(100, {});
  }

  /** 180 Ringing. */
  async ringing(options: ResponseOptions = {}): Promise<void> {
    this.#provisional(180, options);
  }

  /** 183 Session Progress without audio. */
  async progress(options: ResponseOptions = {}): Promise<void> {
    this.#provisional(183, options);
  }

  /**
   * 183 with SDP: from here on audio flows although the call is not answered. An INVITE without an offer gets ours, if
   * the caller supports reliable responses, and this resolves when its PRACK has the answer.
   * @throws StateError for an INVITE without an offer of a caller that does not; TandemError ERR_SDP
   */
  async progressMedia(options: AnswerOptions = {}): Promise<void> {
    this.#mustBeUnanswered('progressMedia()');
    const reliable = this.#isReliable(true);
    if (this.#isSettled) this.#invite.provisional(183, { ...options, reliable });
    else if (this.hasOffer || !reliable) await this.#answerEarly(options, reliable);
    else await this.#offerEarly(options);
    this.advance('early', 183);
    this.mediaStarted();
  }

  async #answerEarly(options: AnswerOptions, reliable: boolean): Promise<void> {
    const body = await this.#answerOffer(options.codecs);
    this.#mustBeUnanswered('progressMedia()');
    this.#invite.provisional(183, { ...options, reliable, contentType: sdpType, body });
    this.#isSettled = reliable;
  }

  async #offerEarly(options: AnswerOptions): Promise<void> {
    const offer = await this.media.offer(options.codecs ? { codecs: options.codecs } : {});
    this.#mustBeUnanswered('progressMedia()');
    const answered = this.negotiation.answerTo(offer);
    this.#invite.provisional(183, { ...options, reliable: true, contentType: sdpType, body: offer.body });
    await Promise.race([answered, this.gone()]);
    this.#isSettled = true;
  }

  /** RFC 3262 §3: a caller that requires it gets nothing else, one that does not know it gets none. */
  #isReliable(withSdp: boolean): boolean {
    const { reliable } = this.context;
    const { request } = this.#invite;
    if (requires(request, '100rel')) return true;
    return supports(request, '100rel') && (reliable === 'required' || (reliable === 'supported' && withSdp));
  }

  // ---- final responses

  /**
   * 200 with SDP; resolves when the caller's ACK is in. An INVITE without an offer is answered by
   * `answerLate`, which this calls then. One that an earlier process answered is answered already.
   * @throws TandemError ERR_SDP with status 488 when no codec is common, DialogEndedError when the
   * caller is gone meanwhile.
   */
  async answer(options: AnswerOptions = {}): Promise<void> {
    if (this.recovered) return;
    if (this.#isSettled) {
      await this.#accept(undefined, options, false);
      return;
    }
    if (!this.hasOffer) return this.answerLate(options);
    this.#mustBeUnanswered('answer()');
    const body = await this.#answerOffer(options.codecs);
    await this.#accept(body, options);
  }

  /** 200 with our offer (late offer); the answer comes in the ACK. */
  async answerLate(options: AnswerOptions = {}): Promise<void> {
    this.#mustBeUnanswered('answerLate()');
    const offer = await this.media.offer(options.codecs ? { codecs: options.codecs } : {});
    const ack = await this.#accept(offer.body, options, false);
    try {
      this.media.accept(ack.body, offer);
    } catch (error) {
      await this.terminate({ by: 'error', status: 488, reason: 'no usable SDP answer' });
      throw error;
    }
    this.mediaStarted();
  }

  async #accept(body: Uint8Array | undefined, options: AnswerOptions, hasMedia = true): Promise<SipRequest> {
    await Promise.race([this.#invite.acknowledged(), this.gone()]);
    this.#mustBeUnanswered('answer()');
    const headers = [...(options.headers ?? []), ...this.sessionTimer.accept(this.#invite.request)];
    this.#invite.accept({ ...options, headers, ...(body ? { contentType: sdpType, body } : {}) });
    this.#finalSent = true;
    this.advance('answered');
    if (hasMedia) this.mediaStarted();
    return Promise.race([this.#acked.promise, this.gone()]);
  }

  /** A final refusal, 300–699. The call is over then. */
  async reject(status: number, reason?: string, options: ResponseOptions = {}): Promise<void> {
    if (!Number.isInteger(status) || status < 300 || status > 699) {
      throw new TandemError('ERR_ARGUMENT', `reject takes a status from 300 to 699, not ${status}`);
    }
    this.#mustBeUnanswered('reject()');
    this.#refuse(status, { ...options, ...(reason === undefined ? {} : { reason }) });
  }

  /** 302 to another URI. */
  async redirect(uri: string, options: ResponseOptions = {}): Promise<void> {
    await this.reject(302, undefined, { ...options, headers: [...(options.headers ?? []), ['Contact', `<${uri}>`]] });
  }

  #refuse(status: number, options: ResponseOptions): void {
    this.#invite.reject(status, options);
    this.#finalSent = true;
    this.end({ by: 'local', status, ...(options.reason ? { reason: options.reason } : {}) });
  }

  // ---- the other leg

  /**
   * Calls `target` as the second leg of this call, or several to get the first of them that answers: offers just this leg's codec, shows the caller how it
   * rings (`early`), is cancelled when the caller gives up, and is hung up with this call.
   * @returns the answered leg, to bridge.
   * @throws DialogResponseError when it is refused, DialogEndedError when the caller left.
   */
  async invite(
    target: InviteTarget | readonly InviteTarget[],
    options: CallInviteOptions = {},
  ): Promise<DialogClientSession> {
    this.signal.throwIfAborted();
    const { early = 'pass', strategy = 'parallel', ...rest } = options;
    const targets = targetsOf(target);
    if (targets.length === 0) throw new TandemError('ERR_ARGUMENT', 'invite needs somebody to call', { status: 480 });
    // Our own leg comes first: the second is placed beside it, and its first word finds a way to go.
    if (!this.isAnswered) await this.#settleAudio();
    const progress = new EarlyProgress(this, early, options.transcode ?? false);
    const signal = options.signal ? AbortSignal.any([this.signal, options.signal]) : this.signal;
    const make = (one: InviteTarget): DialogClientSession => {
      const leg: DialogClientSession = this.#inviteLeg(
        one,
        {
          ...rest,
          earlyMedia: false,
          signal,
          onResponse: (response) => {
            options.onResponse?.(response);
            progress.heard(leg, response);
          },
        },
        this,
      );
      this.adoptLeg(leg);
      return leg;
    };
    try {
      const { background } = this.context;
      return await callOneOf({ targets, strategy, options: { signal }, make, background });
    } finally {
      await progress.close();
    }
  }

  /** The codec this call has, or would get if it were answered now. */
  override get expectedAudio(): NegotiatedAudio | undefined {
    const { body } = this.#invite.request;
    // A leg whose place somebody took has no audio any more.
    if (!this.hasMedia) return undefined;
    return this.media.audio ?? (body.length > 0 ? this.media.preview(body) : undefined);
  }

  // ---- for the house

  /** False: the INVITE asks for an offer of ours. */
  get hasOffer(): boolean {
    return this.#invite.request.body.length > 0;
  }

  /** Whether the call could be answered in this codec: it has it already, or its offer has it. */
  couldSpeak(codec: Codec): boolean {
    const settled = this.media.audio?.codec;
    if (settled) return sameCodec(settled, codec);
    const { body } = this.#invite.request;
    return body.length === 0 || this.media.preview(body, [codec]) !== undefined;
  }

  /** What the outcome of a handler does to a call that has no final response yet. */
  get isAnswered(): boolean {
    return this.state === 'answered' || this.state === 'confirmed';
  }

  /** Settles the audio as the answer will, without sending it. A late offer has to be answered for that. */
  async prepareAnswer(codecs?: readonly Codec[]): Promise<void> {
    this.#mustBeUnanswered('prepareAnswer()');
    if (this.hasOffer) await this.#answerOffer(codecs);
    else if (!this.#isSettled) await this.answerLate(codecs ? { codecs } : {});
  }

  /** Hangs up the legs that `invite` made: they belong to this call's scope. */
  async closeLegs(): Promise<void> {
    await Promise.all([...this.#legs].map((leg) => leg.close()));
  }

  protected override end(cause: EndCause, over?: Promise<void>): void {
    super.end(cause, this.isAnswered ? over : this.#invite.whenSettled());
  }

  protected override async farewell(
    headers: readonly HeaderField[],
    { status = 480, reason }: EndCause,
  ): Promise<void> {
    if (!this.#finalSent) {
      this.#finalSent = true;
      const isRefusal = status >= 400;
      this.#invite.reject(isRefusal ? status : 480, {
        headers,
        ...(isRefusal && reason ? { reason: reasonPhrase(reason) } : {}),
      });
      return;
    }
    await this.dialog?.bye(headers);
  }

  /** Over before its answer: by CANCEL, by an early BYE, or (undefined) because somebody was silent for too long. */
  #cancelled(request: SipRequest | undefined, status: number): void {
    this.#finalSent = true;
    if (!request) {
      this.end({ by: 'timeout', status });
      return;
    }
    const reason = header(request, 'reason');
    this.end({ by: 'remote', method: request.headers.cseq.method, status: 487, ...(reason ? { reason } : {}) });
  }

  #provisional(status: number, options: ResponseOptions): void {
    if (this.recovered) return;
    this.#mustBeUnanswered(`a ${status} response`);
    this.#invite.provisional(status, { ...options, reliable: status > 100 && this.#isReliable(false) });
    if (status > 100) this.advance('early', status);
  }

  async #answerOffer(codecs: readonly Codec[] | undefined): Promise<Uint8Array> {
    const offer = this.#invite.request.body;
    if (offer.length === 0) throw new StateError(this.callId, 'the INVITE has no offer: early media is not possible');
    this.#localAnswer ??= await this.media.answer(offer, codecs);
    return this.#localAnswer;
  }

  /** As far as it can be settled before the answer: an INVITE without offer gets its ports only. */
  async #settleAudio(): Promise<void> {
    if (this.hasOffer) await this.#answerOffer(undefined);
    else await this.media.open();
    this.signal.throwIfAborted();
  }

  #mustBeUnanswered(what: string): void {
    this.signal.throwIfAborted();
    if (this.#finalSent) throw new StateError(this.callId, `${what}: the call has its final response already`);
  }
}

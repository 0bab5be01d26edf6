/**
 * One SIP dialog with its audio: what both kinds of session have in common. How a call comes about
 * and is refused is in `dialog-server-session.ts` and `dialog-client-session.ts`.
 */
import type {
  AudioReader,
  AudioWriter,
  Codec,
  Direction,
  LegStats,
  Media,
  MediaLeg,
  NegotiatedAudio,
  PlaybackHandle,
  PlaySource,
  RecordOptions,
  RecordTarget,
  Tone,
} from '../../media/index.ts';
import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Observer } from '../base/events.ts';
import type { Logger } from '../base/log.ts';
import { type Random, token } from '../base/random.ts';
import { checkHeaders } from '../sip/check-headers.ts';
import type { Dialog } from '../sip/dialog.ts';
import type { IncomingRequest, SipEndpoint } from '../sip/endpoint.ts';
import { type HeaderField, header, type NameAddr, type SipRequest, type SipResponse } from '../sip/message.ts';
import type { Replaces } from '../sip/replaces.ts';
import type { CallData, CallDataFactory, CallFlags, CallProfiles } from './call-data.ts';
import { type DialogMedia, type HeldBy, sdpType } from './dialog-media.ts';
import { DialogEndedError, DialogResponseError, type EndCause, StateError } from './errors.ts';
import type { TandemEvents } from './events.ts';
import type { GatherOptions, GatherResult } from './gather.ts';
import { type DtmfMode, DtmfWay, InfoDigits } from './info-dtmf.ts';
import { type DtmfDigit, Keypad } from './keypad.ts';
import { IncomingMessage, type MessageOptions, messageContent } from './messages.ts';
import { Negotiation, type OfferMethod } from './negotiation.ts';
import { Playback, PlaybackControl, type PlayType, Ringtone } from './playback.ts';
import { reasonValue } from './reason.ts';
import { Recording } from './recording.ts';
import { IncomingRefer, type ReferHandler, readRefer, type TransferOptions } from './refer-in.ts';
import { type ReferOutcome, ReferralBoard, referTo } from './refer-out.ts';
import { SessionRefresh } from './session-refresh.ts';
import type { SessionTimerSettings } from './session-timer.ts';
import { OpenVacancy, type Vacancy } from './vacancy.ts';

export type SessionState = 'initial' | 'early' | 'answered' | 'confirmed' | 'ended';

/**
 * Which provisional responses ask for a PRACK (RFC 3262): to callers that know it, those with early media
 * (`supported`) or all of them (`required`; our INVITEs require it as well), or none (`off`).
 */
export type ReliableMode = 'supported' | 'required' | 'off';

/** What a session needs of the house around it. */
export interface SessionContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly observer: Observer<TandemEvents>;
  readonly endpoint: SipEndpoint;
  readonly media: Media;
  readonly codecs: readonly Codec[];
  readonly callData: CallDataFactory;
  readonly sessionTimers: SessionTimerSettings;
  readonly reliable: ReliableMode;
  /** Work that goes on behind a returned call; the house waits for it when it closes. */
  background(work: Promise<unknown>): void;
  /** The session is known to the house from now on, until it is over. */
  adopt(session: DialogSession): () => void;
  readonly transfers: Transfers;
  readonly dtmf: DtmfMode;
  /** A MESSAGE came. */
  received(message: IncomingMessage): void;
}

/** What is done with a REFER of a peer. */
export interface Transfers {
  /** Where a session has no `onRefer`. */
  readonly onRefer: ReferHandler;
  execute(session: DialogSession, refer: IncomingRefer, options: TransferOptions): Promise<void>;
  pass(session: DialogSession, refer: IncomingRefer, options: TransferOptions): Promise<void>;
}

export interface HangupOptions {
  /** Text for a Reason header (RFC 3326). */
  readonly reason?: string;
  readonly headers?: readonly HeaderField[];
}

export interface SessionGatherOptions extends GatherOptions {
  /** Played while waiting; the first digit stops it. */
  readonly play?: PlaySource;
  readonly playType?: PlayType;
  readonly signal?: AbortSignal;
}

export interface SessionStats extends LegStats {
  readonly state: SessionState;
  /** Milliseconds since the call was answered. */
  readonly answeredMs: number;
}

export interface SendDtmfOptions {
  readonly via?: 'rfc4733' | 'info' | 'info-dtmf';
  /** Milliseconds of each digit; default 160. */
  readonly durationMs?: number;
  /** Between two, with the audio; default 80. */
  readonly gapMs?: number;
}

export interface HoldOptions {
  /** The peer hears nothing either. */
  readonly inactive?: boolean;
  /** Played to it, again and again, until `unhold`. */
  readonly music?: PlaySource;
}

export interface ReInviteOptions {
  readonly codecs?: readonly Codec[];
  readonly direction?: Direction;
  /** By which request; default INVITE. UPDATE (RFC 3311) works before the answer as well. */
  readonly method?: OfferMethod;
}

export interface ReferOptions {
  /** More of the REFER; a `Referred-By` replaces ours. */
  readonly headers?: readonly HeaderField[];
  /** The call that is replaced at the target: an attended transfer (RFC 3891). */
  readonly replaces?: DialogSession | Replaces;
  /** Milliseconds until the outcome has to be known; default 120,000. */
  readonly timeout?: number;
  /** Hears each report of the peer. */
  readonly onNotify?: (progress: ReferOutcome) => void;
  readonly signal?: AbortSignal;
}

/** How long a peer may take to tell how a transfer went, ms. */
const referMs = 120_000;

/** What a leg asks of the bridge that it is in. */
export interface BridgeMembership {
  readonly transcodes: boolean;
  partnerOf(session: DialogSession): DialogSession | undefined;
  /** See `Bridge`. */
  admit(session: DialogSession, next: DialogSession): Promise<void>;
  relink(): void;
  remove(session: DialogSession): void;
  /** @param byInfo it came by INFO, not with the audio */
  pressed(session: DialogSession, digit: string, byInfo: boolean): void;
  /**
   * The peer of `session` wants `next`. Resolves with the direction that the other leg allows, if that counts. Throws
   * when the other leg cannot follow.
   */
  changing(session: DialogSession, next: NegotiatedAudio): Promise<Direction | undefined>;
}

export abstract class DialogSession {
  readonly id: string;
  abstract readonly callId: string;
  abstract readonly fromUser: string | undefined;
  abstract readonly toUser: string | undefined;
  /** `udp` or `tcp`. */
  abstract readonly transport: string;
  /** What scripts hang on the call, shared by its legs. */
  readonly data: CallData;
  readonly ended: Promise<EndCause>;
  /** The bridge that this leg is in. Kept by `Bridge`. */
  bridge: BridgeMembership | undefined;
  /** What a REFER of the peer leads to; default as the option `transfer` says. */
  onRefer: ReferHandler | undefined;

  protected readonly context: SessionContext;
  protected dialog: Dialog | undefined;
  protected readonly sessionTimer: SessionRefresh;
  #state: SessionState = 'initial';
  #media: DialogMedia | undefined;
  protected readonly negotiation: Negotiation;
  readonly #abort = new AbortController();
  readonly #resolveEnded: (cause: EndCause) => void;
  readonly #leave: (() => void)[] = [];
  #answeredAt: number | undefined;
  #hanging: Promise<void> | undefined;
  readonly #keypad: Keypad;
  readonly #referrals: ReferralBoard;
  /** A REFER of the peer that is being done. */
  #refer: IncomingRefer | undefined;
  #vacancy: OpenVacancy | undefined;
  #dtmfWay: DtmfWay;
  readonly #infoDigits: InfoDigits;
  #earlyBridge: (() => void) | undefined;
  #wasHeld: HeldBy | undefined;
  #holdMusic: PlaybackHandle | undefined;

  protected constructor(context: SessionContext, data: CallData) {
    this.context = context;
    this.#keypad = new Keypad(context.clock);
    this.#referrals = new ReferralBoard(context.clock);
    this.#infoDigits = new InfoDigits(
      (content) => this.request('INFO', content),
      (digit) => this.#pressed(digit, 'info'),
    );
    this.#dtmfWay = new DtmfWay(context.dtmf);
    this.id = token(context.random, 8);
    this.data = data;
    const { promise, resolve } = Promise.withResolvers<EndCause>();
    this.ended = promise;
    this.#resolveEnded = resolve;
    this.sessionTimer = new SessionRefresh(context.clock, context.sessionTimers, {
      refresh: () => this.negotiation.refresh(() => this.#dialogFor('INVITE')),
      expired: () => void this.terminate({ by: 'timeout', status: 408, reason: 'session expired' }),
    });
    this.negotiation = new Negotiation(context, {
      signal: this.signal,
      timer: this.sessionTimer,
      media: () => this.media,
      log: () => this.log,
      gone: () => this.gone(),
      changing: async (next) => this.bridge?.changing(this, next),
      unusable: () => void this.terminate({ by: 'error', status: 488, reason: 'no usable SDP answer' }),
    });
  }

  get state(): SessionState {
    return this.#state;
  }

  /** Aborted when the call ends; its reason is a `DialogEndedError`. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get variables(): Map<string, string> {
    return this.data.variables;
  }

  get profiles(): CallProfiles {
    return this.data.profiles;
  }

  get flags(): CallFlags {
    return this.data.flags;
  }

  /** The audio side: what was negotiated, and the leg. */
  get media(): DialogMedia {
    if (!this.#media) throw new StateError(this.callId, 'the call has no media yet');
    return this.#media;
  }

  /** Whom this call comes from, for a leg that is made on its behalf. */
  abstract readonly identity: NameAddr | undefined;

  /** The peer's URI: of From or To, as it called or was called. */
  get remoteUri(): string | undefined {
    return this.dialog?.remoteUri;
  }

  /** Where requests to the peer go: its Contact. */
  get remoteTarget(): string | undefined {
    return this.dialog?.remoteTarget;
  }

  /** The INVITE of a peer that began it. */
  get inviteRequest(): SipRequest | undefined {
    return undefined;
  }

  /** What a leg made on this call's behalf may still be forwarded (RFC 3261 §8.1.1.6); undefined: the default. */
  get maxForwards(): number | undefined {
    return undefined;
  }

  /** Who holds: `local` after `hold()`, `remote` when the peer did it, in whichever form. */
  get held(): HeldBy | undefined {
    return this.#media?.held;
  }

  /** What was negotiated, or would be if the call were answered now. */
  get expectedAudio(): NegotiatedAudio | undefined {
    return this.#media?.audio;
  }

  /** Ends the call after so many seconds from now; 0 takes the limit away. */
  setTimeout(seconds: number): void {
    this.data.setTimeout(seconds);
  }

  /** Whether registry and other side systems follow this call. */
  track(on: boolean): void {
    this.data.tracked = on;
  }

  // ---- ending

  /**
   * Ends the call in the way its state asks for: a final response, CANCEL or BYE. Idempotent.
   * @throws TandemError ERR_HEADER, ERR_HEADER_INJECTION for headers that cannot be sent; the call goes on then.
   */
  hangup(options: HangupOptions = {}): Promise<void> {
    const reason = options.reason === undefined ? {} : { reason: options.reason };
    return this.terminate({ by: 'local', ...reason }, options);
  }

  /** As `hangup`, with the cause that `ended` is to give. */
  terminate(cause: EndCause, options: HangupOptions = {}): Promise<void> {
    if (this.#state === 'ended') return this.#hanging ?? Promise.resolve();
    const headers = [...(options.headers ?? [])];
    try {
      checkHeaders(headers);
    } catch (error) {
      return Promise.reject(error);
    }
    if (cause.reason) headers.push(['Reason', reasonValue(cause.status ?? 200, cause.reason)]);
    const farewell = this.farewell(headers);
    this.#hanging = farewell;
    this.end(cause);
    return farewell;
  }

  /** Hangs up if need be and resolves when ports and everything else are free again. */
  async close(): Promise<void> {
    await this.hangup();
    await this.#media?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close().catch((error: unknown) => this.log.warn({ error: messageOf(error) }, 'close failed'));
  }

  /** Tells the peer that it is over, in the way the state asks for. */
  protected abstract farewell(headers: readonly HeaderField[]): Promise<void>;

  // ---- audio

  /** For what begins now. Throws DialogEndedError: a handler that plays on and on must end with its call. */
  get #leg(): MediaLeg {
    this.signal.throwIfAborted();
    return this.media.ready;
  }

  playback(): Playback {
    return new Playback(() => this.#leg);
  }

  playbackControl(): PlaybackControl {
    return new PlaybackControl(() => this.#leg);
  }

  /** @param tone default: European ringback. */
  ringtone(tone?: Tone): Ringtone {
    return new Ringtone(() => this.#leg, tone);
  }

  /** Records from now on. See `Recording`; `target` is a path, a FileHandle or a Writable. */
  recording(target: RecordTarget, options: RecordOptions = {}): Recording {
    return new Recording(this.#leg, target, options);
  }

  /**
   * Sends every payload back as it came, until the call ends or `signal` is aborted. Called before
   * `answer()` it begins with the first packet: `const over = call.echo(); await call.answer(); await over;`
   */
  async echo(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    const stop = options.signal ? AbortSignal.any([this.signal, options.signal]) : this.signal;
    this.media.whenSettled((leg) => {
      if (!stop.aborted) leg.echo(true);
    });
    await aborted(stop);
    if (this.#state !== 'ended') this.media.leg?.echo(false);
  }

  /** Decoded audio from the peer: Int16 mono frames of 20 ms at `sampleRate` (default 8000). */
  audioReader(options: { readonly sampleRate?: number } = {}): AudioReader {
    return this.#leg.reader(options);
  }

  /** Audio to the peer: Int16 mono at `sampleRate` (default 8000). */
  audioWriter(options: { readonly sampleRate?: number } = {}): AudioWriter {
    return this.#leg.writer(options);
  }

  async stats(): Promise<SessionStats> {
    const leg = await this.#leg.stats();
    const answeredMs = this.#answeredAt === undefined ? 0 : Math.round(this.context.clock.now() - this.#answeredAt);
    return { ...leg, state: this.#state, answeredMs };
  }

  // ---- DTMF

  /** Digits as they are pressed. Ends with the call; leaving the loop stops listening. */
  dtmf(): AsyncIterableIterator<DtmfDigit> {
    return this.#keypad.listen();
  }

  /**
   * Sends digits: with the audio (RFC 4733), or by INFO (`application/dtmf-relay`, `application/dtmf`). Resolves when
   * they are out, by INFO when the last was answered.
   * @param options.via default: with the audio where telephone-event was agreed on, else by INFO where the peer takes it
   * @throws TandemError ERR_DTMF_DIGIT, ERR_DTMF_UNAVAILABLE; DialogResponseError when an INFO is refused
   */
  async sendDtmf(digits: string, options: SendDtmfOptions = {}): Promise<void> {
    const { via, ...timing } = options;
    const leg = this.#leg;
    const way = via ?? (!this.media.audio?.telephoneEvent && this.dialog?.allows('INFO') ? 'info' : 'rfc4733');
    if (way === 'rfc4733') {
      await leg.sendDtmf(digits, timing);
      return;
    }
    await this.#infoDigits.send(digits, way, options.durationMs);
  }

  /**
   * Collects digits. What was pressed since the last `gather` counts, so that nobody has to wait for
   * a prompt's end.
   * @throws DialogEndedError when the call ends meanwhile, or the signal's reason.
   */
  gather(options: SessionGatherOptions = {}): Promise<GatherResult> {
    const { play, playType, signal } = options;
    const type = playType === undefined ? {} : { type: playType };
    const stop = signal ? AbortSignal.any([this.signal, signal]) : this.signal;
    return this.#keypad.gather(
      options,
      stop,
      play === undefined ? undefined : (playing) => this.playback().play(play, { ...type, signal: playing }),
    );
  }

  // ---- signalling in the dialog

  /**
   * Puts the peer on hold: it hears what we play, we hear nothing (RFC 3264 §8.4).
   * @throws as `reInvite`
   */
  async hold(options: HoldOptions = {}): Promise<void> {
    const { inactive = false, music } = options;
    await this.reInvite({ direction: inactive ? 'inactive' : 'sendonly' });
    if (music === undefined) return;
    const playing = this.#leg.play(music, 'audio/wav', { loop: true });
    this.#holdMusic = playing;
    playing.done.catch((error: unknown) => this.log.warn({ error: messageOf(error) }, 'no music on hold'));
  }

  /** Takes the peer off hold; the music ends. */
  async unhold(): Promise<void> {
    this.#holdMusic?.stop();
    this.#holdMusic = undefined;
    await this.reInvite({ direction: 'sendrecv' });
  }

  /**
   * Offers the audio again, changed by `options`; one such exchange at a time, in the order asked for. Tries again
   * on glare (491, RFC 3261 §14.1).
   * @throws DialogResponseError when the peer refuses; the old session stays. DialogEndedError
   */
  reInvite(options: ReInviteOptions = {}): Promise<void> {
    const { method = 'INVITE', ...change } = options;
    return this.negotiation.offer(() => this.#dialogFor(method), method, change);
  }

  /** The dialog, if an offer can be made in it now. */
  #dialogFor(method: OfferMethod): Dialog {
    this.signal.throwIfAborted();
    const { dialog } = this;
    if (dialog && (this.#state === 'confirmed' || method === 'UPDATE')) return dialog;
    throw new StateError(this.callId, `reInvite() by ${method} needs ${dialog ? 'a confirmed call' : 'a dialog'}`);
  }

  /**
   * Asks the peer to call somebody else (REFER, RFC 3515) and resolves when it told how that went: with the final
   * status of its call, 2xx or not. The call stays up; hang it up when the transfer went well.
   * @param uri whom; with `replaces` mostly that call's `remoteTarget`
   * @throws DialogResponseError when the peer refuses the REFER; TandemError ERR_TIMEOUT, or ERR_REFER when the peer
   * tells no more before it is decided; DialogEndedError, the signal's reason
   */
  async refer(uri: string, options: ReferOptions = {}): Promise<ReferOutcome> {
    this.signal.throwIfAborted();
    if (!this.dialog || this.#state !== 'confirmed')
      throw new StateError(this.callId, 'refer() needs a confirmed call');
    const { headers = [], timeout = referMs, onNotify, signal, replaces } = options;
    const target = referTo(uri, replaces instanceof DialogSession ? replaces.#asReplaced() : replaces);
    const named = headers.some(([name]) => name.toLowerCase() === 'referred-by');
    const by: readonly HeaderField[] = named ? [] : [['Referred-By', `<${this.dialog.localUri}>`]];
    return this.#referrals.refer(this.dialog, target, { headers: [...by, ...headers], timeout, onNotify, signal });
  }

  /** Sends an instant message in the call (RFC 3428). @throws DialogResponseError when it is not taken */
  async message(
    text: string | Uint8Array,
    options: Pick<MessageOptions, 'contentType' | 'headers'> = {},
  ): Promise<void> {
    const response = await this.request('MESSAGE', messageContent(text, options));
    if (response.status >= 300) throw new DialogResponseError(response);
  }

  /** Its dialog as the peer is to find it: the tag that is ours is the one it came from (RFC 3891 §6.1). */
  #asReplaced(): Replaces {
    if (!this.dialog) throw new StateError(this.callId, 'a call without a dialog cannot be replaced');
    const { callId, localTag, remoteTag = '0' } = this.dialog;
    return { callId, toTag: remoteTag, fromTag: localTag, earlyOnly: false };
  }

  /** Sends a request in the dialog and resolves with its final response, whatever that is. */
  request(
    method: string,
    options: {
      readonly headers?: readonly HeaderField[];
      readonly contentType?: string;
      readonly body?: Uint8Array;
    } = {},
  ): Promise<SipResponse> {
    if (!this.dialog || this.#state === 'ended') {
      return Promise.reject(
        this.signal.reason ?? new StateError(this.callId, `${method} needs a dialog: nothing was answered yet`),
      );
    }
    return this.dialog.request(method.toUpperCase(), options);
  }

  // ---- for the two kinds of session

  protected get log(): Logger {
    return this.context.logger.child({ callId: this.callId, session: this.id });
  }

  protected stamp(): { callId: string; sessionId: string; at: number } {
    return { callId: this.callId, sessionId: this.id, at: this.context.clock.wallclock() };
  }

  /** For a race with what must not outlast the call: rejects with DialogEndedError when it is over. */
  protected async gone(): Promise<never> {
    await this.ended;
    throw this.signal.reason;
  }

  /** To be called once, when identifiers are known: the call exists from now on. */
  protected begin(direction: 'inbound' | 'outbound', fromUri: string, toUri: string): void {
    this.#leave.push(this.context.adopt(this));
    this.#leave.push(this.data.join(() => void this.terminate({ by: 'timeout', reason: 'call duration limit' })));
    this.context.observer.emit('call:created', { ...this.stamp(), direction, fromUri, toUri });
  }

  protected useMedia(media: DialogMedia): void {
    this.#media = media;
    media.onLeg = (leg) => this.#useLeg(leg);
    media.onSettled = () => this.#tellHold();
  }

  #useLeg(leg: MediaLeg): void {
    leg.onDtmf = ({ digit }) => this.#pressed(digit, 'rfc4733');
    leg.onTimeout = ({ silentMs }) => this.context.observer.emit('media:timeout', { ...this.stamp(), silentMs });
    leg.onInterrupted = (error) => {
      this.context.observer.emit('media:failed', { ...this.stamp(), error: error.message, recovering: true });
      this.log.warn({ error: error.message }, 'media interrupted, going on in another thread');
    };
    leg.onFailed = (error) => {
      this.context.observer.emit('media:failed', { ...this.stamp(), error: error.message, recovering: false });
      this.log.error({ error: error.message }, 'media failed, ending the call');
      void this.terminate({ by: 'error', reason: 'media failed' });
    };
  }

  #pressed(digit: string, way: 'rfc4733' | 'info'): void {
    if (!this.#dtmfWay.takes(way)) return;
    this.context.observer.emit('media:dtmf', { ...this.stamp(), digit });
    this.#keypad.press(digit);
    this.bridge?.pressed(this, digit, way === 'info');
  }

  protected useDialog(dialog: Dialog): void {
    this.dialog = dialog;
    dialog.onRequest = (request) => this.#received(request);
    dialog.onEnd = ({ by, request, response }) => {
      const status = response ? { status: response.status } : {};
      const reason = (request && header(request, 'reason')) ?? response?.reason;
      const cause = { by, method: request?.headers.cseq.method ?? 'BYE', ...status, ...(reason ? { reason } : {}) };
      this.#referrals.close(DialogEndedError.withoutStack(this.callId, cause));
      if (!this.#vacancy) {
        this.end(cause);
        return;
      }
      this.sessionTimer.rest();
      this.#vacancy.left(cause);
    };
  }

  // ---- another peer

  /** Whether the session's dialog is the one that Replaces names (RFC 3891 §3). */
  isNamedBy({ callId, toTag, fromTag }: Replaces): boolean {
    const { dialog } = this;
    return dialog?.callId === callId && dialog.localTag === toTag && (dialog.remoteTag ?? '0') === fromTag;
  }

  /**
   * Until `release` or `takeOver` the peer may hang up without ending the call.
   * @param onLeft called then; what it returns is called when somebody took the place, or nobody did
   * @throws StateError (status 491) when the place is promised already
   */
  awaitSuccessor(onLeft: () => (() => void) | undefined): Vacancy {
    this.signal.throwIfAborted();
    if (this.#vacancy) throw new StateError(this.callId, 'the peer is being replaced already', 491);
    const vacancy = new OpenVacancy(onLeft, (cause) => {
      if (this.#vacancy !== vacancy) return;
      this.#vacancy = undefined;
      if (cause) this.end(cause);
    });
    this.#vacancy = vacancy;
    return vacancy;
  }

  /**
   * Goes on with the peer of `other`: its dialog and its audio are this session's from now on, `other` is over without
   * a word to its peer. Bridge, handler, digits and data stay; what is being played or recorded ends.
   * @returns hangs up the peer so far, and resolves when that is done
   * @throws StateError when `other` is not confirmed, DialogEndedError when either is over
   */
  takeOver(other: DialogSession): () => Promise<void> {
    this.signal.throwIfAborted();
    const { dialog, media, leg } = other.#giveUp();
    const [formerDialog, formerMedia] = [this.dialog, this.#media];
    this.#vacancy?.filled();
    this.#vacancy = undefined;
    this.useDialog(dialog);
    this.sessionTimer.takeOver(other.sessionTimer);
    this.#dtmfWay = new DtmfWay(this.context.dtmf);
    this.useMedia(media);
    this.#useLeg(leg);
    this.#tellHold();
    if (this.bridge) {
      this.bridge.relink();
      // Who was on hold for the former peer is not for this one.
      if (media.audio) this.bridge.changing(this, media.audio).catch(() => {});
    }
    this.context.observer.emit('call:replaced', { ...this.stamp(), peer: dialog.remoteUri, peerCallId: dialog.callId });
    if (formerMedia) this.context.background(this.#closeMedia(formerMedia));
    if (!formerDialog) return () => Promise.resolve();
    formerDialog.onEnd = () => {};
    formerDialog.onRequest = (incoming) => incoming.respond(481);
    return () => formerDialog.bye([['Reason', reasonValue(200, 'transferred')]]);
  }

  /** The other half of `takeOver`: all that makes the call, without which it is over. */
  #giveUp(): { readonly dialog: Dialog; readonly media: DialogMedia; readonly leg: MediaLeg } {
    this.signal.throwIfAborted();
    const { dialog } = this;
    const media = this.#media;
    const leg = media?.leg;
    if (!dialog || !media || !leg || this.#state !== 'confirmed')
      throw new StateError(this.callId, 'only a confirmed call can be taken over', 481);
    this.bridge?.remove(this);
    this.dialog = undefined;
    this.#media = undefined;
    this.end({ by: 'local', reason: 'transferred' });
    return { dialog, media, leg };
  }

  protected advance(state: Exclude<SessionState, 'initial' | 'ended'>, status = 200): void {
    if (this.#state === 'ended') return;
    const order: readonly SessionState[] = ['initial', 'early', 'answered', 'confirmed'];
    if (order.indexOf(state) <= order.indexOf(this.#state)) return;
    this.#state = state;
    if (state === 'answered') this.#answeredAt = this.context.clock.now();
    if (state === 'early') this.context.observer.emit('call:early', { ...this.stamp(), status });
    else this.context.observer.emit(`call:${state}`, this.stamp());
  }

  /** Tells the observer who holds now and who does not any more. */
  #tellHold(): void {
    const { held } = this;
    for (const by of ['local', 'remote'] as const) {
      const [before, now] = [this.#wasHeld, held].map((one) => one === by || one === 'both');
      if (before !== now) this.context.observer.emit(now ? 'call:held' : 'call:resumed', { ...this.stamp(), by });
    }
    this.#wasHeld = held;
  }

  protected mediaStarted(): void {
    const codec = this.#media?.audio?.codec.name;
    if (codec) this.context.observer.emit('media:started', { ...this.stamp(), codec });
  }

  /** B's early media flows to A until this leg is bridged for good, or over. */
  setEarlyBridge(close: (() => void) | undefined): void {
    this.#earlyBridge?.();
    this.#earlyBridge = close;
  }

  /** The call is over. Once; everything that waits for the call is let go. */
  protected end(cause: EndCause): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.setEarlyBridge(undefined);
    this.#abort.abort(DialogEndedError.withoutStack(this.callId, cause));
    this.#keypad.close();
    this.#vacancy?.filled();
    this.#vacancy = undefined;
    this.#referrals.close(this.signal.reason);
    this.#refer?.close();
    this.sessionTimer.stop();
    if (this.#media) this.context.background(this.#closeMedia(this.#media));
    this.context.observer.emit('call:ended', { ...this.stamp(), cause });
    for (const leave of this.#leave.splice(0)) leave();
    this.#resolveEnded(cause);
  }

  async #closeMedia(media: DialogMedia): Promise<void> {
    const { observer } = this.context;
    const stats = media.audio && media.leg && observer.has('media:stats') ? media.leg.stats() : undefined;
    const closed = media.close();
    if (stats)
      await stats.then((last) => observer.emit('media:stats', { ...this.stamp(), stats: last })).catch(() => {});
    await closed;
  }

  async #referred(incoming: IncomingRequest): Promise<void> {
    const { dialog } = this;
    const target = readRefer(incoming.request);
    if (!target.ok || !dialog) {
      incoming.respond(target.ok ? 481 : target.error.status, target.ok ? {} : { reason: target.error.reason });
    } else if (this.#refer || (this.#state !== 'confirmed' && this.#state !== 'answered')) {
      incoming.respond(491);
    } else {
      const { transfers, clock } = this.context;
      const refer = new IncomingRefer(clock, dialog, incoming, target.value, {
        execute: (options) => transfers.execute(this, refer, options),
        pass: (options) => transfers.pass(this, refer, options),
      });
      this.#refer = refer;
      await refer.handle(this.onRefer ?? transfers.onRefer);
      this.#refer = undefined;
    }
  }

  #received(incoming: IncomingRequest): void {
    const { method } = incoming.request;
    if (method === 'INVITE' || method === 'UPDATE' || method === 'PRACK') {
      this.context.background(this.negotiation.receive(incoming));
    } else if (method === 'REFER') {
      this.context.background(this.#referred(incoming));
    } else if (method === 'SUBSCRIBE') {
      // What a call is told of comes by REFER alone.
      incoming.respond(489, { headers: [['Allow-Events', 'refer']] });
    } else if (method === 'NOTIFY') {
      this.#referrals.notified(incoming);
    } else if (method === 'MESSAGE') {
      this.context.received(new IncomingMessage(this.context.clock, incoming, this));
    } else if (method === 'INFO') {
      this.#infoDigits.receive(incoming);
    } else if (incoming.request.body.length === 0) {
      incoming.respond(200);
    } else {
      incoming.respond(415, { headers: [['Accept', sdpType]] });
    }
  }
}

/** Resolves when the signal is aborted. */
function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

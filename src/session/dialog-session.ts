/**
 * One SIP dialog with its audio: what both kinds of session have in common. How a call comes about
 * and is refused is in `dialog-server-session.ts` and `dialog-client-session.ts`.
 */
import type { MediaLeg, NegotiatedAudio, PlaySource, RecordingResult } from '../../media/index.ts';
import type { Clock } from '../base/clock.ts';
import { messageOf, TandemError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { token } from '../base/random.ts';
import { checkHeaders } from '../sip/check-headers.ts';
import type { Dialog } from '../sip/dialog.ts';
import type { UnfinishedInvite } from '../sip/endpoint.ts';
import type { IncomingRequest } from '../sip/incoming-request.ts';
import type { HeaderField, NameAddr, SipRequest, SipResponse } from '../sip/message.ts';
import type { BodyOptions, SipTransportName } from '../sip/options.ts';
import { isNamedBy, type Replaces, replacesOf } from '../sip/replaces.ts';
import type { MediaStream } from '../stream/media-stream.ts';
import type { StreamOptions } from '../stream/options.ts';
import { CallAudio } from './call-audio.ts';
import type { CallData, CallFlags, CallProfiles, LegBirth } from './call-data.ts';
import { streamCall } from './call-stream.ts';
import type { DialogMedia, HeldBy } from './dialog-media.ts';
import { DialogRequests } from './dialog-requests.ts';
import { DialogEndedError, DialogResponseError, type EndCause, StateError } from './errors.ts';
import { type Activity, type ActivityFacts, type ActivityName, followed } from './follower.ts';
import { HoldMusic } from './hold-music.ts';
import { MediaWay } from './media-way.ts';
import { type MessageOptions, messageContent } from './messages.ts';
import { Negotiation, type OfferMethod } from './negotiation.ts';
import { askSilent, reachAgain } from './reach-again.ts';
import { causeOf, reasonValue } from './reason.ts';
import type { ReferHandler } from './refer-in.ts';
import { type ReferOutcome, ReferralBoard, referTo } from './refer-out.ts';
import type { BridgeMembership, SessionContext } from './session-context.ts';
import { SessionDigits } from './session-digits.ts';
import { SessionLife } from './session-life.ts';
import { SessionMedia } from './session-media.ts';
import { SessionNews } from './session-news.ts';
import type {
  HangupOptions,
  HoldOptions,
  ReferOptions,
  ReInviteOptions,
  SessionState,
  SessionStats,
} from './session-options.ts';
import { SessionRefresh } from './session-refresh.ts';
import type { SessionSnapshot } from './session-snapshot.ts';
import { type LegSignalling, signallingIn } from './signalling.ts';
import type { StepContext } from './steps.ts';
import type { SttProvider } from './transcribe.ts';
import { type OnLeft, PeerPlace, type Vacancy } from './vacancy.ts';

export abstract class DialogSession extends CallAudio {
  readonly id: string;
  abstract readonly callId: string;
  abstract readonly fromUser: string | undefined;
  abstract readonly toUser: string | undefined;
  /** `udp`, `tcp`, `tls`, `ws` or `wss`. */
  abstract readonly transport: string;
  /** What scripts hang on the call, shared by its legs. */
  readonly data: CallData;
  readonly ended: Promise<EndCause>;
  /** What a REFER of the peer leads to; default as the option `transfer` says. */
  onRefer: ReferHandler | undefined;

  /** An earlier process answered it, and it goes on in this one. */
  readonly recovered: boolean;

  protected readonly context: SessionContext;
  protected dialog: Dialog | undefined;
  protected readonly sessionTimer: SessionRefresh;
  readonly #life: SessionLife;
  protected readonly negotiation: Negotiation;
  readonly #media: SessionMedia;
  readonly #way: MediaWay;
  #bridge: BridgeMembership | undefined;
  readonly #news: SessionNews;
  #hanging: Promise<void> | undefined;
  protected readonly digits: SessionDigits;
  readonly #referrals: ReferralBoard;
  readonly #requests: DialogRequests;
  readonly #place = new PeerPlace((cause) => this.end(cause));
  #earlyBridge: (() => void) | undefined;
  readonly #holdMusic = new HoldMusic((error) => this.log.warn({ error: messageOf(error) }, 'no music on hold'));

  /** @param former what an earlier process said of it, to go on from */
  protected constructor(context: SessionContext, data: CallData, former?: SessionSnapshot) {
    super();
    this.context = context;
    this.#news = new SessionNews(this, context);
    this.#referrals = new ReferralBoard(context.clock);
    this.digits = new SessionDigits(context.clock, context.dtmf, {
      takesInfo: () => this.dialog?.allows('INFO') ?? false,
      info: (content) => this.request('INFO', content),
      pressed: (digit, way) => {
        this.#news.pressed(digit);
        this.bridge?.pressed(this, digit, way);
      },
    });
    this.recovered = former !== undefined;
    this.id = former?.id ?? token(context.random, 8);
    this.data = data;
    this.#life = new SessionLife(context.clock);
    this.ended = this.#life.ended;
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
    this.#way = new MediaWay(context.clock, (cause) => {
      this.log.warn({ reason: cause.reason }, 'the audio of the call is cut off, ending the call');
      void this.terminate(cause);
    });
    this.#media = new SessionMedia(context.observer, {
      stamp: () => this.#news.stamp(),
      settled: (leg, audio) => {
        this.digits.settled(leg, audio);
        this.#way.close();
        this.noteChange();
      },
      pressed: (digit) => this.digits.pressed(digit, 'rfc4733'),
      silent: () => {
        if (context.hangupOnRtpTimeout) void this.terminate({ by: 'timeout', reason: 'no RTP' });
      },
      unheard: (problem) =>
        this.log.warn({ problem }, 'SRTP is not heard or not sent: the key does not fit, or has served its time'),
      way: (state) => this.#way.ice(state),
      shaken: (state, error) => this.#way.dtls(state, error),
      interrupted: (error) => this.log.warn({ error: error.message }, 'media interrupted, going on in another thread'),
      failed: (error) => {
        this.log.error({ error: error.message }, 'media failed, ending the call');
        void this.terminate({ by: 'error', reason: 'media failed' });
      },
    });
    this.#requests = new DialogRequests(this, context, {
      negotiation: this.negotiation,
      referrals: this.#referrals,
      digits: this.digits,
      candidates: (ufrag, candidates) => this.#media.media?.addCandidates(ufrag, candidates),
    });
    if (!former) return;
    for (const path of former.recordedTo) this.noteRecording(path);
    this.#life.restore(former.state, former.answeredAt);
    this.sessionTimer.restore(former.timer);
  }

  /** The bridge that this leg is in. Kept by `Bridge`. */
  get bridge(): BridgeMembership | undefined {
    return this.#bridge;
  }

  set bridge(bridge: BridgeMembership | undefined) {
    this.#bridge = bridge;
    this.noteChange();
  }

  protected get clock(): Clock {
    return this.context.clock;
  }

  protected get stt(): SttProvider | undefined {
    return this.context.stt;
  }

  get state(): SessionState {
    return this.#life.state;
  }

  /** Aborted when the call ends; its reason is a `DialogEndedError`. */
  get signal(): AbortSignal {
    return this.#life.signal;
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

  /**
   * Does `work` once in this call: its result is kept before this resolves (option `recovery`), and when the call goes
   * on in another process it is there at once. One that was cut off is done again, with the same `idempotencyKey`.
   * @param name its own in this call
   * @param work its result is kept as JSON
   * @throws TandemError ERR_STEP_NAME for a name that was used already, ERR_ARGUMENT for a result that JSON cannot hold;
   * what `work` throws: then it is not done
   */
  step<T>(name: string, work: (context: StepContext) => Promise<T> | T): Promise<T> {
    const { steps } = this.data;
    return followed(this.activity('step', { name }), () => steps.run(name, work, this.signal));
  }

  /** The audio side: what was negotiated, and the leg. */
  get media(): DialogMedia {
    const { media } = this.#media;
    if (!media) throw new StateError(this.callId, 'the call has no media yet');
    return media;
  }

  protected get hasMedia(): boolean {
    return this.#media.media !== undefined;
  }

  /** @internal Of its audio, if it has any. */
  get mediaLeg(): MediaLeg | undefined {
    return this.#media.media?.leg;
  }

  /** Whom this call comes from, for a leg that is made on its behalf. */
  abstract readonly identity: NameAddr | undefined;

  /** The peer's URI: of From or To, as it called or was called. */
  get remoteUri(): string | undefined {
    return this.dialog?.remoteUri;
  }

  /** What the two ends of the leg call each other, and where they are; undefined as long as nothing was sent. */
  get signalling(): LegSignalling | undefined {
    return this.dialog && signallingIn(this.dialog);
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
    return this.#media.media?.held;
  }

  /** What was negotiated, or would be if the call were answered now. */
  get expectedAudio(): NegotiatedAudio | undefined {
    return this.#media.media?.audio;
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
    if (this.state === 'ended') return this.#hanging ?? Promise.resolve();
    const headers = [...(options.headers ?? [])];
    try {
      checkHeaders(headers);
    } catch (error) {
      return Promise.reject(error);
    }
    if (cause.reason) headers.push(['Reason', reasonValue(cause.status ?? 200, cause.reason)]);
    const farewell = this.farewell(headers, cause);
    this.#hanging = farewell;
    this.end(cause, farewell);
    return farewell;
  }

  /** Hangs up if need be and resolves when ports and everything else are free again. */
  async close(): Promise<void> {
    await this.hangup();
    await this.#media.media?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close().catch((error: unknown) => this.log.warn({ error: messageOf(error) }, 'close failed'));
  }

  /** Tells the peer that it is over, in the way the state asks for. */
  protected abstract farewell(headers: readonly HeaderField[], cause: EndCause): Promise<void>;

  // ---- audio, beside `CallAudio`

  /**
   * Streams the audio of the call over a WebSocket, both ways, to software that listens and speaks. What it sends is
   * played in place of any other playback. Resolves when the stream has begun; `ended` tells when it is over.
   * @param url `ws:` or `wss:`
   * @throws TandemError ERR_STREAM, ERR_NO_MEDIA, DialogEndedError
   */
  stream(url: string, options: StreamOptions = {}): Promise<MediaStream> {
    return streamCall(this, this.context, this.log, url, options);
  }

  protected override recordingFailed(error: unknown): void {
    const failure = { code: error instanceof TandemError ? error.code : 'ERR_FILE', error: messageOf(error) };
    this.log.warn(failure, 'a recording failed, the call goes on');
    this.#news.recordingFailed(failure.code, failure.error);
  }

  protected override async announce(source: PlaySource, signal: AbortSignal | undefined): Promise<void> {
    const partner = this.#bridge?.partnerOf(this);
    const how = signal ? { signal } : {};
    // Who does not hear the end of it is gone, and is not recorded.
    const other = partner
      ?.playback()
      .play(source, how)
      .catch(() => {});
    await this.playback().play(source, how);
    await other;
  }

  protected override watchKeys(pressed: (digit: string) => void): () => void {
    return this.context.observer.on('media:dtmf', ({ sessionId, digit }) => {
      if (sessionId === this.id || sessionId === this.#bridge?.partnerOf(this)?.id) pressed(digit);
    });
  }

  protected override recordingStarted(path: string): void {
    this.#news.recordingStarted(path);
  }

  protected override recordingEnded(path: string, result: RecordingResult | undefined): void {
    this.#news.recordingEnded(path, result);
  }

  async stats(): Promise<SessionStats> {
    this.signal.throwIfAborted();
    const leg = await this.media.ready.stats();
    const { state, answeredMs } = this.#life;
    return { ...leg, state, answeredMs };
  }

  // ---- signalling in the dialog

  /**
   * Puts the peer on hold: it hears what we play, we hear nothing (RFC 3264 §8.4).
   * @throws as `reInvite`
   */
  hold(options: HoldOptions = {}): Promise<void> {
    const { inactive = false, music } = options;
    const held = this.reInvite({ direction: inactive ? 'inactive' : 'sendonly' });
    if (music === undefined) return held;
    const playing = held.then(() => this.#holdMusic.play(this.media.ready, music));
    // As `reInvite` itself: who does not look at it is not ended by it.
    playing.catch(() => {});
    return playing;
  }

  /** Takes the peer off hold; the music ends. */
  unhold(): Promise<void> {
    this.#holdMusic.stop();
    // A hold that waited for its turn may have begun it meanwhile.
    const resumed = this.reInvite({ direction: 'sendrecv' }).finally(() => this.#holdMusic.stop());
    resumed.catch(() => {});
    return resumed;
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
    if (dialog && (this.state === 'confirmed' || method === 'UPDATE')) return dialog;
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
    const { dialog } = this;
    if (!dialog || this.state !== 'confirmed') throw new StateError(this.callId, 'refer() needs a confirmed call');
    const { replaces, ...how } = options;
    const replaced = replaces instanceof DialogSession ? replaces.#asReplaced() : replaces;
    return followed(
      this.activity('refer', { to: uri, attended: replaced !== undefined }),
      () => this.#referrals.refer(dialog, referTo(uri, replaced), how),
      ({ status }) => ({ status }),
    );
  }

  /** Sends an instant message in the call (RFC 3428). @throws DialogResponseError when it is not taken */
  async message(
    text: string | Uint8Array,
    options: Pick<MessageOptions, 'contentType' | 'headers'> = {},
  ): Promise<void> {
    const response = await this.request('MESSAGE', messageContent(text, options));
    if (response.status >= 300) throw new DialogResponseError(response);
  }

  #asReplaced(): Replaces {
    if (!this.dialog) throw new StateError(this.callId, 'a call without a dialog cannot be replaced');
    return replacesOf(this.dialog);
  }

  /** Sends a request in the dialog and resolves with its final response, whatever that is. */
  request(method: string, options: BodyOptions = {}): Promise<SipResponse> {
    if (!this.dialog || this.state === 'ended') {
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

  /** @internal Tells a follower what the call does from now on; undefined when there is none. */
  activity(name: ActivityName, facts: ActivityFacts): Activity | undefined {
    return this.#news.activity(name, facts);
  }

  /** For a race with what must not outlast the call: rejects with DialogEndedError when it is over. */
  protected gone(): Promise<never> {
    return this.#life.gone();
  }

  /** As plain data, for a process that may have to go on with it. */
  snapshot(): SessionSnapshot {
    const { id, callId, fromUser, toUser, state } = this;
    return {
      ...{ version: 1, id, callId, fromUser, toUser, state },
      transport: this.transport as SipTransportName,
      answeredAt: this.#life.answeredAt,
      dialog: this.dialog?.state === 'early' ? undefined : this.dialog?.snapshot(),
      media: this.#media.media?.snapshot,
      timer: this.sessionTimer.snapshot,
      unfinished: this.unfinished,
      membership: this.#bridge?.describe(this),
      recordedTo: this.recordedTo,
      part: this.part(),
    };
  }

  /** What only this kind of session knows. */
  protected abstract part(): SessionSnapshot['part'];
  /** Its INVITE, while that has no final response. */
  protected abstract readonly unfinished: UnfinishedInvite | undefined;

  /** @internal What its snapshot says is another thing now. */
  noteChange(): void {
    this.#news.changed();
  }

  /** To be called once, of a session that an earlier process began: it goes on from now. */
  protected goOn(birth: LegBirth, dialog: Dialog): void {
    this.useDialog(dialog);
    for (const { done, path } of this.mediaLeg?.recordings ?? []) {
      done.catch((error) => this.recordingFailed(error));
      if (path !== undefined) this.followRecording(path, done);
    }
    this.#news.began(birth, true);
  }

  /**
   * @internal The connection to its peer is gone with the process that had it. The peer opens another one, or is asked
   * by a re-INVITE at its Contact; else the call ends.
   */
  async reachPeer(): Promise<void> {
    await reachAgain({
      clock: this.clock,
      signal: this.signal,
      isReachable: () => this.dialog?.isReachable ?? false,
      refresh: () => this.negotiation.refresh(() => this.#dialogFor('INVITE')),
      failed: (error) => this.log.info({ error: messageOf(error) }, 'the peer of a recovered call is not reached yet'),
      lost: () => this.terminate({ by: 'error', reason: 'the connection to the peer was lost' }),
    });
    await askSilent({
      clock: this.clock,
      signal: this.signal,
      heard: async () => (await this.stats()).received.packets,
      ask: async () => (await this.#dialogFor('INVITE').request('OPTIONS')).status,
      gone: () => this.terminate({ by: 'crash', status: 481, reason: 'the peer knows the call no more' }),
    });
  }

  /** To be called once, when identifiers are known: the call exists from now on. */
  protected begin(birth: LegBirth): void {
    this.#news.began(birth, false);
  }

  protected useMedia(media: DialogMedia): void {
    this.#media.use(media);
  }

  protected mediaStarted(): void {
    this.#media.started();
  }

  protected useDialog(dialog: Dialog): void {
    this.dialog = dialog;
    dialog.onRequest = (incoming) => {
      this.heard(incoming);
      this.#requests.receive(dialog, incoming);
    };
    dialog.onChange = () => this.noteChange();
    dialog.onEnd = (end) => {
      const cause = causeOf(end);
      this.#referrals.close(DialogEndedError.withoutStack(this.callId, cause));
      this.sessionTimer.rest();
      this.#place.left(cause);
    };
  }

  /** The peer asks for something in the dialog. */
  protected heard(incoming: IncomingRequest): void {
    this.#news.heard(incoming);
  }

  // ---- another peer

  /** Whether the session's dialog is the one that Replaces names (RFC 3891 §3). */
  isNamedBy(replaces: Replaces): boolean {
    return this.dialog !== undefined && isNamedBy(this.dialog, replaces);
  }

  /**
   * Until `release` or `takeOver` the peer may hang up without ending the call.
   * @param onLeft called then; what it returns is called when somebody took the place, or nobody did
   * @throws StateError (status 491) when the place is promised already
   */
  awaitSuccessor(onLeft: OnLeft): Vacancy {
    this.signal.throwIfAborted();
    if (this.#place.isPromised) throw new StateError(this.callId, 'the peer is being replaced already', 491);
    return this.#place.promise(onLeft);
  }

  /**
   * Goes on with the peer of `other`: its dialog and its audio are this session's from now on, `other` is over without
   * a word to its peer. Bridge, handler, digits and data stay; what is being played or recorded ends.
   * @returns hangs up the peer so far, and resolves when that is done
   * @throws StateError when `other` is not confirmed, DialogEndedError when either is over
   */
  takeOver(other: DialogSession): () => Promise<void> {
    this.signal.throwIfAborted();
    const { dialog, media } = other.#giveUp();
    const [formerDialog, formerMedia] = [this.dialog, this.#media.media];
    this.#place.filled();
    this.useDialog(dialog);
    this.sessionTimer.takeOver(other.sessionTimer);
    this.digits.useOtherPeer();
    this.#media.use(media);
    if (this.bridge) {
      this.bridge.relink();
      // Who was on hold for the former peer is not for this one.
      if (media.audio) this.bridge.changing(this, media.audio).catch(() => {});
    }
    this.#news.replaced(dialog.remoteUri, dialog.callId);
    if (formerMedia) this.context.background(this.#media.close(formerMedia));
    if (!formerDialog) return () => Promise.resolve();
    formerDialog.onEnd = () => {};
    formerDialog.onRequest = (incoming) => incoming.respond(481);
    return () => formerDialog.bye([['Reason', reasonValue(200, 'transferred')]]);
  }

  /** The other half of `takeOver`: all that makes the call, without which it is over. */
  #giveUp(): { readonly dialog: Dialog; readonly media: DialogMedia } {
    this.signal.throwIfAborted();
    const { dialog } = this;
    const { media } = this.#media;
    if (!dialog || !media?.leg || this.state !== 'confirmed')
      throw new StateError(this.callId, 'only a confirmed call can be taken over', 481);
    this.bridge?.remove(this);
    this.dialog = undefined;
    this.#media.giveUp();
    this.end({ by: 'local', reason: 'transferred' });
    return { dialog, media };
  }

  protected advance(state: Exclude<SessionState, 'initial' | 'ended'>, status = 200): void {
    this.#news.advanced(state, status, this.#life.advance(state));
  }

  /** B's early media flows to A until this leg is bridged for good, or over. */
  setEarlyBridge(close: (() => void) | undefined): void {
    this.#earlyBridge?.();
    this.#earlyBridge = close;
  }

  /**
   * The call is over. Once; everything that waits for the call is let go.
   * @param over resolves when the peer knows it, too
   */
  protected end(cause: EndCause, over: Promise<void> = Promise.resolve()): void {
    if (this.state === 'ended') return;
    this.setEarlyBridge(undefined);
    this.#life.end(this.callId, cause);
    this.digits.close();
    this.#place.filled();
    this.#referrals.close(this.signal.reason);
    this.#requests.close();
    this.sessionTimer.stop();
    this.#way.close();
    const { media } = this.#media;
    if (media) this.context.background(this.#media.close(media));
    this.#news.ended(cause, over);
    this.#life.settle(cause);
  }
}

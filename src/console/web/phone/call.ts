/** One call of the phone: a JsSIP session, what state it is in, and what can be done with it. No page in it. */
import { C, URI } from 'jssip';
import type { EndEvent, RTCSession } from 'jssip/lib/RTCSession';
import type { CallState } from './call-state.ts';
import { Emitter } from './emitter.ts';
import { Recovery, StallWatch } from './recovery.ts';
import { callProblem, type Problem } from './words.ts';

/** What became of the wish to hand the call to another. */
export type TransferState = 'asked' | 'ringing' | 'done' | 'refused';

export interface CallEnd {
  readonly by: 'me' | 'other' | 'network';
  readonly at: number;
  /** Undefined: it simply ended. */
  readonly problem?: Problem;
}

export interface CallEvents {
  /** Something that is shown is another. */
  readonly change: undefined;
  readonly ended: CallEnd;
  readonly notice: string;
}

/** Collecting candidates ends so long after the first one: an unreachable STUN server would delay each call, ms. */
const gatheringLimit = 400;
/** ms */
const lookEvery = 500;
/** Of a tone and the pause after it, ms: what IVRs expect (RFC 4733 §2.5.1.2 asks for 40 at least). */
const tone = { duration: 120, interToneGap: 80 };

let count = 0;

export class PhoneCall extends Emitter<CallEvents> {
  readonly id = `call-${++count}`;
  readonly direction: 'in' | 'out';
  /** `sip:5002@tandem.example` */
  readonly peer: string;
  readonly name: string | undefined;
  readonly startedAt = Date.now();
  answeredAt: number | undefined;
  end: CallEnd | undefined;
  /** Media of the other side comes before the answer: its own ringing, or an announcement. */
  earlyMedia = false;
  /** No audio or no server just now. */
  troubled = false;
  transfer: { readonly to: string; readonly state: TransferState } | undefined;
  /** Plays by itself in an audio element; new ones come with `change`. */
  remote: MediaStream | undefined;
  readonly session: RTCSession;
  readonly #recovery: Recovery;
  readonly #stalls = new StallWatch();
  #stallTimer: ReturnType<typeof setInterval> | undefined;
  #state: CallState;
  #microphone: MediaStream | undefined;
  #endedByNetwork = false;

  /** @param probe finds out whether the server is still reached */
  constructor(session: RTCSession, probe: () => void) {
    super();
    this.session = session;
    this.direction = session.direction === 'incoming' ? 'in' : 'out';
    const { uri, display_name } = session.remote_identity;
    this.peer = uri.toString();
    this.name = display_name || undefined;
    this.#state = this.direction === 'in' ? 'incoming' : 'calling';
    this.#recovery = new Recovery({
      restart: () => this.#restartIce(),
      giveUp: () => this.#lose(),
      probe,
      troubled: (troubled) => {
        this.troubled = troubled && this.#state === 'active';
        this.#changed();
      },
      timer: (ms, callback) => {
        const timer = setTimeout(callback, ms);
        return () => clearTimeout(timer);
      },
    });
    this.#guard();
    this.#listen();
    if (session.connection) this.#watch(session.connection);
  }

  get state(): CallState {
    return this.#state;
  }

  get connection(): RTCPeerConnection | undefined {
    return this.session.connection ?? undefined;
  }

  get microphone(): MediaStream | undefined {
    return this.#microphone;
  }

  get held(): boolean {
    return this.session.isOnHold().local;
  }

  get heldByOther(): boolean {
    return this.session.isOnHold().remote;
  }

  get muted(): boolean {
    return this.session.isMuted().audio === true;
  }

  /** Of an outgoing call: what it speaks with. The call ends its tracks. */
  speakWith(microphone: MediaStream): void {
    this.#microphone = microphone;
    this.#changed();
  }

  answer(microphone: MediaStream, iceServers: RTCIceServer[]): void {
    if (this.#state !== 'incoming') {
      for (const track of microphone.getTracks()) track.stop();
      return;
    }
    this.#microphone = microphone;
    this.#go('connecting');
    this.session.answer({ mediaStream: microphone, pcConfig: { iceServers } });
  }

  /** 486: busy here. */
  reject(): void {
    if (this.#state === 'incoming') this.session.terminate({ status_code: 486, reason_phrase: 'Busy Here' });
  }

  hangup(): void {
    if (this.#state === 'incoming') this.reject();
    else if (!this.session.isEnded()) this.session.terminate();
  }

  /** @returns false where it cannot be just now */
  hold(): boolean {
    return this.session.hold();
  }

  resume(): boolean {
    return this.session.unhold();
  }

  mute(yes: boolean): void {
    if (yes) this.session.mute({ audio: true });
    else this.session.unmute({ audio: true });
    this.#changed();
  }

  /** By RFC 4733 events; by INFO where the other side took no telephone-event. */
  sendDigits(digits: string): void {
    if (this.#state !== 'active') return;
    const events = this.connection?.getSenders().find(({ track }) => track?.kind === 'audio')?.dtmf;
    if (events?.canInsertDTMF) events.insertDTMF(events.toneBuffer + digits, tone.duration, tone.interToneGap);
    else this.session.sendDTMF(digits, { ...tone, transportType: C.DTMF_TRANSPORT.INFO as never });
  }

  /** Blind (RFC 5589 §6). */
  transferTo(address: string): void {
    this.#refer(address, address);
  }

  /** To the one that `other` speaks with (RFC 5589 §7): this call takes the place of `other` there. */
  transferInto(other: PhoneCall): void {
    this.#refer(other.peer, other.peer, other.session);
  }

  /** The same call by another microphone. */
  async replaceMicrophone(microphone: MediaStream): Promise<void> {
    const [track] = microphone.getAudioTracks();
    const sender = this.connection?.getSenders().find((one) => one.track?.kind === 'audio');
    if (!track || !sender) return;
    track.enabled = sender.track?.enabled ?? true;
    await sender.replaceTrack(track);
    for (const old of this.#microphone?.getTracks() ?? []) old.stop();
    this.#microphone = microphone;
    this.#changed();
  }

  /** Whether requests reach the server. A call that is not answered yet cannot outlive its transaction. */
  signalling(up: boolean): void {
    this.#recovery.signalling(up);
    if (up || this.#state === 'active' || this.session.isEnded()) return;
    this.#endedByNetwork = true;
    this.session.terminate();
  }

  networkChanged(): void {
    if (this.#state === 'active') this.#recovery.networkChanged();
  }

  #restartIce(): boolean {
    if (this.#state !== 'active' || !this.session.isReadyToReOffer()) return false;
    return this.session.renegotiate({ rtcOfferConstraints: { iceRestart: true } });
  }

  #lose(): void {
    this.#endedByNetwork = true;
    if (!this.session.isEnded()) this.session.terminate();
  }

  /**
   * JsSIP ends a call whose transport or ICE failed, or whose re-INVITE was refused. This one stays: `Recovery` brings it
   * back, or ends it when its time is over.
   */
  #guard(): void {
    const { session } = this;
    const terminate = session.terminate.bind(session);
    const { causes } = C;
    session.terminate = (options = {}) => {
      const cause = options.cause as string | undefined;
      if (this.#state === 'active' && !this.#endedByNetwork) {
        const [unreachable, refused] = [[causes.CONNECTION_ERROR, causes.RTP_TIMEOUT], [causes.WEBRTC_ERROR]];
        if (unreachable.includes(cause as never)) return;
        if (refused.includes(cause as never)) {
          if (!this.troubled)
            this.emit('notice', `${options.reason_phrase ?? 'A change of the call'}: the call goes on.`);
          return;
        }
        if (cause === causes.REQUEST_TIMEOUT && this.troubled) return;
      }
      terminate(options);
    };
  }

  #listen(): void {
    const { session } = this;
    session.on('peerconnection', ({ peerconnection }) => this.#watch(peerconnection));
    let waiting = false;
    session.on('icecandidate', ({ ready }) => {
      if (waiting) return;
      waiting = true;
      setTimeout(() => {
        waiting = false;
        ready();
      }, gatheringLimit);
    });
    session.on('progress', () => {
      if (this.direction === 'out') this.#go('ringing');
    });
    session.on('accepted', () => {
      this.answeredAt ??= Date.now();
      this.#go('active');
    });
    session.on('confirmed', () => this.#go('active'));
    for (const name of ['hold', 'unhold', 'muted', 'unmuted'] as const) session.on(name, () => this.#changed());
    session.on('replaces', ({ accept }) => void accept());
    session.on('refer', ({ reject }: { reject: () => void }) => reject());
    session.on('ended', (event) => this.#over(event));
    session.on('failed', (event) => this.#over(event));
  }

  #watch(connection: RTCPeerConnection): void {
    connection.addEventListener('iceconnectionstatechange', () => {
      if (this.#state !== 'ended') this.#recovery.ice(connection.iceConnectionState);
    });
    connection.addEventListener('track', ({ streams, track }) => {
      this.remote = streams[0] ?? new MediaStream([track]);
      this.earlyMedia = this.#state === 'ringing' || this.#state === 'calling';
      this.#changed();
    });
    this.#stallTimer = setInterval(() => void this.#lookForStall(connection), lookEvery);
  }

  async #lookForStall(connection: RTCPeerConnection): Promise<void> {
    if (this.#state !== 'active') return;
    const reports = await connection.getStats().catch(() => undefined);
    reports?.forEach((report: { readonly type: string; readonly packetsReceived?: number }) => {
      if (report.type === 'transport')
        this.#recovery.media(this.#stalls.look(report.packetsReceived ?? 0, performance.now()));
    });
  }

  #refer(target: string, shown: string, replaces?: RTCSession): void {
    const say = (state: TransferState): void => {
      this.transfer = { to: shown, state };
      this.#changed();
    };
    const failed = (): void => say('refused');
    this.session.refer(replaces ? withReplaces(target, replaces) : target, {
      eventHandlers: {
        requestFailed: failed,
        failed,
        trying: () => say('asked'),
        progress: () => say('ringing'),
        accepted: () => {
          say('done');
          if (!this.session.isEnded()) this.session.terminate();
        },
      },
    });
    say('asked');
  }

  #over({ originator, message, cause }: EndEvent): void {
    if (this.#state === 'ended') return;
    const status = message && 'status_code' in message ? message.status_code : undefined;
    const by = this.#endedByNetwork ? 'network' : String(originator) === 'remote' ? 'other' : 'me';
    this.#recovery.close();
    clearInterval(this.#stallTimer);
    for (const track of this.#microphone?.getTracks() ?? []) track.stop();
    const problem = this.#problem(by, status, cause);
    this.end = { by, at: Date.now(), ...(problem && { problem }) };
    this.#go('ended');
    this.emit('ended', this.end);
  }

  #problem(by: CallEnd['by'], status: number | undefined, cause: string): Problem | undefined {
    if (by === 'network' || cause === C.causes.CONNECTION_ERROR)
      return { title: 'Connection lost', advice: 'The network was gone for too long. Please call again.' };
    if (this.direction === 'out' && this.answeredAt === undefined && status !== undefined && status >= 300)
      return callProblem(status);
    if (cause === C.causes.REQUEST_TIMEOUT) return callProblem(408);
    if (cause === C.causes.DIALOG_ERROR) return callProblem(481);
    if (cause === C.causes.WEBRTC_ERROR || cause === C.causes.BAD_MEDIA_DESCRIPTION) return callProblem(488);
    return undefined;
  }

  #go(state: CallState): void {
    if (this.#state === 'ended') return;
    // A late 18x says nothing new.
    if (state === 'ringing' && this.#state !== 'calling' && this.#state !== 'ringing') return;
    this.#state = state;
    this.#changed();
  }

  #changed(): void {
    this.emit('change', undefined);
  }
}

/**
 * The Refer-To of an attended transfer (RFC 3891 §3): tags as the one who gets the Replaces has them. JsSIP's own has them
 * the wrong way round for a call that came in.
 */
function withReplaces(target: string, { _dialog }: { _dialog?: { id: DialogId } } & object): URI {
  const uri = URI.parse(target) as unknown as URI;
  if (!_dialog) throw new TypeError('that call is not answered yet');
  const { call_id, local_tag, remote_tag } = _dialog.id;
  uri.setHeader('Replaces', encodeURIComponent(`${call_id};to-tag=${remote_tag};from-tag=${local_tag}`));
  return uri;
}

interface DialogId {
  readonly call_id: string;
  readonly local_tag: string;
  readonly remote_tag: string;
}

/** The phone behind the page: registration, calls, and what happens when the network goes. No page in it. */
import { UA } from 'jssip';
import type { RTCSession } from 'jssip/lib/RTCSession';
import type { IncomingRTCSessionEvent, RTCSessionEvent } from 'jssip/lib/UA';
import type { PhoneConfig } from '../../protocol.ts';
import { type CallEnd, PhoneCall } from './call.ts';
import { Emitter } from './emitter.ts';
import { iceServersOf } from './phone-config.ts';
import { forbidden, SipSocket } from './sip-socket.ts';
import { forbiddenProblem, type Problem, registrationProblem } from './words.ts';

export interface Account {
  readonly user: string;
  readonly password: string;
  /** `wss://host:8443/ws` */
  readonly server: string;
}

export type Registration =
  | { readonly state: 'off' }
  | { readonly state: 'registering'; readonly user: string }
  | { readonly state: 'registered'; readonly user: string }
  /** Was registered; is tried again and again. */
  | { readonly state: 'lost'; readonly user: string }
  | { readonly state: 'failed'; readonly user: string; readonly problem: Problem };

export interface AgentEvents {
  readonly registration: Registration;
  /** A call came, went or is another than before. */
  readonly calls: undefined;
  readonly incoming: PhoneCall;
  readonly ended: { readonly call: PhoneCall; readonly end: CallEnd };
  readonly notice: string;
}

interface Replaces {
  readonly call_id: string;
}

/** Seconds between attempts to connect again. */
const recoveryInterval = { min: 1, max: 3 };
/** ms */
const firstAttempt = 150;
/** One call and one that is asked about it, and one that knocks. */
const mostCalls = 3;

export class Agent extends Emitter<AgentEvents> {
  readonly #config: PhoneConfig;
  #iceServers: PhoneConfig['iceServers'];
  #registration: Registration = { state: 'off' };
  #ua: UA | undefined;
  #socket: SipSocket | undefined;
  #calls: readonly PhoneCall[] = [];
  #everRegistered = false;
  #nextIsMine: ((call: PhoneCall) => void) | undefined;

  constructor(config: PhoneConfig) {
    super();
    this.#config = config;
    this.#iceServers = config.iceServers;
  }

  get registration(): Registration {
    return this.#registration;
  }

  get calls(): readonly PhoneCall[] {
    return this.#calls;
  }

  get domain(): string {
    return this.#config.domain;
  }

  /** Mutable, as RTCConfiguration has it. */
  get iceServers(): RTCIceServer[] {
    return this.#iceServers.map(({ urls, ...rest }) => ({ ...rest, urls: [...urls] }));
  }

  register({ user, password, server }: Account): void {
    this.unregister();
    this.#everRegistered = false;
    this.#say({ state: 'registering', user });
    let ua: UA;
    try {
      this.#socket = new SipSocket(server, (message) => {
        this.#iceServers = iceServersOf(message) ?? this.#iceServers;
      });
      ua = new UA({
        sockets: [this.#socket],
        uri: `sip:${encodeURIComponent(user)}@${this.#config.domain}`,
        authorization_user: user,
        password,
        register: true,
        register_expires: 300,
        session_timers: true,
        connection_recovery_min_interval: recoveryInterval.min,
        connection_recovery_max_interval: recoveryInterval.max,
        user_agent: 'Tandem phone',
      });
    } catch {
      this.#fail({
        title: 'The server address is wrong',
        advice: 'It begins with wss:// or ws://, then host and port.',
      });
      return;
    }
    this.#ua = ua;
    ua.on('disconnected', ({ reason }) => this.#disconnected(ua, reason));
    ua.on('registered', () => this.#registered(ua));
    ua.on('registrationFailed', ({ response }) => this.#refused(ua, response?.status_code));
    ua.on('newRTCSession', (event: RTCSessionEvent) => this.#session(ua, event));
    ua.start();
  }

  /** Ends the calls too. */
  unregister(): void {
    const ua = this.#ua;
    this.#ua = undefined;
    ua?.stop();
    this.#say({ state: 'off' });
  }

  /** @throws TypeError for an address that SIP does not know */
  call(address: string, microphone: MediaStream): PhoneCall {
    const ua = this.#ua;
    if (!ua) throw new Error('not registered');
    let made: PhoneCall | undefined;
    this.#nextIsMine = (call) => {
      made = call;
    };
    try {
      ua.call(address, {
        mediaStream: microphone,
        pcConfig: { iceServers: this.iceServers },
        rtcOfferConstraints: { offerToReceiveAudio: true, offerToReceiveVideo: false },
      });
    } finally {
      this.#nextIsMine = undefined;
    }
    if (!made) throw new Error('no session was made');
    made.speakWith(microphone);
    return made;
  }

  /** At most one speaks. @returns false where a call cannot be held just now */
  speakWith(call: PhoneCall): boolean {
    for (const other of this.#calls)
      if (other !== call && other.state === 'active' && !other.held && !other.hold()) return false;
    return !call.held || call.resume();
  }

  /** Another network, or it is back. */
  networkChanged(): void {
    if (this.#ua?.isConnected()) this.#socket?.probe();
    else connectNow(this.#ua);
    for (const call of this.#calls) call.networkChanged();
  }

  #registered(ua: UA): void {
    if (ua !== this.#ua) return;
    this.#everRegistered = true;
    this.#say({ state: 'registered', user: ua.get('authorization_user') ?? '' });
    for (const call of this.#calls) call.signalling(true);
  }

  #disconnected(ua: UA, reason: string | undefined): void {
    if (ua !== this.#ua) return;
    for (const call of this.#calls) call.signalling(false);
    if (this.#everRegistered) {
      // JsSIP waits a second at least: too long for who is in a call. Later attempts are its own.
      if (this.#registration.state === 'registered') setTimeout(() => ua === this.#ua && connectNow(ua), firstAttempt);
      this.#say({ state: 'lost', user: ua.get('authorization_user') ?? '' });
    } else {
      const server = this.#socket?.url ?? '';
      this.#fail(reason === forbidden ? forbiddenProblem(server) : registrationProblem(undefined, server));
    }
  }

  #refused(ua: UA, status: number | undefined): void {
    // Without a status the connection went: that is told apart.
    if (ua !== this.#ua || status === undefined) return;
    if (this.#everRegistered && status >= 500) {
      setTimeout(() => ua === this.#ua && ua.isConnected() && ua.register(), 1000 * recoveryInterval.max);
      return;
    }
    this.#fail(registrationProblem(status, this.#socket?.url ?? ''));
  }

  #fail(problem: Problem): void {
    const ua = this.#ua;
    this.#ua = undefined;
    ua?.stop();
    const { registration } = this;
    this.#say({ state: 'failed', user: 'user' in registration ? registration.user : '', problem });
  }

  #session(ua: UA, event: RTCSessionEvent): void {
    if (ua !== this.#ua) return;
    const { session } = event;
    const incoming = ((event as IncomingRTCSessionEvent).originator as string) === 'remote';
    if (incoming && this.#calls.filter(({ state }) => state !== 'ended').length >= mostCalls) {
      session.terminate({ status_code: 486, reason_phrase: 'Busy Here' });
      return;
    }
    const call = new PhoneCall(session as RTCSession, () => this.#socket?.probe());
    this.#calls = [...this.#calls, call];
    call.on('change', () => this.emit('calls', undefined));
    call.on('notice', (text) => this.emit('notice', text));
    call.on('ended', (end) => {
      this.#calls = this.#calls.filter((one) => one !== call);
      this.emit('ended', { call, end });
      this.emit('calls', undefined);
    });
    this.#nextIsMine?.(call);
    this.emit('calls', undefined);
    if (!incoming) return;
    const replaced = this.#replaced(event.request as unknown as { readonly replaces?: Replaces });
    if (replaced?.microphone) call.answer(replaced.microphone.clone(), this.iceServers);
    else this.emit('incoming', call);
  }

  /** The call whose place this one takes (RFC 3891 §3); nobody is to be asked again then. */
  #replaced({ replaces }: { readonly replaces?: Replaces }): PhoneCall | undefined {
    if (!replaces) return undefined;
    return this.#calls.find(({ session, state }) => state === 'active' && session.id.startsWith(replaces.call_id));
  }

  #say(registration: Registration): void {
    this.#registration = registration;
    this.emit('registration', registration);
  }
}

/** Not in its types. It does nothing where it is connected, or is about to be. */
function connectNow(ua: UA | undefined): void {
  (ua as unknown as { readonly transport: { connect(): void } } | undefined)?.transport.connect();
}

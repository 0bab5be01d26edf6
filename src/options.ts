/** What a `Tandem` is made with, and what is checked of it before anything is opened. */
import {
  type Codec,
  codecsFor,
  comfortNoise,
  type IceMode,
  isOpus,
  type MediaOptions,
  opusInstalled,
  type SrtpMode,
  srtpModes,
  type UdpIo,
} from '../media/index.ts';
import type { Clock } from './base/clock.ts';
import { ConfigError } from './base/errors.ts';
import type { Fetch, Files, Resolver, TtsProvider, WebSockets } from './base/io.ts';
import type { Logger } from './base/log.ts';
import type { Random } from './base/random.ts';
import type { CdrOptions } from './cdr/sinks.ts';
import type { AdmissionOptions } from './incoming/admission.ts';
import type { RecoveryOptions } from './recovery/options.ts';
import type { RegistrarOptions } from './registrar/registrar.ts';
import type { RegistryOptions } from './registry/options.ts';
import type { DtmfMode } from './session/info-dtmf.ts';
import type { ReliableMode } from './session/session-context.ts';
import type { SessionTimerOptions } from './session/session-timer.ts';
import type { DialogEventsOptions } from './session/subscriptions.ts';
import type { SttProvider } from './session/transcribe.ts';
import type { AuthOptions } from './sip/authenticator.ts';
import type { DefenceOptions } from './sip/defence/options.ts';
import type { ListenOptions, SipEndpointOptions } from './sip/options.ts';
import type { TraceOptions } from './sip/trace/options.ts';
import { isTransportName, kinds, transportNames } from './sip/transport/kinds.ts';
import type { SipNetwork } from './sip/transport/network.ts';
import type { StoreOptions } from './store/options.ts';
import type { TrunkOptions } from './trunk/options.ts';

export interface TransportOptions extends ListenOptions {
  /** What SDP says instead of the local address. */
  readonly mediaExternalIp?: string;
}

export interface TandemMediaOptions extends MediaOptions {
  /** A call from which no RTP comes for `rtpTimeout` is ended with a BYE. Not on hold. Default false. */
  readonly hangupOnRtpTimeout?: boolean;
  /** Names in order of preference; default PCMU, PCMA, L16, telephone-event. */
  readonly codecs?: readonly string[];
  /**
   * SRTP with keys in SDP (RFC 4568). `optional`: offered over RTP/AVP and taken where the peer has it; `required`:
   * calls without it fail (488); `dtls`: with keys by a DTLS handshake (RFC 5764), and none without. Default `off`. Keys
   * by DTLS are taken from whoever offers them, and offered to who is called over WebSocket.
   */
  readonly srtp?: SrtpMode;
  /**
   * How ICE (RFC 8445) is done with who offers it, and with who is called over WebSocket. `lite` (default): the peer's
   * checks are answered, which is all that a server with an address of its own needs; `full`: checks are made here, too,
   * which reaches peers through a NAT in front of this server; `off`: not at all, and no browser is reached then.
   */
  readonly ice?: IceMode;
  /** With `ice` `full`: who tells where browsers see us, `host` or `host:port`; a server behind a NAT asks it. */
  readonly stunServer?: string | undefined;
}

export interface TandemOptions {
  /** Default: udp on 127.0.0.1:5060. */
  readonly transports?: readonly TransportOptions[];
  /** For TLS connections of ours: whom to trust, and our certificate if a peer asks for one. */
  readonly tls?: SipEndpointOptions['tls'];
  readonly media?: TandemMediaOptions;
  /** Who may call here: callers have to show a password. Default: everybody may. */
  readonly auth?: AuthOptions;
  /** Users of `auth` may register; default: nobody can. */
  readonly registrar?: RegistrarOptions;
  /** Ways to the telephone network, by name. */
  readonly trunks?: Readonly<Record<string, TrunkOptions>>;
  readonly userAgent?: string;
  /** Limits and bans of sources; false: only the limits of all sources together. */
  readonly defence?: DefenceOptions | false;
  /** When calls are refused with 503 because there is no room for them. */
  readonly admission?: AdmissionOptions;
  /** What SIP messages are kept for `trace`, and where else they go. */
  readonly trace?: TraceOptions;
  readonly logger?: Logger;
  /**
   * What a REFER of a peer leads to where a call has no `onRefer`: it is refused (603, the default), done here
   * (`execute`) or left to the other leg (`pass`).
   */
  readonly transfer?: TransferMode;
  /** Whether an INVITE may take the place of a peer in a call (Replaces, RFC 3891); default true. */
  readonly replaces?: boolean;
  /** Whether others may subscribe to who is on the phone (SUBSCRIBE, RFC 4235); default no. */
  readonly dialogEvents?: boolean | DialogEventsOptions;
  /**
   * Which digits of a peer count: those that come with the audio (`rfc4733`), by INFO (`info`), as tones in the audio
   * (`inband`), or in the way in which the first of the call comes (`auto`, the default). `auto` listens for tones once
   * a script waits for digits (`dtmf`, `gather`), and where no telephone-event was agreed on.
   */
  readonly dtmf?: DtmfMode;
  /** How a call finds out that its peer is gone without a word (RFC 4028). */
  readonly sessionTimers?: SessionTimerOptions;
  /** Provisional responses that ask for a PRACK (RFC 3262); default `supported`. */
  readonly reliable?: ReliableMode;
  /** Pass a B leg's 3xx on to the caller instead of 480. */
  readonly passRedirects?: boolean;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly files?: Files;
  readonly fetch?: Fetch;
  /** Says texts: `call.say`, `{ say: … }`. Default: espeak-ng, where it is installed. */
  readonly tts?: TtsProvider;
  /** Recognises speech, for `call.transcribe()` and `gather({ speech })`; default: nobody does. */
  readonly stt?: SttProvider;
  readonly webSockets?: WebSockets;
  readonly resolver?: Resolver;
  /** Where SIP sockets come from; default Node's. */
  readonly network?: SipNetwork;
  /** Where RTP sockets come from, with `media.workers: 0`; default Node's. */
  readonly udp?: UdpIo;
  /** How calls are kept track of; false: they are not, and profiles need not be declared. */
  readonly registry?: RegistryOptions | false;
  /** Where calls are kept in a database, as Kamailio's dialog module does; default nowhere. Needs the registry. */
  readonly store?: StoreOptions;
  /** Records of calls that are over; those in `store` need nothing said here. */
  readonly cdr?: CdrOptions;
  /** Calls go on after a crash or a restart of the process; default: they do not. Needs the registry. */
  readonly recovery?: RecoveryOptions;
}

export type TransferMode = 'refuse' | 'execute' | 'pass';

const defaultTransports: readonly TransportOptions[] = [{ transport: 'udp', bindHost: '127.0.0.1', bindPort: 5060 }];
const defaultCodecs: readonly string[] = ['PCMU', 'PCMA', 'L16', 'telephone-event'];

/** @param noise comfort noise goes along @throws ConfigError for a codec that is not known. */
export function checkedCodecs(names: readonly string[] = defaultCodecs, noise = false): readonly Codec[] {
  const codecs = codecsFor(names);
  if (!codecs.ok) throw new ConfigError(`media.codecs: ${codecs.error}`);
  if (codecs.value.some(isOpus) && !opusInstalled())
    throw new ConfigError('media.codecs: opus needs the package libopus-wasm: npm install libopus-wasm');
  return noise ? [...codecs.value, comfortNoise] : codecs.value;
}

/** @throws ConfigError for a mode that does not exist. */
export function checkedSrtp(name: string, mode: SrtpMode = 'off'): SrtpMode {
  if (srtpModes.includes(mode)) return mode;
  throw new ConfigError(`${name} is one of ${srtpModes.join(', ')}, not ${JSON.stringify(mode)}`);
}

/** @throws ConfigError for calls that are to be written and are not kept track of. */
export function checkedStore({ registry, store }: TandemOptions): void {
  if (store && registry === false) throw new ConfigError('store needs the registry: leave out registry: false');
}

/** @throws ConfigError for calls that are to go on and are not kept track of. */
export function checkedRecovery({ registry, recovery }: TandemOptions): void {
  if (recovery && registry === false) throw new ConfigError('recovery needs the registry: leave out registry: false');
}

/** @throws ConfigError for a registrar that nobody could register at. */
export function checkedRegistrar({ auth, registrar }: TandemOptions): void {
  if (registrar && !auth) throw new ConfigError('a registrar needs to know its users: auth: { users }');
}

/** @throws ConfigError for a transport or port that cannot be. */
export function checkedTransports(transports = defaultTransports): readonly TransportOptions[] {
  if (transports.length === 0) throw new ConfigError('transports is empty: name at least one listener');
  for (const { transport, bindPort, tls } of transports) {
    if (!isTransportName(transport))
      throw new ConfigError(`transport ${JSON.stringify(transport)} does not exist: use ${transportNames.join(', ')}`);
    if (kinds[transport].secure && !tls)
      throw new ConfigError(`a ${transport} listener needs a certificate: tls: { cert, key }`);
    if (!Number.isInteger(bindPort) || bindPort < 0 || bindPort > 65535) {
      throw new ConfigError(`bindPort is a number from 0 to 65535, not ${bindPort}`);
    }
  }
  return transports;
}

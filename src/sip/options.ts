/** What a user of the SIP endpoint passes in and gets back: plain shapes, no behaviour. */
import type { Clock } from '../base/clock.ts';
import type { Resolver } from '../base/io.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Ban } from './defence/ban-list.ts';
import type { DefenceOptions } from './defence/options.ts';
import type { Credentials, DigestClient } from './digest-client.ts';
import type { HeaderField, NameAddr, SipMessage, SipParams, SipRequest, SipResponse } from './message.ts';
import type { TraceOptions } from './trace/options.ts';
import type { TimerOptions } from './transaction/timers.ts';
import type { FiredTimer } from './transaction/transaction.ts';
import type { PeerFlow } from './transport/flow.ts';
import type { SipTransportName } from './transport/kinds.ts';
import type {
  AllowedOrigins,
  HttpTaker,
  SipNetwork,
  TlsClientOptions,
  TlsServerOptions,
  WebSocketEntrance,
} from './transport/network.ts';

export type { Credentials } from './digest-client.ts';
export type { SipTransportName } from './transport/kinds.ts';

export interface ListenOptions {
  readonly transport: SipTransportName;
  /** Numeric address to bind: `127.0.0.1`, `::1`, or a wildcard (`0.0.0.0`, `::`). */
  readonly bindHost: string;
  /** 0: any free port. */
  readonly bindPort: number;
  /** What Via and Contact say instead of the bound address. */
  readonly externalHost?: string;
  readonly externalPort?: number;
  /** For `tls` and `wss`. */
  readonly tls?: TlsServerOptions;
  /**
   * For `ws` and `wss`: the pages that may connect, as `Origin` has them; `own` are those of this server, and programs
   * that are no browser. Or who knows them when one comes. Default all.
   */
  readonly origins?: AllowedOrigins;
  /** For `ws` and `wss`: who takes what comes to the port and is no SIP; default nobody (426). */
  readonly http?: HttpTaker;
  /** For `ws` and `wss`: brings connections that came to a port of somebody else, as that of HTTP. */
  readonly entrance?: WebSocketEntrance;
}

export interface SipListener {
  readonly transport: SipTransportName;
  /** The bound address and port. */
  readonly host: string;
  readonly port: number;
  /** What Via and Contact say. A wildcard listener may name another local address to some peers. */
  readonly externalHost: string;
  readonly externalPort: number;
  /** Bytes the kernel granted to the socket's receive buffer; undefined for streams. */
  readonly receiveBuffer: number | undefined;
}

/** The peer of a message. */
export interface Flow {
  readonly transport: SipTransportName;
  readonly address: string;
  readonly port: number;
}

export interface OptionsAnswer {
  readonly status: number;
  readonly headers?: readonly HeaderField[];
  readonly contentType?: string;
  readonly body?: Uint8Array;
}

export interface SipEndpointOptions {
  readonly listen: readonly ListenOptions[];
  readonly clock: Clock;
  readonly random: Random;
  readonly resolver: Resolver;
  readonly logger: Logger;
  /** The User-Agent and Server header. */
  readonly userAgent: string;
  readonly timers?: TimerOptions;
  /** For connections of ours over TLS. */
  readonly tls?: Omit<TlsClientOptions, 'name'>;
  /** Opens sockets; default: Node's. */
  readonly network?: SipNetwork;
  /** Hears every message, in order of the wire. */
  readonly onMessage?: (direction: 'in' | 'out', message: SipMessage, peer: Flow) => void;
  /** Hears every timer of a transaction that fires. */
  readonly onTimer?: (timer: FiredTimer) => void;
  /** Methods the user of the dialogs handles in `Dialog.onRequest`, beside INVITE; default `['INFO']`. */
  readonly methods?: readonly string[];
  /** Methods that `SipEndpoint.onRequest` takes outside a dialog, as REGISTER; default none. */
  readonly outsideMethods?: readonly string[];
  /** Option tags the user supports (RFC 3261 §19.2); default none. */
  readonly supported?: readonly string[];
  /** INVITEs that may wait for their final response at once; more get 503. Default 50,000. */
  readonly maxPendingInvites?: number;
  /** Limits and bans; false: only the limits of all sources together. */
  readonly defence?: DefenceOptions | false;
  /** Addresses that are never limited or banned, beside `defence.exempt`. */
  readonly trusts?: (address: string) => boolean;
  /** The connection by which whoever has this Contact is registered now: another than its call was made by may be gone. */
  readonly flowOf?: (contact: string) => PeerFlow | undefined;
  /** What of the messages on the wire is kept, and where else they go. */
  readonly trace?: TraceOptions;
  /** Hears of every source that is banned. */
  readonly onBan?: (ban: Ban) => void;
}

export interface InviteOptions {
  /** Request-URI. */
  readonly uri: string;
  /** The tag is made by the endpoint. */
  readonly from: NameAddr;
  readonly to: NameAddr;
  readonly contactUser?: string;
  /** Default: by the URI's transport parameter, else udp. */
  readonly transport?: SipTransportName;
  /** Pre-loaded routes, such as an outbound proxy: URIs (RFC 3261 §8.1.2). */
  readonly route?: readonly string[];
  /**
   * The way a request of the peer came, such as a REGISTER: used as it is, and nothing is looked up (RFC 5626 §5.3).
   * Gone, it is a local 430.
   */
  readonly through?: PeerFlow | undefined;
  readonly headers?: readonly HeaderField[];
  readonly contentType?: string;
  readonly body?: Uint8Array;
  /**
   * Headers to try again with after a refusal, in the place of those of the same name; undefined: it is final. Has to
   * come to an end by itself.
   */
  readonly retry?: (refusal: SipResponse) => readonly HeaderField[] | undefined;
  /** Answer 401 and 407. A client is kept for requests that follow each other, as those of a registration. */
  readonly credentials?: Credentials | readonly Credentials[] | DigestClient | undefined;
  readonly callId?: string;
  /** Default 70; a B2BUA passes the other leg's value less one (RFC 7332). */
  readonly maxForwards?: number;
  /** A server that says nothing, not even 100, for so many ms is given up for the next one. Default: 64·T1. */
  readonly responseTimeout?: number;
}

export interface RequestOptions extends InviteOptions {
  readonly method: string;
  /** The CSeq number of each time it is sent; default 1, 2, … */
  readonly nextSeq?: () => number;
  /** Of the Contact that `contactUser` asks for. */
  readonly contactParams?: SipParams;
}

/** A final response with the request that it answers. */
export interface Exchange {
  readonly response: SipResponse;
  /** As it was sent last. */
  readonly request: SipRequest;
  /** The way it took; undefined if it could not be sent. */
  readonly flow: PeerFlow | undefined;
  /** The response was made here: 408, 416, 430 or 503. */
  readonly local: boolean;
}

export interface ResponseOptions {
  readonly reason?: string;
  readonly headers?: readonly HeaderField[];
  readonly contentType?: string;
  readonly body?: Uint8Array;
}

export interface ProvisionalOptions extends ResponseOptions {
  /** Ask for a PRACK. Only for a caller that supports `100rel`; one that requires it gets no other. */
  readonly reliable?: boolean;
}

/** The part of `ResponseOptions` a request has as well. */
export interface BodyOptions {
  readonly headers?: readonly HeaderField[];
  readonly contentType?: string;
  readonly body?: Uint8Array;
}

/** How a dialog came to its end. */
export interface DialogEnd {
  readonly by: 'remote' | 'local' | 'timeout' | 'error';
  readonly request?: SipRequest;
  readonly response?: SipResponse;
}

/** First final response to an INVITE. `local`: made here (408 timeout, 503 no transport, 487 cancelled, 416). */
export interface InviteResult<D> {
  readonly response: SipResponse;
  readonly dialog: D | undefined;
  readonly local: boolean;
}

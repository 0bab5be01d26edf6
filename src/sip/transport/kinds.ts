/** The transports of SIP, and what is different from one to the other. */

/** Connections. RFC 7118: on `ws` and `wss` a message of WebSocket is a message of SIP. */
export type StreamTransport = 'tcp' | 'tls' | 'ws' | 'wss';
export type SipTransportName = 'udp' | StreamTransport;

export interface TransportKind {
  /** In Via (RFC 3261 §20.42, RFC 7118 §5.1). */
  readonly via: string;
  /** The `transport` parameter of a Contact; undefined for what a URI means without. */
  readonly param: string | undefined;
  /** Of a URI or a Via that names none (RFC 3261 §19.1.2, §18.2.2; RFC 6455 §3). */
  readonly port: number;
  readonly secure: boolean;
}

export const kinds: Readonly<Record<SipTransportName, TransportKind>> = {
  udp: { via: 'UDP', param: undefined, port: 5060, secure: false },
  tcp: { via: 'TCP', param: 'tcp', port: 5060, secure: false },
  tls: { via: 'TLS', param: 'tls', port: 5061, secure: true },
  ws: { via: 'WS', param: 'ws', port: 80, secure: false },
  // RFC 7118 §5.2.1: the URI's parameter is the same with and without TLS.
  wss: { via: 'WSS', param: 'ws', port: 443, secure: true },
};

export const transportNames = Object.keys(kinds) as readonly SipTransportName[];

export function isStream(name: SipTransportName): name is StreamTransport {
  return name !== 'udp';
}

export function isTransportName(name: string): name is SipTransportName {
  return Object.hasOwn(kinds, name);
}

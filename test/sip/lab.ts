/** A SIP endpoint in the lab's network, which takes no time here, and a peer that writes messages by hand. */
import { createLogger } from '../../src/base/log.ts';
import { SipEndpoint, type SipEndpointOptions } from '../../src/sip/endpoint.ts';
import type { NameAddr } from '../../src/sip/message.ts';
import { FakeClock, type LabHost, LabNetwork, seededRandom } from '../../src/testing/index.ts';

export const silent = createLogger('silent');

export function address(uri: string): NameAddr {
  return { displayName: undefined, uri, params: {} };
}

export const sdp = 'v=0\r\no=- 1 1 IN IP4 10.0.0.2\r\ns=-\r\nc=IN IP4 10.0.0.2\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n';

export interface Received {
  readonly text: string;
  /** `INVITE`, `200`, … */
  readonly what: string;
  /** Values of a header, in order. */
  readonly all: (name: string) => string[];
  readonly get: (name: string) => string;
  readonly at: number;
  readonly port: number;
}

export function read(text: string, at = 0, port = 0): Received {
  const lines = text.split('\r\n\r\n')[0]?.split('\r\n') ?? [];
  const start = lines[0] ?? '';
  const all = (name: string): string[] =>
    lines
      .filter((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}:`))
      .map((line) => line.slice(name.length + 1).trim());
  return {
    text,
    what: start.startsWith('SIP/2.0 ') ? start.slice(8, 11) : (start.split(' ')[0] ?? ''),
    all,
    get: (name) => all(name)[0] ?? '',
    at,
    port,
  };
}

export interface RequestSpec {
  readonly method?: string;
  readonly uri?: string;
  readonly branch?: string;
  readonly from?: string;
  readonly to?: string;
  readonly callId?: string;
  readonly seq?: number;
  readonly via?: string;
  readonly contact?: string | undefined;
  readonly headers?: readonly string[];
  readonly body?: string;
  readonly length?: string;
}

let branches = 0;

/** A request as a phone at 10.0.0.2:5070 writes it. */
export function write(spec: RequestSpec = {}): string {
  const { method = 'INVITE', uri = 'sip:1000@10.0.0.1:5060', callId = 'call-1', seq = 1, body = '' } = spec;
  const branch = spec.branch ?? `z9hG4bKp${++branches}`;
  const contact = 'contact' in spec ? spec.contact : '<sip:phone@10.0.0.2:5070>';
  return [
    `${method} ${uri} SIP/2.0`,
    `Via: ${spec.via ?? `SIP/2.0/UDP 10.0.0.2:5070;branch=${branch}`}`,
    'Max-Forwards: 70',
    `From: ${spec.from ?? '<sip:phone@10.0.0.2>;tag=phone'}`,
    `To: ${spec.to ?? '<sip:1000@10.0.0.1>'}`,
    `Call-ID: ${callId}`,
    `CSeq: ${seq} ${method}`,
    ...(contact === undefined ? [] : [`Contact: ${contact}`]),
    ...(spec.headers ?? []),
    ...(body === '' ? [] : ['Content-Type: application/sdp']),
    `Content-Length: ${spec.length ?? Buffer.byteLength(body)}`,
    '',
    body,
  ].join('\r\n');
}

/** A response to what was received, as the peer writes it. */
export function reply(
  request: Received,
  status: number,
  { tag = 'peer', headers = [] as readonly string[], contact = '<sip:peer@10.0.0.2:5070>', body = '' } = {},
): string {
  const to = request.get('To');
  return [
    `SIP/2.0 ${status} Whatever`,
    ...request.all('Via').map((via) => `Via: ${via}`),
    `From: ${request.get('From')}`,
    `To: ${to.includes('tag=') || status === 100 ? to : `${to};tag=${tag}`}`,
    `Call-ID: ${request.get('Call-ID')}`,
    `CSeq: ${request.get('CSeq')}`,
    ...(contact === '' ? [] : [`Contact: ${contact}`]),
    ...headers,
    `Content-Length: ${body.length}`,
    '',
    body,
  ].join('\r\n');
}

export interface Lab {
  readonly clock: FakeClock;
  readonly endpoint: SipEndpoint;
  readonly network: LabNetwork;
  /** 10.0.0.2; there is no other host, and nothing can be sent to one. */
  readonly peer: LabHost;
  /** What the peer received at port 5070. */
  readonly inbox: Received[];
  /** A datagram of the peer arrives, from any port: even 0, which no socket has. @param host whose it is instead */
  deliver(text: string, from?: number, host?: string): void;
  /** The same, and lets the answer come. */
  send(text: string, from?: number): Promise<void>;
  /** Only the start-line words, in order. */
  heard(): string[];
  last(): Received;
}

export async function openLab(options: Partial<SipEndpointOptions> = {}): Promise<Lab> {
  const clock = new FakeClock();
  const network = new LabNetwork(clock, 1);
  network.set({ delayMs: 0 });
  const host = network.host('endpoint', '10.0.0.1');
  const peer = network.host('peer', '10.0.0.2');
  const endpoint = new SipEndpoint({
    listen: [{ transport: 'udp', bindHost: host.address, bindPort: 5060 }],
    clock,
    random: seededRandom(1),
    resolver: network.resolver,
    logger: silent,
    userAgent: 'Lab',
    network: host.sip,
    ...options,
  });
  await endpoint.open();
  const inbox: Received[] = [];
  peer.openUdp('sip', 5070, (bytes, { port }) =>
    inbox.push(read(Buffer.from(bytes).toString('latin1'), clock.now(), port)),
  );
  const deliver = (text: string, from = 5070, address = peer.address): void =>
    host.deliver(5060, Buffer.from(text, 'latin1'), { address, port: from });
  return {
    clock,
    endpoint,
    network,
    peer,
    inbox,
    deliver,
    async send(text, from) {
      deliver(text, from);
      await clock.advance(0);
    },
    heard: () => inbox.map(({ what }) => what),
    last() {
      const message = inbox.at(-1);
      if (!message) throw new Error('the peer heard nothing');
      return message;
    },
  };
}

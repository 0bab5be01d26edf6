/** A SIP endpoint in a network in memory, on a clock that stands still, and a peer that writes messages by hand. */
import { createLogger } from '../../src/base/log.ts';
import type { Random } from '../../src/base/random.ts';
import { SipEndpoint, type SipEndpointOptions } from '../../src/sip/endpoint.ts';
import type { NameAddr } from '../../src/sip/message.ts';
import type { SipNetwork, UdpHandler } from '../../src/sip/transport/network.ts';
import { FakeClock } from '../../src/testing/fake-clock.ts';

/** UDP between handlers; there is no TCP: every connection is refused. */
export class MemoryNetwork implements SipNetwork {
  readonly #sockets = new Map<string, UdpHandler>();
  /** Sends to these addresses fail. */
  readonly unreachable = new Set<string>();
  #ports = 30_000;

  async openUdp(bind: { readonly host: string; readonly port: number }, handler: UdpHandler) {
    const { host } = bind;
    const port = bind.port === 0 ? this.#ports++ : bind.port;
    const key = `${host} ${port}`;
    this.#sockets.set(key, handler);
    return {
      host,
      port,
      receiveBuffer: undefined,
      send: (bytes: Uint8Array, address: string, to: number, onError: (error: Error) => void): void => {
        if (this.unreachable.has(address)) queueMicrotask(() => onError(new Error('unreachable')));
        else this.deliver(bytes.slice(), address, to, host, port);
      },
      close: async (): Promise<void> => {
        this.#sockets.delete(key);
      },
    };
  }

  deliver(bytes: Uint8Array, address: string, port: number, from: string, fromPort: number): void {
    queueMicrotask(() => this.#sockets.get(`${address} ${port}`)?.onDatagram(bytes, from, fromPort));
  }

  listenTcp(): Promise<never> {
    return Promise.reject(new Error('this network has no TCP'));
  }

  connectTcp(): never {
    throw new Error('this network has no TCP');
  }

  localAddress(): string {
    return '10.0.0.1';
  }
}

/** Different numbers, the same in every run. */
export function countingRandom(): Random {
  let state = 1;
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state;
  };
  return {
    uint32: next,
    bytes: (length) => Uint8Array.from({ length }, () => next() >>> 24),
  };
}

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
  readonly network: MemoryNetwork;
  readonly endpoint: SipEndpoint;
  /** What the peer at 10.0.0.2:5070 received. */
  readonly inbox: Received[];
  /** Sends as the peer and lets the answer come. */
  send(text: string, from?: number): Promise<void>;
  /** Only the start-line words, in order. */
  heard(): string[];
  last(): Received;
}

export async function openLab(options: Partial<SipEndpointOptions> = {}): Promise<Lab> {
  const clock = new FakeClock();
  const network = new MemoryNetwork();
  const endpoint = new SipEndpoint({
    listen: [{ transport: 'udp', bindHost: '10.0.0.1', bindPort: 5060 }],
    clock,
    random: countingRandom(),
    resolver: { lookup: () => Promise.reject(new Error('no such name')) },
    logger: silent,
    userAgent: 'Lab',
    network,
    ...options,
  });
  await endpoint.open();
  const inbox: Received[] = [];
  await network.openUdp(
    { host: '10.0.0.2', port: 5070 },
    {
      onDatagram: (bytes, _from, port) => inbox.push(read(Buffer.from(bytes).toString('latin1'), clock.now(), port)),
      onDrop: () => {},
    },
  );
  return {
    clock,
    network,
    endpoint,
    inbox,
    async send(text, from = 5070) {
      network.deliver(Buffer.from(text, 'latin1'), '10.0.0.1', 5060, '10.0.0.2', from);
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

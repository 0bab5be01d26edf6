/** Callers over UDP that are no more than needed: INVITE, ACK, and BYE at the end; what their calls sound like is others' to hear. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

const betweenMs = 5;
const patienceMs = 20_000;
const host = '127.0.0.1';

interface Caller {
  readonly rtpPort: number;
  /** Of the 200. */
  to: string | undefined;
  target: string;
}

export class Callers {
  readonly #socket: Socket;
  readonly #server: number;
  readonly #user: string;
  readonly #calls: Caller[];

  private constructor(socket: Socket, server: number, user: string, ports: readonly number[]) {
    this.#socket = socket;
    this.#server = server;
    this.#user = user;
    this.#calls = ports.map((rtpPort) => ({ rtpPort, to: undefined, target: `sip:bench@${host}:${server}` }));
    socket.on('message', (bytes) => this.#answer(bytes.toString('latin1')));
  }

  /** One call for each RTP port, all answered. @param user in From @throws when one is not */
  static async call(server: number, user: string, ports: readonly number[]): Promise<Callers> {
    const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 });
    socket.bind(0, host);
    await once(socket, 'listening');
    const callers = new Callers(socket, server, user, ports);
    for (const [index, { rtpPort }] of callers.#calls.entries()) {
      const sdp = `v=0\r\no=- 1 1 IN IP4 ${host}\r\ns=-\r\nc=IN IP4 ${host}\r\nt=0 0\r\nm=audio ${rtpPort} RTP/AVP 0\r\n`;
      callers.#send('INVITE', index, 1, ['Content-Type: application/sdp'], sdp);
      await sleep(betweenMs);
    }
    const until = performance.now() + patienceMs;
    while (callers.answered < ports.length && performance.now() < until) await sleep(50);
    if (callers.answered === ports.length) return callers;
    const { answered } = callers;
    await callers.close();
    throw new Error(`${answered} of ${ports.length} calls were answered`);
  }

  get answered(): number {
    return this.#calls.filter(({ to }) => to !== undefined).length;
  }

  #answer(text: string): void {
    const index = Number(/^Call-ID: *bench-(\d+)/im.exec(text)?.[1] ?? Number.NaN);
    const caller = this.#calls[index];
    if (!caller || !text.startsWith('SIP/2.0 200') || !/^CSeq: *1 INVITE/im.test(text)) return;
    caller.to = /^To: *(.*?)\r$/im.exec(text)?.[1];
    caller.target = /^Contact: *<([^>]+)>/im.exec(text)?.[1] ?? caller.target;
    this.#send('ACK', index, 1);
  }

  #send(method: string, index: number, seq: number, headers: readonly string[] = [], body = ''): void {
    const { to, target } = this.#calls[index] as Caller;
    const { port } = this.#socket.address();
    const lines = [
      `${method} ${target} SIP/2.0`,
      `Via: SIP/2.0/UDP ${host}:${port};branch=z9hG4bK${method}${index};rport`,
      'Max-Forwards: 70',
      `From: <sip:${this.#user}@${host}:${port}>;tag=bench${index}`,
      `To: ${to ?? `<sip:bench@${host}:${this.#server}>`}`,
      `Call-ID: bench-${index}@${host}`,
      `CSeq: ${seq} ${method}`,
      `Contact: <sip:${this.#user}@${host}:${port}>`,
      ...headers,
      `Content-Length: ${body.length}`,
      '',
      body,
    ];
    this.#socket.send(lines.join('\r\n'), this.#server, host);
  }

  /** Hangs up. */
  async close(): Promise<void> {
    for (const [index, { to }] of this.#calls.entries()) if (to !== undefined) this.#send('BYE', index, 2);
    await sleep(1000);
    this.#socket.close();
  }
}

/** SIP over WebSocket as a browser's softphone speaks it (RFC 7118), written by hand on the package `ws`. */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { expect } from 'vitest';
import { WebSocket } from 'ws';
import type { RawPhone } from '../../helpers/raw-phone.ts';

export interface WsOptions {
  readonly ca: string;
  readonly protocol?: string;
  readonly origin?: string;
}

/** The status that the server refuses the WebSocket with; 101 for one that it takes. */
export async function knock(port: number, options: WsOptions): Promise<number> {
  const socket = open(port, options);
  socket.on('error', () => {});
  const refused = once(socket, 'unexpected-response').then(([, { statusCode }]) => statusCode as number);
  const status = await Promise.race([refused, once(socket, 'open').then(() => 101)]);
  socket.terminate();
  return status;
}

function open(port: number, { ca, protocol = 'sip', origin }: WsOptions): WebSocket {
  return new WebSocket(`wss://127.0.0.1:${port}/`, protocol, { ca, ...(origin === undefined ? {} : { origin }) });
}

export interface WsMessage {
  readonly text: string;
  readonly status: number;
  readonly method: string;
  readonly body: string;
}

interface Dialog {
  readonly callId: string;
  /** From and To of requests of ours. */
  readonly from: string;
  to: string;
  target: string;
  cseq: number;
}

export class WsPhone implements AsyncDisposable {
  #socket: WebSocket;
  readonly #received: WsMessage[] = [];
  readonly #user: string;
  readonly #password: string;
  /** A browser knows no address of its own (RFC 7118 §5.2). */
  readonly #host = `${randomBytes(6).toString('hex')}.invalid`;

  private constructor(socket: WebSocket, user: string, password: string) {
    this.#socket = socket;
    this.#user = user;
    this.#password = password;
    this.#listen();
  }

  #listen(): void {
    this.#socket.on('message', (data) => this.#received.push(read(String(data))));
  }

  /** Loses its connection and makes another; its calls and its Contact are what they were. */
  async reconnect(port: number, options: WsOptions): Promise<void> {
    this.#socket.terminate();
    this.#socket = open(port, options);
    await once(this.#socket, 'open');
    this.#listen();
  }

  static async connect(port: number, user: string, password: string, options: WsOptions): Promise<WsPhone> {
    const socket = open(port, options);
    await once(socket, 'open');
    return new WsPhone(socket, user, password);
  }

  /** @param expires seconds; 0 takes the registration back. @returns the final response */
  async register(expires: number): Promise<WsMessage> {
    const uri = 'sip:127.0.0.1';
    return this.#proven('REGISTER', this.#dialog(uri, `<sip:${this.#user}@127.0.0.1>`), [`Expires: ${expires}`], '');
  }

  /** Calls, and acknowledges the answer. @returns how to hang up */
  async call(number: string, phone: RawPhone): Promise<() => Promise<WsMessage>> {
    const dialog = this.#dialog(`sip:${number}@127.0.0.1`, `<sip:${number}@127.0.0.1>`);
    const response = await this.#proven('INVITE', dialog, [], phone.sdp());
    expect(response.status, response.text).toBe(200);
    dialog.to = field(response, 'To');
    dialog.target = /<(.*)>/.exec(field(response, 'Contact'))?.[1] ?? '';
    this.#send('ACK', dialog, [], '');
    phone.rtpTarget = { port: Number(/m=audio (\d+)/.exec(response.body)?.[1]) };
    return () => {
      dialog.cseq++;
      return this.#ask('BYE', dialog, [], '');
    };
  }

  /** Waits for a request of the server. */
  async asked(method: string): Promise<WsMessage> {
    const found = (): WsMessage | undefined => this.#received.find((message) => message.method === method);
    await expect.poll(found, { timeout: 10_000 }).toBeDefined();
    return found() as WsMessage;
  }

  answer(request: WsMessage, status: string, sdp = ''): void {
    const same = ['Via', 'From', 'Call-ID', 'CSeq'].map((name) => `${name}: ${field(request, name)}`);
    const to = field(request, 'To');
    this.#write([`SIP/2.0 ${status}`, ...same, `To: ${to}${/;tag=/.test(to) ? '' : ';tag=ws'}`, ...this.#end(sdp)]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.terminate();
    if (this.#socket.readyState !== WebSocket.CLOSED) await once(this.#socket, 'close');
  }

  #dialog(target: string, to: string): Dialog {
    const from = `<sip:${this.#user}@127.0.0.1>;tag=${randomBytes(4).toString('hex')}`;
    return { callId: randomBytes(8).toString('hex'), from, to, target, cseq: 1 };
  }

  /** Asks, and once more with the password if that is wanted. */
  async #proven(method: string, dialog: Dialog, headers: readonly string[], body: string): Promise<WsMessage> {
    const first = await this.#ask(method, dialog, headers, body);
    if (first.status !== 401) return first;
    if (method === 'INVITE') this.#send('ACK', { ...dialog, to: field(first, 'To') }, [], '');
    dialog.cseq++;
    const digest = authorization(field(first, 'WWW-Authenticate'), this.#user, this.#password, method, dialog.target);
    return this.#ask(method, dialog, [...headers, digest], body);
  }

  async #ask(method: string, dialog: Dialog, headers: readonly string[], body: string): Promise<WsMessage> {
    this.#send(method, dialog, headers, body);
    const final = (): WsMessage | undefined =>
      this.#received.find(
        (message) =>
          message.status >= 200 &&
          field(message, 'Call-ID') === dialog.callId &&
          field(message, 'CSeq') === `${dialog.cseq} ${method}`,
      );
    await expect.poll(final, { timeout: 10_000 }).toBeDefined();
    return final() as WsMessage;
  }

  #send(method: string, { callId, from, to, target, cseq }: Dialog, headers: readonly string[], body: string): void {
    this.#write([
      `${method} ${target} SIP/2.0`,
      `Via: SIP/2.0/WSS ${this.#host};branch=z9hG4bK${randomBytes(6).toString('hex')}`,
      'Max-Forwards: 70',
      `From: ${from}`,
      `To: ${to}`,
      `Call-ID: ${callId}`,
      `CSeq: ${cseq} ${method}`,
      ...headers,
      ...this.#end(body),
    ]);
  }

  #end(body: string): string[] {
    const type = body === '' ? [] : ['Content-Type: application/sdp'];
    const contact = `Contact: <sip:${this.#user}@${this.#host};transport=ws>`;
    return [contact, ...type, `Content-Length: ${Buffer.byteLength(body)}`, '', body];
  }

  #write(lines: readonly string[]): void {
    this.#socket.send(lines.join('\r\n'));
  }
}

function read(text: string): WsMessage {
  const status = Number(/^SIP\/2\.0 (\d+)/.exec(text)?.[1] ?? 0);
  const method = status > 0 ? '' : text.slice(0, text.indexOf(' '));
  return { text, status, method, body: text.slice(text.indexOf('\r\n\r\n') + 4) };
}

export function field({ text }: WsMessage, name: string): string {
  return new RegExp(`^${name}: *(.*)\\r$`, 'im').exec(text)?.[1] ?? '';
}

/** RFC 2617 §3.2.2, qop auth. */
function authorization(challenge: string, user: string, password: string, method: string, uri: string): string {
  const part = (name: string): string => new RegExp(`${name}="?([^",]*)`).exec(challenge)?.[1] ?? '';
  const md5 = (...parts: readonly string[]): string => createHash('md5').update(parts.join(':')).digest('hex');
  const [realm, nonce, cnonce] = [part('realm'), part('nonce'), randomBytes(4).toString('hex')];
  const response = md5(md5(user, realm, password), nonce, '00000001', cnonce, 'auth', md5(method, uri));
  const quoted = Object.entries({ username: user, realm, nonce, uri, cnonce, response, opaque: part('opaque') })
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name}="${value}"`);
  return `Authorization: Digest ${[...quoted, 'algorithm=MD5', 'qop=auth', 'nc=00000001'].join(', ')}`;
}

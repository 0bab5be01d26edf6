/**
 * The WebSocket that JsSIP speaks through (RFC 7118). A network that is gone closes no socket: so a connection is asked
 * now and then whether it lives, by the CRLF of RFC 5626 §4.4.1, and dropped when it does not answer.
 */
import type { Socket } from 'jssip';

/** Why it ended: the page may not connect there (Content-Security-Policy). */
export const forbidden = 'forbidden';

/** ms */
const connectTimeout = 3_000;
const askEvery = 15_000;
const answerTimeout = 2_000;
/** Of an error that is more than a policy, the end follows within, ms. */
const endFollows = 100;

export class SipSocket implements Socket {
  readonly url: string;
  readonly sip_uri: string;
  via_transport: string;
  /** Set by JsSIP. */
  onconnect: () => void = () => {};
  ondisconnect: (error: boolean, code?: number, reason?: string) => void = () => {};
  ondata: <T>(data: T) => void = () => {};
  /** Sees each message first: JsSIP tells of the first answer to a REGISTER only. */
  readonly #seen: (message: string) => void;
  #socket: WebSocket | undefined;
  #opened = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @throws TypeError for what is no ws: or wss: address */
  constructor(address: string, seen: (message: string) => void) {
    this.#seen = seen;
    const { protocol, host } = new URL(address);
    if (protocol !== 'ws:' && protocol !== 'wss:') throw new TypeError(`${address} is no ws: or wss: address`);
    this.url = address;
    this.via_transport = protocol === 'wss:' ? 'WSS' : 'WS';
    this.sip_uri = `sip:${host};transport=ws`;
  }

  connect(): void {
    if (this.#socket) return;
    let socket: WebSocket;
    try {
      socket = new WebSocket(this.url, 'sip');
    } catch {
      // JsSIP expects no answer before it has asked.
      queueMicrotask(() => this.ondisconnect(true, 1006, 'refused by the browser'));
      return;
    }
    this.#socket = socket;
    socket.binaryType = 'arraybuffer';
    this.#wait(connectTimeout, () => this.#drop());
    this.#opened = false;
    socket.onopen = () => {
      this.#opened = true;
      this.#wait(askEvery, () => this.probe());
      this.onconnect();
    };
    socket.onmessage = ({ data }) => {
      this.#wait(askEvery, () => this.probe());
      if (typeof data === 'string') this.#seen(data);
      this.ondata(data as unknown);
    };
    // What the page's policy forbids is told by an error alone, with no end.
    socket.onerror = () => {
      if (!this.#opened) this.#wait(endFollows, () => this.#drop(forbidden));
    };
    socket.onclose = ({ wasClean, code, reason }) => {
      this.disconnect();
      this.ondisconnect(!wasClean, code, reason);
    };
  }

  disconnect(): void {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = undefined;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onerror = socket.onclose = null;
    socket.close();
  }

  send(message: string | ArrayBufferLike | Blob | ArrayBufferView): boolean {
    if (!this.isConnected()) return false;
    this.#socket?.send(message as string);
    return true;
  }

  isConnected(): boolean {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  isConnecting(): boolean {
    return this.#socket?.readyState === WebSocket.CONNECTING;
  }

  /** Finds out within 2 s whether the connection lives; one that does not is dropped. */
  probe(): void {
    if (!this.send('\r\n\r\n')) return;
    this.#wait(answerTimeout, () => this.#drop());
  }

  #drop(reason = 'silent'): void {
    this.disconnect();
    this.ondisconnect(true, 1006, reason);
  }

  #wait(ms: number, callback: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(callback, ms);
  }
}

/** Requests in datagrams: each is a packet, its answer another one. */
import { readPacket } from './packet.ts';
import { notUnderstood, type ResponderOptions, respond } from './respond.ts';

/** The largest datagram of UDP over IPv4. */
const maxDatagramBytes = 65_507;

export class DatagramResponder {
  readonly #options: ResponderOptions;
  readonly #limit: number;
  readonly #closed = new AbortController();
  #running = 0;

  /** @param limit how many are answered at the same time; one more is dropped, as datagrams are */
  constructor(options: ResponderOptions, limit: number) {
    this.#options = options;
    this.#limit = limit;
  }

  async take(bytes: Uint8Array, who: string, send: (reply: Uint8Array) => void): Promise<void> {
    if (this.#running >= this.#limit) return;
    const packet = readPacket(bytes);
    // Two servers that answer each other's answers would never end.
    if (packet && packet.kind !== 'request') return;
    const context = { who, signal: this.#closed.signal };
    this.#running++;
    const { bytes: reply } = packet ? await respond(packet, context, maxDatagramBytes, this.#options) : notUnderstood;
    this.#running--;
    if (!this.#closed.signal.aborted) send(reply);
  }

  /** Nothing is sent any more. */
  close(): void {
    this.#closed.abort();
  }
}

/** A TCP connection of a lab phone: cut into messages by their Content-Length, and open to be misused. */
import type { StreamConnection, StreamHandler } from '../../sip/transport/network.ts';
import type { Address } from '../network/network.ts';
import type { LabConnection } from '../network/stream.ts';
import type { OnText } from './wire.ts';

export class PhoneStream implements StreamHandler {
  readonly peer: Address;
  readonly #onText: OnText;
  readonly #onGone: () => void;
  #connection: LabConnection | undefined;
  #received = '';
  /** What is no whole message yet. */
  #rest = '';
  #open = true;

  /** Made by phones. */
  constructor(peer: Address, onText: OnText, onGone: () => void) {
    this.peer = { address: peer.address, port: peer.port };
    this.#onText = onText;
    this.#onGone = onGone;
  }

  /** @internal The connection that it is about. */
  use(connection: StreamConnection): this {
    // Every connection of the lab's network is one.
    this.#connection = connection as LabConnection;
    return this;
  }

  /** All that was read from it, as text. What are whole messages is in `Phone.received`, too. */
  get received(): string {
    return this.#received;
  }

  /** False as soon as this side is closed, by whomever. */
  get isOpen(): boolean {
    return this.#open;
  }

  /** Writes any text as it is: half a message, two in one, or nonsense. */
  write(text: string): void {
    this.#connection?.write(Buffer.from(text, 'latin1'), () => {});
  }

  /** Reads no more: what the peer writes fills the buffers between the two. */
  stopReading(): void {
    this.#connection?.pause();
  }

  readOn(): void {
    this.#connection?.resume();
  }

  /** Closes it when all that was written is sent. */
  end(): void {
    this.#connection?.finish();
  }

  /** Closes it at once; what is not sent yet is lost. */
  breakOff(): void {
    this.#connection?.destroy();
  }

  // ---- what the network tells

  onOpen(): void {}

  onData(bytes: Uint8Array): void {
    const text = latin1(bytes);
    this.#received += text;
    this.#rest += text;
    for (;;) {
      this.#rest = this.#rest.replace(/^(\r\n)+/, '');
      const head = this.#rest.indexOf('\r\n\r\n');
      if (head < 0) return;
      const length = Number(/^(?:Content-Length|l)\s*:\s*(\d+)/im.exec(this.#rest.slice(0, head))?.[1] ?? 0);
      const end = head + 4 + length;
      if (this.#rest.length < end) return;
      const message = this.#rest.slice(0, end);
      this.#rest = this.#rest.slice(end);
      this.#onText(message, { ...this.peer, transport: 'tcp', stream: this });
    }
  }

  onClose(): void {
    this.#open = false;
    this.#onGone();
  }
}

export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

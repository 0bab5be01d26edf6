/** A network in memory: what is sent arrives at once, in order, wherever somebody is bound. */
import type { DatagramReceiver, UdpIo } from '../../../media/index.ts';
import { TandemError } from '../../../src/base/errors.ts';

export interface Datagram {
  readonly bytes: Uint8Array;
  readonly from: number;
  readonly to: number;
}

export class MemoryUdp implements UdpIo {
  readonly #bound = new Map<number, DatagramReceiver>();
  /** Everything that was sent. */
  readonly sent: Datagram[] = [];
  /** Ports somebody else has. */
  readonly foreign = new Set<number>();

  get open(): number {
    return this.#bound.size;
  }

  async bind(address: string, port: number, receive: DatagramReceiver) {
    if (this.#bound.has(port) || this.foreign.has(port)) throw new TandemError('ERR_PORT_IN_USE', `${port} is in use`);
    this.#bound.set(port, receive);
    return {
      port,
      send: (buffer: Uint8Array, offset: number, length: number, to: number) => {
        const bytes = buffer.slice(offset, offset + length);
        this.sent.push({ bytes, from: port, to });
        this.#bound.get(to)?.(bytes.slice(), 0, length, address, port);
      },
      close: async () => {
        this.#bound.delete(port);
      },
    };
  }

  flush(): void {}

  /** A datagram from outside. */
  deliver(bytes: Uint8Array, from: number, to: number, address = '10.0.0.1'): void {
    this.#bound.get(to)?.(bytes.slice(), 0, bytes.length, address, from);
  }

  /** What went to `port`, from the `start`th on. */
  to(port: number, start = 0): Uint8Array[] {
    return this.sent
      .filter((datagram) => datagram.to === port)
      .map(({ bytes }) => bytes)
      .slice(start);
  }
}

/** Sends every SIP message to a capture server, and never waits for it: what cannot be sent at once is dropped. */
import type { Clock, Timer } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import type { Resolver } from '../../base/io.ts';
import type { Logger } from '../../base/log.ts';
import type { Counters } from '../counters.ts';
import { addressFamily } from '../transport/address.ts';
import type { SipNetwork, UdpSocket } from '../transport/network.ts';
import type { WireMessage } from './call-trace.ts';
import { encodeHep, type HepSource } from './hep.ts';
import type { HepTarget } from './options.ts';
import { redact } from './redact.ts';

export interface HepContext {
  readonly clock: Clock;
  readonly network: SipNetwork;
  readonly resolver: Resolver;
  readonly logger: Logger;
  readonly counters: Counters;
  readonly target: HepTarget;
  readonly source: HepSource;
}

/** A collector that is not found is looked for again after, ms: it may start later than we do. */
const retryMs = 30_000;

export class HepExporter {
  readonly #context: HepContext;
  #socket: UdpSocket | undefined;
  #address = '';
  #closed = false;
  #opening: Promise<void> = Promise.resolve();
  #retry: Timer | undefined;

  constructor(context: HepContext) {
    this.#context = context;
  }

  /** Looks the collector up, behind the caller's back: calls do not depend on it. */
  open(): void {
    this.#opening = this.#open();
  }

  async #open(): Promise<void> {
    const { clock, network, resolver, logger, target } = this.#context;
    try {
      const numeric = addressFamily(target.host) === 0 ? undefined : target.host;
      const address = numeric ?? (await resolver.lookup(target.host))[0]?.address;
      if (address === undefined) throw new Error('the name has no address');
      const host = addressFamily(address) === 6 ? '::' : '0.0.0.0';
      this.#socket = await network.openUdp({ host, port: 0 }, { onDatagram() {}, onDrop() {} });
      this.#address = address;
    } catch (error) {
      if (this.#closed) return;
      logger.warn({ ...target, error: messageOf(error) }, 'no HEP is sent: the collector is not found');
      this.#retry = clock.setTimer(retryMs, () => this.open(), 'HEP collector');
    }
  }

  send(message: WireMessage, callId: string): void {
    const { counters, source, target } = this.#context;
    const bytes = this.#socket && encodeHep(message, callId, withoutSecrets(message.bytes), source);
    const dropped = (): void => {
      counters.hepDropped++;
    };
    if (bytes) this.#socket?.send(bytes, this.#address, target.port, dropped);
    else dropped();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#retry?.cancel();
    await this.#opening;
    const socket = this.#socket;
    this.#socket = undefined;
    await socket?.close();
  }
}

function withoutSecrets(bytes: Uint8Array): Uint8Array {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  const clean = redact(text);
  return clean === text ? bytes : Buffer.from(clean, 'latin1');
}

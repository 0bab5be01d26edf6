/**
 * Connections in the lab (TCP, and what stands on it), as a program sees them: made in a round trip, read or not, closed on both sides; one
 * whose peer is gone is noticed by those who send, and not before. `lane.ts` carries the bytes.
 */
import type { Timer } from '../../base/clock.ts';
import type { StreamTransport } from '../../sip/transport/kinds.ts';
import type { StreamConnection, StreamHandler } from '../../sip/transport/network.ts';
import type { LabHost } from './host.ts';
import { Lane, type Parcel } from './lane.ts';
import type { Address, LabNetwork } from './network.ts';

/** When a connection request that nobody answers is sent again, ms from the first. */
const synAgain = [1000, 3000, 7000];
const connectTimeoutMs = 10_000;
/** As the sockets of Node are used: a peer that does not close its side is cut off after. */
const lingerMs = 2000;

/** A connection of `host` that is being made. */
export function connect(
  network: LabNetwork,
  transport: StreamTransport,
  host: LabHost,
  local: Address,
  to: Address,
  handler: StreamHandler,
): LabConnection {
  const client = new LabConnection(network, transport, host, local, to, () => handler);
  const request = (): void =>
    sendOnce(network, host, to.address, (target) => {
      if (!client.isWaiting) return;
      const listener = target.listener(to.port);
      if (listener?.transport === transport)
        new LabConnection(network, transport, target, to, local, listener.accept, client);
      // Whoever speaks something else is cut off in the handshake.
      else sendOnce(network, target, host.address, () => client.fail(listener ? 'EPROTO' : 'ECONNREFUSED'));
    });
  request();
  client.timers = [
    ...synAgain.map((ms) => network.clock.setTimer(ms, request, 'network')),
    network.clock.setTimer(connectTimeoutMs, () => client.fail('ETIMEDOUT'), 'network'),
  ];
  return client;
}

/** What belongs to no connection yet: nobody sends it again if it does not get through. */
function sendOnce(network: LabNetwork, from: LabHost, to: string, arrive: (host: LabHost) => void): void {
  if (!from.reaches(to, 'sip')) return;
  network.deliveries.add(network.way(from, to, 'sip').streamArrival(network.clock.now(), 0), () => {
    const host = network.hostAt(to);
    if (host?.online) arrive(host);
  });
}

export class LabConnection implements StreamConnection {
  readonly address: string;
  readonly port: number;
  readonly localPort: number;
  /** While it is being made. */
  timers: readonly Timer[] = [];
  readonly #network: LabNetwork;
  readonly #host: LabHost;
  readonly #handler: StreamHandler;
  readonly #out: Lane;
  #peer: LabConnection | undefined;
  #closed = false;
  #linger: Timer | undefined;
  /** Writes no more. */
  #ending = false;
  /** Closes as soon as the system has everything. */
  #finishing = false;
  #reading = true;
  /** What arrived while nobody reads. */
  readonly #unread: (Uint8Array | 'end')[] = [];

  /**
   * @param accept gives whoever it is for
   * @param client whose request this accepts; without one it is a client itself
   */
  constructor(
    network: LabNetwork,
    transport: StreamTransport,
    host: LabHost,
    local: Address,
    to: Address,
    accept: (connection: LabConnection) => StreamHandler,
    client?: LabConnection,
  ) {
    this.#network = network;
    this.#host = host;
    this.localPort = local.port;
    this.address = to.address;
    this.port = to.port;
    this.#out = new Lane(network, transport, host, local, to, {
      // Nothing goes out before there is a peer.
      onArrival: (parcel) => (this.#peer as LabConnection).#receive(parcel),
      onRoom: () => this.#closeIfTaken(),
      onGiveUp: () => this.fail('ETIMEDOUT'),
    });
    host.add(this);
    if (client) {
      this.#peer = client;
      client.#peer = this;
      this.#out.add('open');
      this.#out.open();
    }
    this.#handler = accept(this);
  }

  /** Nobody accepted it yet. */
  get isWaiting(): boolean {
    return !this.#closed && this.#peer === undefined;
  }

  get buffered(): number {
    return this.#out.buffered;
  }

  // ---- sending

  write(bytes: Uint8Array, onError: (error: Error) => void): void {
    if (this.#closed || this.#ending) queueMicrotask(() => onError(closedError()));
    else this.#out.add(bytes, onError);
  }

  end(): void {
    if (this.#closed || this.#ending) return;
    this.#ending = true;
    this.#linger = this.#network.clock.setTimer(lingerMs, () => this.destroy(), 'tcp linger');
    this.#out.add('end');
  }

  finish(): void {
    this.end();
    this.#finishing = true;
    this.#closeIfTaken();
  }

  destroy(): void {
    if (this.#closed) return;
    this.#out.shed(closedError());
    if (!this.#ending) this.#out.add('end');
    this.#close();
  }

  #closeIfTaken(): void {
    if (this.#finishing && this.#out.taken) this.#close();
  }

  // ---- receiving

  #receive(parcel: Parcel): void {
    if (parcel === 'reset') this.fail('ECONNRESET');
    // A system that knows nothing of a connection says so.
    else if (this.#closed) this.#out.reset();
    else if (parcel === 'open') {
      this.#clearTimers();
      this.#handler.onOpen({ host: this.#host.address, port: this.localPort });
      this.#out.open();
    } else {
      this.#unread.push(parcel);
      this.#read();
    }
  }

  readonly #read = (): void => {
    while (this.#reading && !this.#closed) {
      const parcel = this.#unread.shift();
      if (parcel === undefined) return;
      if (parcel === 'end') {
        // The peer sends no more: what is left of ours goes out, then both are closed.
        this.finish();
      } else {
        (this.#peer as LabConnection).#out.read(parcel.length);
        this.#handler.onData(parcel);
      }
    }
  };

  /** Reads no more: the peer's bytes pile up. */
  pause(): void {
    this.#reading = false;
  }

  resume(): void {
    this.#reading = true;
    this.#network.deliveries.add(this.#network.clock.now(), this.#read);
  }

  // ---- the end

  /** This side forgets the connection without a word. */
  vanish(): void {
    this.#out.clear();
    this.#close();
  }

  fail(code: string): void {
    if (this.#closed) return;
    const error = Object.assign(new Error(code), { code });
    this.#out.shed(error);
    this.#out.clear();
    this.#close(error);
  }

  #close(error?: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#clearTimers();
    this.#linger?.cancel();
    this.#host.remove(this);
    this.#network.deliveries.add(this.#network.clock.now(), () => this.#handler.onClose(error));
  }

  #clearTimers(): void {
    for (const timer of this.timers) timer.cancel();
  }
}

function closedError(): Error {
  return new Error('the connection is closed');
}

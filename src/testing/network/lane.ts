/**
 * One direction of a TCP connection, as the systems at both ends see to it: what is written arrives in order and once,
 * whatever the way does to it, even if the program that wrote it is through with the connection.
 */
import type { StreamTransport } from '../../sip/transport/kinds.ts';
import type { Way } from './conditions.ts';
import type { LabHost } from './host.ts';
import type { Address, LabNetwork } from './network.ts';

/** Bytes, or what systems say to each other. */
export type Parcel = Uint8Array | 'open' | 'end' | 'reset';

/** Whose words it carries. */
export interface LaneOwner {
  /** A parcel is at the other end. */
  onArrival(parcel: Parcel): void;
  /** Something went out, so that there is room for more. */
  onRoom(): void;
  /** Nobody answers any more. */
  onGiveUp(): void;
}

/** In the queue of the sender. */
interface Written {
  readonly parcel: Parcel;
  readonly onError: (error: Error) => void;
  /** Bytes of it that are on their way. */
  sent: number;
}

/** What each of the two systems holds of bytes that nobody has read. */
const bufferBytes = 256 * 1024;
/** How long bytes that nobody acknowledges are sent again and again. */
const giveUpMs = 120_000;
const retryMs = 200;

export class Lane {
  readonly #network: LabNetwork;
  readonly #transport: StreamTransport;
  readonly #host: LabHost;
  readonly #from: Address;
  readonly #to: Address;
  readonly #owner: LaneOwner;
  /** Not on its way yet. */
  #queue: Written[] = [];
  #queued = 0;
  readonly #flight: { readonly due: number; readonly parcel: Parcel }[] = [];
  /** Bytes on their way or unread. */
  #unread = 0;
  #open = false;
  #latest = 0;
  #stalledSince: number | undefined;
  #retrying = false;

  constructor(
    network: LabNetwork,
    transport: StreamTransport,
    host: LabHost,
    from: Address,
    to: Address,
    owner: LaneOwner,
  ) {
    this.#transport = transport;
    this.#network = network;
    this.#host = host;
    this.#from = from;
    this.#to = to;
    this.#owner = owner;
  }

  /** Bytes that the system has no room for. */
  get buffered(): number {
    return Math.max(0, this.#queued - this.#room);
  }

  /** Whether the system has everything, and sees to the rest alone. */
  get taken(): boolean {
    return this.#open && this.buffered === 0;
  }

  get #room(): number {
    return this.#open ? bufferBytes : 0;
  }

  /** Both systems know of the connection: what was written before goes out. */
  open(): void {
    this.#open = true;
    this.#pump();
  }

  /** @param onError when it is lost before the system had it */
  add(parcel: Parcel, onError: (error: Error) => void = () => {}): void {
    this.#queue.push({ parcel, onError, sent: 0 });
    this.#queued += bytesOf(parcel);
    this.#pump();
  }

  /** So many bytes were read at the other end. */
  read(bytes: number): void {
    this.#unread -= bytes;
    this.#pump();
  }

  /** Bytes that the system has no room for are lost. */
  shed(error: Error): void {
    let room = this.#room;
    this.#queue = this.#queue.filter(({ parcel, sent, onError }) => {
      const left = bytesOf(parcel) - sent;
      room -= left;
      if (left === 0 || room >= 0) return true;
      this.#queued -= left;
      queueMicrotask(() => onError(error));
      return false;
    });
  }

  /** Nothing goes out any more but what is on its way. */
  clear(): void {
    this.#queue = [];
    this.#queued = 0;
  }

  /** Instead of everything that did not go out: there is no such connection. */
  reset(): void {
    this.clear();
    this.#open = true;
    this.add('reset');
  }

  #pump(): void {
    while (this.#open && this.#queue.length > 0) {
      if (!this.#host.reaches(this.#to.address, 'sip')) {
        this.#stall();
        return;
      }
      this.#stalledSince = undefined;
      if (!this.#depart(this.#queue[0] as Written)) break;
      this.#queue.shift();
    }
    this.#owner.onRoom();
  }

  /** @returns false when there is no room for all of it */
  #depart(written: Written): boolean {
    const { parcel } = written;
    if (!(parcel instanceof Uint8Array)) {
      this.#launch(parcel);
      return true;
    }
    while (written.sent < parcel.length) {
      const room = bufferBytes - this.#unread;
      if (room <= 0) return false;
      const left = parcel.length - written.sent;
      // WebSocket keeps messages together, however they travel.
      const whole = this.#transport === 'ws' || this.#transport === 'wss';
      const size = whole ? left : Math.min(this.#way.cutAt(left) ?? left, room);
      this.#launch(new Uint8Array(parcel.subarray(written.sent, written.sent + size)));
      written.sent += size;
      this.#queued -= size;
      this.#unread += size;
    }
    this.#network.onSight({
      at: this.#network.clock.now(),
      traffic: 'sip',
      transport: this.#transport,
      from: this.#from,
      to: this.#to,
      bytes: parcel,
      arrivals: [this.#latest],
      noHost: false,
    });
    return true;
  }

  get #way(): Way {
    return this.#network.way(this.#host, this.#to.address, 'sip');
  }

  #launch(parcel: Parcel): void {
    this.#latest = this.#way.streamArrival(this.#network.clock.now(), this.#latest);
    this.#flight.push({ due: this.#latest, parcel });
    this.#network.deliveries.add(this.#latest, this.#land);
  }

  /** Everything that is due arrives, unless nobody is there: then it waits, and all that is behind it. */
  readonly #land = (): void => {
    const now = this.#network.clock.now();
    for (let first = this.#flight[0]; first && first.due <= now; first = this.#flight[0]) {
      if (!this.#network.hostAt(this.#to.address)?.online) {
        this.#stall();
        return;
      }
      this.#flight.shift();
      this.#stalledSince = undefined;
      this.#owner.onArrival(first.parcel);
    }
  };

  /** Nothing gets through: tries again until it does, or for so long that it makes no sense any more. */
  #stall(): void {
    const now = this.#network.clock.now();
    this.#stalledSince ??= now;
    if (now - this.#stalledSince >= giveUpMs) {
      this.#flight.length = 0;
      this.#owner.onGiveUp();
      this.clear();
    } else if (!this.#retrying) {
      this.#retrying = true;
      this.#network.deliveries.add(now + retryMs, this.#retry);
    }
  }

  readonly #retry = (): void => {
    this.#retrying = false;
    this.#land();
    this.#pump();
  };
}

function bytesOf(parcel: Parcel): number {
  return parcel instanceof Uint8Array ? parcel.length : 0;
}

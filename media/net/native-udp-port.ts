/**
 * `UdpPort` over the addon: one epoll set for all sockets of a thread, one call of ours per batch that
 * came, one of the addon's per batch that goes. A packet that is sent on from where it was received is
 * not copied, and nothing is allocated per packet.
 */
import { getSystemErrorName } from 'node:util';
import type { Timer } from '../../src/base/clock.ts';
import { bindError } from './bind-error.ts';
import type { NativeAddon, NativeSockets } from './native-addon.ts';
import { type DatagramReceiver, type OwnUdpIo, socketBuffer, type UdpPeer, type UdpPort } from './udp-port.ts';

/** One entry of a table: socket, buffer, offset, length, and the peer's sockaddr, which stays the kernel's secret. */
const sockaddrWords = 7;
const sockaddrAt = 4;
const datagramWords = sockaddrAt + sockaddrWords;
/** What an entry of the outgoing table says of where its bytes are. */
const inReceived = 0;
const inSent = 1;

/** Datagrams per batch: enough for a burst, and commands and timers have their turn in between. */
const batch = 256;
/** The largest datagram, which every call that receives must have room for. */
const largest = 65_536;
const receivedBytes = 4 * largest;
const sentBytes = 2 * largest;
/** Of a socket's number, its slot; the rest tells one user of the slot from the next. */
const slotMask = (1 << 20) - 1;

export function createNativeIo(addon: NativeAddon): OwnUdpIo {
  return new NativeIo(addon);
}

class NativeIo implements OwnUdpIo {
  readonly copies = true;
  readonly #addon: NativeAddon;
  readonly #sockets: NativeSockets;
  readonly #received = new Uint8Array(receivedBytes);
  readonly #receivedTable = new Int32Array(batch * datagramWords);
  readonly #sent = new Uint8Array(sentBytes);
  readonly #sentTable = new Int32Array(batch * datagramWords);
  readonly #sockaddr = new Int32Array(sockaddrWords);
  readonly #sockaddrBytes = new Uint8Array(this.#sockaddr.buffer);
  /** By slot. */
  readonly #ports: (NativePort | undefined)[] = [];
  /** By slot: the sockaddr that came last and the one that goes, beside each other, since packets of many calls pass here. */
  #peers = new Int32Array(64 * 2 * sockaddrWords);
  #noted = 0;
  #sentUsed = 0;
  #dispatching = false;
  #closed = false;
  #onAlarm: (() => void) | undefined;
  readonly #flushLater = (): void => this.flush();

  constructor(addon: NativeAddon) {
    this.#addon = addon;
    this.#sockets = new addon.Io(
      this.#received,
      new Uint8Array(this.#receivedTable.buffer),
      this.#sent,
      new Uint8Array(this.#sentTable.buffer),
      (count, rang) => this.#dispatch(count, rang),
    );
  }

  async bind(address: string, port: number, receive: DatagramReceiver): Promise<UdpPort> {
    const socket = this.#sockets.bind(address, port, socketBuffer);
    if (socket < 0) {
      const errno = getSystemErrorName(socket);
      throw bindError(address, port, errno, errno);
    }
    const slot = socket & slotMask;
    const bound = new NativePort(this, socket, this.#sockets.port(socket), address.includes(':'), receive);
    this.#ports[slot] = bound;
    this.#roomFor(slot);
    return bound;
  }

  #roomFor(slot: number): void {
    const words = 2 * sockaddrWords;
    if ((slot + 1) * words > this.#peers.length) {
      const peers = new Int32Array((slot + 1) * words * 2);
      peers.set(this.#peers);
      this.#peers = peers;
    }
    this.#peers.fill(0, slot * words, (slot + 1) * words);
  }

  #dispatch(count: number, rang: boolean): void {
    const table = this.#receivedTable;
    this.#dispatching = true;
    try {
      for (let at = 0; at < count * datagramWords; at += datagramWords) {
        const socket = table[at] as number;
        const port = this.#ports[socket & slotMask];
        // What waited here for a socket that was closed meanwhile has nowhere to go.
        if (port?.socket !== socket) continue;
        if (this.#isNew(socket & slotMask, at + sockaddrAt)) this.#tell(port, at + sockaddrAt);
        port.received(this.#received, table[at + 2] as number, table[at + 3] as number);
      }
    } finally {
      this.#dispatching = false;
      this.flush();
    }
    if (!rang) return;
    const fire = this.#onAlarm;
    this.#onAlarm = undefined;
    fire?.();
  }

  setAlarm(delayMs: number, fire: () => void): Timer {
    this.#onAlarm = fire;
    this.#sockets.alarm(Math.max(0, delayMs));
    return {
      cancel: () => {
        if (this.#onAlarm === fire) this.#onAlarm = undefined;
      },
    };
  }

  /** Another sockaddr than the one before came to this slot; it is kept. */
  #isNew(slot: number, at: number): boolean {
    const table = this.#receivedTable;
    const peers = this.#peers;
    const from = slot * 2 * sockaddrWords;
    let known = true;
    for (let word = 0; word < sockaddrWords; word++) {
      const value = table[at + word] as number;
      if (peers[from + word] === value) continue;
      peers[from + word] = value;
      known = false;
    }
    return !known;
  }

  #tell(port: NativePort, at: number): void {
    this.#sockaddr.set(this.#receivedTable.subarray(at, at + sockaddrWords));
    // After the family, in the order of the network.
    const number = ((this.#sockaddrBytes[2] as number) << 8) | (this.#sockaddrBytes[3] as number);
    port.from = { address: this.#addon.print(this.#sockaddrBytes), port: number };
  }

  /** Where what the socket sends goes from now on. @returns false for what is no IP address or port */
  aim(socket: number, { address, port }: UdpPeer, wide: boolean): boolean {
    if (!Number.isInteger(port) || port < 1 || port > 65_535) return false;
    if (!this.#addon.parse(address, port, wide, this.#sockaddrBytes)) return false;
    this.#peers.set(this.#sockaddr, ((socket & slotMask) * 2 + 1) * sockaddrWords);
    return true;
  }

  note(socket: number, buffer: Uint8Array, offset: number, length: number): void {
    if (length >= largest) return;
    const kept = buffer === this.#received;
    if (this.#noted === batch || (!kept && this.#sentUsed + length > sentBytes)) this.flush();
    let start = offset;
    if (!kept) {
      start = this.#sentUsed;
      const whole = offset === 0 && length === buffer.length;
      this.#sent.set(whole ? buffer : buffer.subarray(offset, offset + length), start);
      this.#sentUsed += length;
    }
    const table = this.#sentTable;
    const at = this.#noted * datagramWords;
    table[at] = socket;
    table[at + 1] = kept ? inReceived : inSent;
    table[at + 2] = start;
    table[at + 3] = length;
    const peers = this.#peers;
    const to = ((socket & slotMask) * 2 + 1) * sockaddrWords;
    for (let word = 0; word < sockaddrWords; word++) table[at + sockaddrAt + word] = peers[to + word] as number;
    // A timer that sends ends no turn of the engine.
    if (this.#noted++ === 0 && !this.#dispatching) queueMicrotask(this.#flushLater);
  }

  flush(): void {
    const noted = this.#noted;
    if (noted === 0 || this.#closed) return;
    this.#noted = 0;
    this.#sentUsed = 0;
    this.#sockets.send(noted);
  }

  release(socket: number): void {
    if (this.#closed) return;
    this.flush();
    this.#ports[socket & slotMask] = undefined;
    this.#sockets.release(socket);
  }

  close(): void {
    if (this.#closed) return;
    this.flush();
    this.#closed = true;
    this.#ports.length = 0;
    this.#sockets.close();
  }
}

class NativePort implements UdpPort {
  readonly socket: number;
  readonly port: number;
  readonly #io: NativeIo;
  readonly #wide: boolean;
  readonly #receive: DatagramReceiver;
  /** The latest peer each way: a stream has one, so that its address is printed and parsed once. */
  from: UdpPeer = { address: '', port: 0 };
  #to: UdpPeer | undefined;
  #closing: Promise<void> | undefined;

  constructor(io: NativeIo, socket: number, port: number, wide: boolean, receive: DatagramReceiver) {
    this.#io = io;
    this.socket = socket;
    this.port = port;
    this.#wide = wide;
    this.#receive = receive;
  }

  received(bytes: Uint8Array, offset: number, length: number): void {
    this.#receive(bytes, offset, length, this.from);
  }

  send(buffer: Uint8Array, offset: number, length: number, to: UdpPeer): void {
    if (this.#closing) return;
    if (to !== this.#to) {
      this.#to = undefined;
      if (!this.#io.aim(this.socket, to, this.#wide)) return;
      this.#to = to;
    }
    this.#io.note(this.socket, buffer, offset, length);
  }

  close(): Promise<void> {
    if (!this.#closing) {
      this.#closing = Promise.resolve();
      this.#io.release(this.socket);
    }
    return this.#closing;
  }
}

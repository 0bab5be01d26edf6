/** What every `UdpIo` does, on real sockets. */
import { networkInterfaces } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DatagramReceiver, OwnUdpIo, UdpPort } from '../../../media/net/udp-port.ts';
import { ios } from './ios.ts';

interface Heard {
  readonly bytes: Uint8Array;
  readonly address: string;
  readonly port: number;
}

const nobody: DatagramReceiver = () => {};
const hasIpv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ family }) => family === 'IPv6'));

describe.each(ios)('%s', (_, create) => {
  let io: OwnUdpIo;
  const open: UdpPort[] = [];
  const heard: Heard[] = [];
  let wake = (): void => {};

  beforeEach(() => {
    io = create();
    heard.length = 0;
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((port) => port.close()));
    io.close();
  });

  async function bind(address: string, receive: DatagramReceiver = nobody, port = 0): Promise<UdpPort> {
    const bound = await io.bind(address, port, receive);
    open.push(bound);
    return bound;
  }

  /** A port that writes down what it hears. */
  const listener = (address = '127.0.0.1'): Promise<UdpPort> =>
    bind(address, (buffer, offset, length, from) => {
      heard.push({ bytes: new Uint8Array(buffer.subarray(offset, offset + length)), ...from });
      wake();
    });

  async function hears(count: number): Promise<void> {
    while (heard.length < count)
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
  }

  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const send = (from: UdpPort, to: UdpPort, bytes: Uint8Array, address = '127.0.0.1'): void =>
    from.send(bytes, 0, bytes.length, { address, port: to.port });

  it('gives any free port for 0, and the one that is asked for', async () => {
    const any = await bind('127.0.0.1');
    expect(any.port).toBeGreaterThan(0);
    const { port } = any;
    await any.close();
    expect((await bind('127.0.0.1', nobody, port)).port).toBe(port);
  });

  it.each([
    ['a port in use', '127.0.0.1', 'ERR_PORT_IN_USE', 'EADDRINUSE'],
    ['an address of somebody else', '192.0.2.55', 'ERR_BIND', 'EADDRNOTAVAIL'],
  ])('refuses %s with a typed error', async (_name, address, code, errno) => {
    const { port } = await bind('127.0.0.1');
    await expect(io.bind(address, port, nobody)).rejects.toMatchObject({ code, facts: { address, port, errno } });
  });

  it('refuses what is no address', async () => {
    await expect(io.bind('localhost.invalid', 0, nobody)).rejects.toMatchObject({ code: 'ERR_BIND' });
  });

  it('says whose datagram it is', async () => {
    const to = await listener();
    const from = await bind('127.0.0.1');
    send(from, to, Uint8Array.of(1, 2, 3));
    io.flush();
    await hears(1);
    expect(heard).toEqual([{ bytes: Uint8Array.of(1, 2, 3), address: '127.0.0.1', port: from.port }]);
  });

  it.runIf(hasIpv6)('speaks IPv6, and IPv4 on the same socket by its own name', async () => {
    const both = await listener('::');
    const six = await bind('::1');
    const four = await bind('127.0.0.1', (buffer, offset, length, { address, port }) => {
      heard.push({ bytes: new Uint8Array(buffer.subarray(offset, offset + length)), address, port });
      wake();
    });
    send(six, both, Uint8Array.of(6), '::1');
    await hears(1);
    send(four, both, Uint8Array.of(4));
    await hears(2);
    send(both, four, Uint8Array.of(44));
    await hears(3);
    expect(heard).toEqual([
      { bytes: Uint8Array.of(6), address: '::1', port: six.port },
      { bytes: Uint8Array.of(4), address: '127.0.0.1', port: four.port },
      { bytes: Uint8Array.of(44), address: '127.0.0.1', port: both.port },
    ]);
  });

  it('sends on what was rewritten where it was received, and only that part of it', async () => {
    const to = await listener();
    const middle: UdpPort = await bind('127.0.0.1', (buffer, offset, length) => {
      buffer[offset + 2] = 99;
      middle.send(buffer, offset + 2, length - 3, { address: '127.0.0.1', port: to.port });
    });
    const from = await bind('127.0.0.1');
    for (let n = 0; n < 20; n++) send(from, middle, Uint8Array.of(1, 2, 3, n, n + 1, 6));
    await hears(20);
    expect(heard.map(({ bytes }) => [...bytes])).toEqual(Array.from({ length: 20 }, (_, n) => [99, n, n + 1]));
    expect(heard.every(({ port }) => port === middle.port)).toBe(true);
  });

  it('sends in the order in which it was told, from several buffers, with a flush or without', async () => {
    const to = await listener();
    const from = await bind('127.0.0.1');
    const large = Uint8Array.from({ length: 100 }, (_, n) => n);
    for (let n = 0; n < 50; n++) {
      from.send(large, n, 10, { address: '127.0.0.1', port: to.port });
      if (n % 7 === 0) io.flush();
      if (n % 10 === 0) await hears(n + 1);
    }
    await hears(50);
    expect(heard.map(({ bytes }) => bytes[0])).toEqual(Array.from({ length: 50 }, (_, n) => n));
  });

  it('sends what was told before it is closed, and nothing after', async () => {
    const to = await listener();
    const from = await bind('127.0.0.1');
    send(from, to, Uint8Array.of(1));
    await turn();
    const closed = from.close();
    expect(from.close()).toBe(closed);
    send(from, to, Uint8Array.of(2));
    await closed;
    send(from, to, Uint8Array.of(3));
    const other = await bind('127.0.0.1');
    send(other, to, Uint8Array.of(4));
    await hears(2);
    expect(heard.map(({ bytes }) => bytes[0])).toEqual([1, 4]);
  });

  it('hears nothing once it is closed, also of what waits in the same turn', async () => {
    const from = await bind('127.0.0.1');
    let received = 0;
    // Each closes the other: one of them has a datagram that came with the one that closed it.
    const pair: UdpPort[] = [];
    for (const other of [1, 0])
      pair.push(
        await bind('127.0.0.1', () => {
          received++;
          void pair[other]!.close();
          void pair[1 - other]!.close();
        }),
      );
    for (let n = 0; n < 10; n++) for (const port of pair) send(from, port, Uint8Array.of(n));
    const to = await listener();
    while (received === 0) await turn();
    for (let n = 0; n < 10; n++) for (const port of pair) send(from, port, Uint8Array.of(n));
    send(from, to, Uint8Array.of(1));
    await hears(1);
    expect(received).toBe(1);
  });

  it('gives what comes for a closed socket to nobody who takes its port', async () => {
    const from = await bind('127.0.0.1');
    const wrong: number[] = [];
    for (let round = 0; round < 100; round++) {
      const old: UdpPort = await bind('127.0.0.1', () => void old.close());
      send(from, old, Uint8Array.of(round));
      send(from, old, Uint8Array.of(round));
      if (round % 2 === 0) await turn();
      await old.close();
      const fresh = await bind('127.0.0.1', () => wrong.push(round));
      await turn();
      await fresh.close();
    }
    expect(wrong).toEqual([]);
  });

  it('carries thousands at once', async () => {
    const count = 4000;
    const ports = 40;
    const to = await Promise.all(Array.from({ length: ports }, () => listener()));
    const from = await bind('127.0.0.1');
    for (let n = 0; n < count; n += 400) {
      for (let m = n; m < n + 400; m++) send(from, to[m % ports]!, new Uint8Array(172).fill(m & 0xff));
      io.flush();
      await hears(n + 400);
    }
    expect(heard).toHaveLength(count);
    expect(heard.every(({ bytes }) => bytes.length === 172 && bytes.every((byte) => byte === bytes[0]))).toBe(true);
  });

  it('loses what finds no room, and goes on', async () => {
    const to = await listener();
    const from = await bind('127.0.0.1');
    for (let n = 0; n < 3000; n++) send(from, to, new Uint8Array(1000));
    io.flush();
    await hears(1);
    while (heard.at(-1)?.bytes.length !== 1) {
      send(from, to, Uint8Array.of(1));
      await turn();
    }
    expect(heard.length).toBeLessThan(3000);
  });

  it('has room for the largest datagram and for the smallest; a larger one is lost', async () => {
    const to = await listener();
    const from = await bind('127.0.0.1');
    const large = Uint8Array.from({ length: 20_000 }, (_, n) => n % 251);
    send(from, to, new Uint8Array(65_508));
    send(from, to, new Uint8Array(200_000));
    send(from, to, new Uint8Array(0));
    send(from, to, large);
    await hears(2);
    expect(heard.map(({ bytes }) => bytes)).toEqual([new Uint8Array(0), large]);
  });

  it('outlives peers that are not there', async () => {
    const to = await listener();
    const from = await listener();
    const gone = await bind('127.0.0.1');
    await gone.close();
    for (let n = 0; n < 20; n++) {
      send(from, gone, Uint8Array.of(n));
      from.send(Uint8Array.of(n), 0, 1, { address: '255.255.255.255', port: 9 });
      from.send(Uint8Array.of(n), 0, 1, { address: '2001:db8::1', port: 9 });
      await turn();
    }
    send(from, to, Uint8Array.of(7));
    await hears(1);
    expect(heard.at(-1)?.bytes).toEqual(Uint8Array.of(7));
  });

  it('tells peers apart that take turns on one socket', async () => {
    const to = await listener();
    const peers = await Promise.all(['127.0.0.1', '127.0.0.2', '127.0.0.3'].map((address) => bind(address)));
    for (let n = 0; n < 30; n++) send(peers[n % 3]!, to, Uint8Array.of(n));
    await hears(30);
    for (const { bytes, address, port } of heard) {
      const sender = bytes[0]! % 3;
      expect({ address, port }).toEqual({ address: `127.0.0.${sender + 1}`, port: peers[sender]!.port });
    }
  });

  it('sends to many peers from one socket', async () => {
    const to = await Promise.all(Array.from({ length: 30 }, () => listener()));
    const from = await bind('127.0.0.1');
    to.forEach((port, n) => {
      send(from, port, Uint8Array.of(n));
    });
    await hears(30);
    expect(heard.map(({ bytes }) => bytes[0]).sort((a, b) => a! - b!)).toEqual(to.map((_, n) => n));
  });
});

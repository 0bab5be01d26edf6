import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../src/testing/fake-clock.ts';
import type { LabHost } from '../../src/testing/network/host.ts';
import { type ConditionOptions, LabNetwork, type Sight, type Traffic } from '../../src/testing/network/network.ts';

/** Two hosts, and what `bob` receives. */
function twoHosts(seed: number | string = 1, conditions: ConditionOptions = {}) {
  const clock = new FakeClock();
  const network = new LabNetwork(clock, seed);
  network.set(conditions);
  const alice = network.host('alice', '10.0.1.1');
  const bob = network.host('bob', '10.0.1.2');
  return { clock, network, alice, bob, ...pair(clock, alice, bob) };
}

interface Got {
  readonly number: number;
  /** ms it was under way, of datagrams sent every 20 ms. */
  readonly took: number;
  readonly at: number;
}

/** A socket of each kind at both; numbered datagrams from one to the other. */
function pair(clock: FakeClock, from: LabHost, to: LabHost) {
  const got: Record<Traffic, Got[]> = { sip: [], rtp: [] };
  const ports = { sip: 5060, rtp: 4000 };
  const sockets = {} as Record<Traffic, ReturnType<LabHost['openUdp']>>;
  const sentAt = new Map<number, number>();
  for (const traffic of ['sip', 'rtp'] as const) {
    sockets[traffic] = from.openUdp(traffic, 0, () => {});
    to.openUdp(traffic, ports[traffic], (bytes) => {
      const number = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
      got[traffic].push({ number, at: clock.now(), took: clock.now() - (sentAt.get(number) ?? Number.NaN) });
    });
  }
  let count = 0;
  const send = (traffic: Traffic = 'rtp', number = count++): boolean => {
    sentAt.set(number, clock.now());
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, number);
    return sockets[traffic].send(bytes, { address: to.address, port: ports[traffic] });
  };
  /** So many, one every 20 ms, and lets the last arrive. */
  const stream = async (many: number, traffic: Traffic = 'rtp'): Promise<Got[]> => {
    const before = got[traffic].length;
    for (let i = 0; i < many; i++) {
      send(traffic);
      await clock.advance(20);
    }
    await clock.advance(10_000);
    return got[traffic].slice(before);
  };
  /** So many at once. */
  const burst = async (many: number, traffic: Traffic = 'rtp'): Promise<Got[]> => {
    const before = got[traffic].length;
    for (let i = 0; i < many; i++) send(traffic);
    await clock.advance(10_000);
    return got[traffic].slice(before);
  };
  const numbers = (traffic: Traffic = 'rtp'): number[] => got[traffic].map(({ number }) => number);
  return { got, numbers, send, stream, burst, socket: sockets.rtp };
}

const isSorted = (numbers: readonly number[]): boolean =>
  numbers.every((number, index) => index === 0 || number >= (numbers[index - 1] as number));

describe('a datagram', () => {
  it('arrives at the port it was sent to, with the address it came from, after 1 ms', async () => {
    const { clock, alice, bob } = twoHosts();
    const seen: unknown[] = [];
    bob.openUdp('sip', 5070, (bytes, from) => seen.push([[...bytes], from, clock.now()]));
    bob.openUdp('sip', 5071, () => seen.push('another port'));
    const socket = alice.openUdp('sip', 6000, () => {});
    await clock.advance(3);
    expect(socket.send(Uint8Array.of(1, 2), { address: '10.0.1.2', port: 5070 })).toBe(true);
    expect(seen).toEqual([]);
    await clock.advance(1);
    expect(seen).toEqual([[[1, 2], { address: '10.0.1.1', port: 6000 }, 4]]);
  });

  it('is lost where nobody listens, and where somebody did', async () => {
    const { clock, alice, bob } = twoHosts();
    let heard = 0;
    const listener = bob.openUdp('sip', 5070, () => heard++);
    const socket = alice.openUdp('sip', 0, () => {});
    const send = (): boolean => socket.send(Uint8Array.of(1), { address: bob.address, port: 5070 });
    expect(socket.send(Uint8Array.of(1), { address: bob.address, port: 9 })).toBe(true);
    send();
    listener.close();
    await clock.advance(10);
    expect(heard).toBe(0);
    bob.openUdp('sip', 5070, () => heard++);
    send();
    await clock.advance(10);
    expect(heard).toBe(1);
  });

  it('is not sent by a closed socket', async () => {
    const { clock, network, bob, got, socket, send } = twoHosts();
    const sights: Sight[] = [];
    network.onSight = (sight) => sights.push(sight);
    socket.close();
    socket.close();
    expect(send()).toBe(true);
    await clock.advance(10);
    expect([sights, got.rtp]).toEqual([[], []]);
    expect(bob.open).toEqual(['udp 5060', 'udp 4000']);
  });

  it('is a copy for each who gets it: the sender may use its buffer again, receivers may write into theirs', async () => {
    const { clock, alice, bob } = twoHosts(1, { duplicate: 1 });
    const received: Uint8Array[] = [];
    bob.openUdp('rtp', 6000, (bytes) => {
      received.push(bytes.slice());
      bytes.fill(0);
    });
    const buffer = Buffer.of(1, 2, 3);
    alice.openUdp('rtp', 0, () => {}).send(buffer, { address: bob.address, port: 6000 });
    buffer.fill(9);
    await clock.advance(100);
    expect(received).toEqual([Uint8Array.of(1, 2, 3), Uint8Array.of(1, 2, 3)]);
  });

  it('sent while one arrives gets there later, even if that takes no time', async () => {
    const { clock, alice, bob } = twoHosts(1, { delayMs: 0 });
    const order: string[] = [];
    const one = alice.openUdp('sip', 5070, () => order.push('back at alice'));
    const other = bob.openUdp('sip', 5070, (_, from) => {
      other.send(Uint8Array.of(1), from);
      order.push('at bob');
      void Promise.resolve().then(() => order.push('what bob does next'));
    });
    one.send(Uint8Array.of(1), other);
    expect(order).toEqual([]);
    await clock.advance(0);
    expect(order).toEqual(['at bob', 'what bob does next', 'back at alice']);
  });

  it('whose receiver throws keeps no other from arriving', async () => {
    const { clock, alice, bob, numbers, send } = twoHosts();
    const broken = bob.openUdp('rtp', 6000, () => {
      throw new Error('broken receiver');
    });
    alice.openUdp('rtp', 0, () => {}).send(Uint8Array.of(1), broken);
    send();
    await expect(clock.advance(10)).rejects.toThrow('broken receiver');
    await clock.advance(10);
    expect(numbers()).toEqual([0]);
  });
});

describe('a way', () => {
  it('delays', async () => {
    const { stream } = twoHosts(1, { delayMs: 80 });
    expect((await stream(3)).map(({ at }) => at)).toEqual([80, 100, 120]);
  });

  it('keeps the order under jitter, which is as large as it is told to be and no larger', async () => {
    const { stream, burst } = twoHosts(1, { delayMs: 10, jitterMs: 50 });
    const streamed = await stream(1000);
    const took = streamed.map((one) => one.took);
    expect(isSorted(streamed.map(({ number }) => number))).toBe(true);
    expect(Math.min(...took)).toBeGreaterThanOrEqual(10);
    expect(Math.max(...took)).toBeLessThan(60);
    expect(new Set(took.map(Math.floor)).size).toBeGreaterThan(30);
    expect(isSorted((await burst(100)).map(({ number }) => number))).toBe(true);
  });

  it('keeps the order when it becomes faster', async () => {
    const { clock, network, send, got } = twoHosts(1, { delayMs: 100 });
    send();
    network.set({ delayMs: 1 });
    send();
    await clock.advance(200);
    expect(got.rtp.map(({ number, at }) => [number, at])).toEqual([
      [0, 100],
      [1, 100],
    ]);
  });

  it.each([0.01, 0.1, 0.5])('loses a share of %f', async (loss) => {
    const { burst } = twoHosts(1, { loss });
    const lost = 10_000 - (await burst(10_000)).length;
    expect(Math.abs(lost - 10_000 * loss)).toBeLessThan(4 * Math.sqrt(10_000 * loss * (1 - loss)));
  });

  it('loses everything, or nothing', async () => {
    expect(await twoHosts(1, { loss: 1 }).burst(1000)).toEqual([]);
    expect(await twoHosts(1, { loss: 0 }).burst(1000)).toHaveLength(1000);
  });

  it('holds up a share, which those behind overtake, and loses none', async () => {
    const { stream } = twoHosts(1, { reorder: 0.1 });
    const got = await stream(2000);
    const late = got.filter(({ took }) => took === 31);
    expect(got.filter(({ took }) => took === 1)).toHaveLength(2000 - late.length);
    expect(late.length).toBeGreaterThan(150);
    expect(late.length).toBeLessThan(250);
    const overtaken = late.filter(({ number, at }) => got.some((one) => one.number > number && one.at < at));
    expect(overtaken.length).toBeGreaterThan(0.8 * late.length);
  });

  it('holds up for as long as it is told to', async () => {
    const { clock, send, numbers } = twoHosts(1, { reorder: 1, reorderMs: 200 });
    send();
    await clock.advance(200);
    expect(numbers()).toEqual([]);
    await clock.advance(1);
    expect(numbers()).toEqual([0]);
  });

  it('delivers a share twice', async () => {
    const { burst } = twoHosts(1, { duplicate: 0.2 });
    const got = await burst(5000);
    expect(new Set(got.map(({ number }) => number)).size).toBe(5000);
    expect(got.length - 5000).toBeGreaterThan(900);
    expect(got.length - 5000).toBeLessThan(1100);
    const firsts = got.filter(({ took }) => took === 1);
    expect(firsts).toHaveLength(5000);
    expect(Math.max(...got.map(({ took }) => took))).toBeLessThan(31);
  });

  it('takes on what is said of it and keeps the rest', async () => {
    const { network, alice, bob, stream } = twoHosts(1, { delayMs: 50 });
    network.set({ jitterMs: 0 });
    network.between(alice, bob, { loss: 0 });
    expect((await stream(1))[0]?.took).toBe(50);
    network.between(alice, bob, { delayMs: 5 });
    expect((await stream(1))[0]?.took).toBe(5);
    network.set({ delayMs: 7 });
    expect((await stream(1))[0]?.took).toBe(7);
  });

  it('is for one kind of traffic if told so', async () => {
    const { network, burst } = twoHosts(1, { only: 'rtp', loss: 1 });
    expect(await burst(10, 'sip')).toHaveLength(10);
    expect(await burst(10, 'rtp')).toHaveLength(0);
    network.set({ loss: 0, delayMs: 5 });
    network.set({ only: 'sip', delayMs: 9 });
    expect((await burst(1, 'rtp'))[0]?.took).toBe(5);
    expect((await burst(1, 'sip'))[0]?.took).toBe(9);
  });

  it('between two hosts is theirs alone, and for both directions', async () => {
    const { clock, network, alice, bob, burst } = twoHosts();
    const carol = network.host('carol', '10.0.1.3');
    const back = pair(clock, bob, network.host('dave', '10.0.1.4'));
    const other = pair(clock, alice, carol);
    network.between(bob, alice, { delayMs: 40 });
    expect((await burst(1))[0]?.took).toBe(40);
    expect((await other.burst(1))[0]?.took).toBe(1);
    expect((await back.burst(1))[0]?.took).toBe(1);
    const echo = bob.openUdp('rtp', 7000, (bytes, from) => echo.send(bytes, from));
    const at: number[] = [];
    const start = clock.now();
    alice.openUdp('rtp', 7000, () => at.push(clock.now() - start)).send(Uint8Array.of(1), echo);
    await clock.advance(100);
    expect(at).toEqual([80]);
  });

  it('of hosts that come later is as the network was told before', async () => {
    const { clock, network, alice } = twoHosts(1, { delayMs: 33 });
    const late = pair(clock, alice, network.host('late', '10.0.1.9'));
    expect((await late.burst(1))[0]?.took).toBe(33);
  });
});

describe('a seed', () => {
  const bad: ConditionOptions = { loss: 0.2, jitterMs: 15, reorder: 0.1, duplicate: 0.1 };

  it('decides what becomes of each datagram', async () => {
    const fates = async (seed: number | string) =>
      (await twoHosts(seed, bad).stream(300)).map((one) => [one.number, one.at]);
    const one = await fates(1);
    expect(await fates(1)).toEqual(one);
    expect(await fates('1')).toEqual(one);
    expect(await fates(2)).not.toEqual(one);
  });

  it('gives each direction and each kind of traffic fates of its own', async () => {
    const { clock, bob, network, burst } = twoHosts(1, { loss: 0.5 });
    const back = pair(clock, bob, network.host('carol', '10.0.1.3'));
    const lists = [await burst(64), await burst(64, 'sip'), await back.burst(64)];
    const first = (list: Got[]): number => (list[0] as Got).number;
    const patterns = lists.map((list) => list.map(({ number }) => number - first(list)).join());
    expect(new Set(patterns).size).toBe(3);
  });

  it('decides the same for two hosts whoever else is there', async () => {
    const alone = await twoHosts(1, bad).stream(300);
    const { clock, network, alice, stream } = twoHosts(1, bad);
    const carol = network.host('carol', '10.0.1.3');
    const noise = [pair(clock, carol, alice), pair(clock, alice, carol)];
    for (let i = 0; i < 300; i++) clock.setTimer(i * 20 + 7, () => noise.map(({ send }) => send()));
    expect((await stream(300)).map(({ number, at }) => [number, at])).toEqual(
      alone.map(({ number, at }) => [number, at]),
    );
  });
});

describe('what does not get through', () => {
  it('is cut between two hosts, both ways, until healed', async () => {
    const { clock, network, alice, bob, burst } = twoHosts();
    const carol = network.host('carol', '10.0.1.3');
    const other = pair(clock, carol, alice);
    const back = pair(clock, bob, carol);
    network.partition(bob, alice);
    expect([await burst(5), await burst(5, 'sip')]).toEqual([[], []]);
    expect([await other.burst(5), await back.burst(5)].map((list) => list.length)).toEqual([5, 5]);
    network.heal(alice, bob);
    expect(await burst(5)).toHaveLength(5);
  });

  it('is healed everywhere at once', async () => {
    const { clock, network, alice, bob, burst } = twoHosts();
    const carol = network.host('carol', '10.0.1.3');
    const other = pair(clock, carol, alice);
    network.partition(alice, bob);
    network.partition(alice, carol);
    network.heal(alice, bob);
    expect(await other.burst(1)).toEqual([]);
    network.partition(alice, bob);
    network.heal();
    expect([(await burst(1)).length, (await other.burst(1)).length]).toEqual([1, 1]);
  });

  it('is cut off with a host that is offline, and with what was under way to it', async () => {
    const { clock, alice, bob, burst, send, numbers } = twoHosts(1, { delayMs: 10 });
    send();
    await clock.advance(5);
    bob.online = false;
    await clock.advance(100);
    bob.online = true;
    expect(numbers()).toEqual([]);
    alice.online = false;
    expect(await burst(3)).toEqual([]);
    alice.online = true;
    bob.online = false;
    expect(await burst(3)).toEqual([]);
    bob.online = true;
    expect(await burst(3)).toHaveLength(3);
  });

  it('is said at once where no host is', () => {
    const { alice } = twoHosts();
    const socket = alice.openUdp('sip', 0, () => {});
    expect(socket.send(Uint8Array.of(1), { address: '10.9.9.9', port: 5060 })).toBe(false);
  });

  it('is lost with what is under way when the network closes', async () => {
    const { clock, network, send, numbers } = twoHosts();
    send();
    network.close();
    await clock.advance(10);
    expect([numbers(), clock.pending]).toEqual([[], 0]);
  });
});

describe('what is sent', () => {
  it('is seen with what will become of it', async () => {
    const { network, alice, bob, send, socket } = twoHosts();
    const sights: Sight[] = [];
    network.onSight = ({ bytes, ...sight }) => sights.push({ ...sight, bytes: bytes.slice() });
    send();
    network.between(alice, bob, { duplicate: 1, reorderMs: 0, delayMs: 4 });
    send('sip');
    bob.online = false;
    send();
    socket.send(Uint8Array.of(1), { address: '10.9.9.9', port: 9 });
    expect(sights.map(({ traffic, arrivals, noHost }) => ({ traffic, arrivals, noHost }))).toEqual([
      { traffic: 'rtp', arrivals: [1], noHost: false },
      { traffic: 'sip', arrivals: [4, 4], noHost: false },
      { traffic: 'rtp', arrivals: [], noHost: false },
      { traffic: 'rtp', arrivals: [], noHost: true },
    ]);
    expect(sights[0]).toMatchObject({
      at: 0,
      transport: 'udp',
      from: { address: '10.0.1.1', port: socket.port },
      to: { address: '10.0.1.2', port: 4000 },
      bytes: Uint8Array.of(0, 0, 0, 0),
    });
  });
});

describe('hosts', () => {
  it('have ports of their own, and give out free ones', () => {
    const { network, alice } = twoHosts();
    const host = network.host('carol', '10.0.1.3');
    const [one, two] = [host.openUdp('rtp', 0, () => {}), host.openUdp('rtp', 0, () => {})];
    expect(one.port).toBeGreaterThanOrEqual(49_152);
    expect(two.port).not.toBe(one.port);
    host.openUdp('sip', 5060, () => {});
    host.listenStream(5060, () => ({ onOpen() {}, onData() {}, onClose() {} }));
    expect(host.open).toEqual([`udp ${one.port}`, `udp ${two.port}`, 'udp 5060', 'tcp 5060']);
    expect(alice.open).toHaveLength(2);
  });

  it('give out ports for ever, but none that is in use', () => {
    const { network } = twoHosts();
    const host = network.host('carol', '10.0.1.3');
    const kept = host.openUdp('rtp', 0, () => {});
    const ports = new Set<number>();
    for (let i = 0; i < 40_000; i++) {
      const socket = host.openUdp('rtp', 0, () => {});
      ports.add(socket.port);
      socket.close();
    }
    expect(ports.has(kept.port)).toBe(false);
    expect([Math.min(...ports), Math.max(...ports)]).toEqual([49_153, 65_535]);
    const handler = { onOpen() {}, onData() {}, onClose() {} };
    const { localPort } = host.connectStream({ address: '10.0.1.1', port: 5060 }, handler);
    for (let i = 0; i < 20_000; i++) {
      const server = host.listenStream(0, () => handler);
      expect(server.port).not.toBe(localPort);
      server.close();
    }
  });

  it('refuse a port that is in use until it is free again', () => {
    const { alice } = twoHosts();
    const socket = alice.openUdp('sip', 5070, () => {});
    const taken = { code: 'ERR_PORT_IN_USE', facts: { transport: 'udp', host: '10.0.1.1', port: 5070 } };
    expect(() => alice.openUdp('rtp', 5070, () => {})).toThrow(expect.objectContaining(taken));
    const accept = () => ({ onOpen() {}, onData() {}, onClose() {} });
    const server = alice.listenStream(5070, accept);
    expect(() => alice.listenStream(5070, accept)).toThrow(expect.objectContaining({ code: 'ERR_PORT_IN_USE' }));
    socket.close();
    server.close();
    alice.openUdp('rtp', 5070, () => {});
    alice.listenStream(5070, accept);
    server.close();
    socket.close();
    expect(alice.open.filter((one) => one.endsWith('5070'))).toEqual(['udp 5070', 'tcp 5070']);
  });

  it('are of one name and address each, in whatever case', () => {
    const { network } = twoHosts();
    for (const [name, address] of [
      ['alice', '10.0.9.9'],
      ['Alice', '10.0.9.9'],
      ['carol', '10.0.1.1'],
    ] as const)
      expect(() => network.host(name, address)).toThrow(expect.objectContaining({ code: 'ERR_ARGUMENT' }));
    expect(network.hosts.map(({ name }) => name)).toEqual(['alice', 'bob']);
    expect(network.hostAt('10.0.1.2')?.name).toBe('bob');
  });

  it('are found by name, and addresses by themselves', async () => {
    const { network } = twoHosts();
    network.host('Proxy.Example', '2001:db8::1');
    const { lookup } = network.resolver;
    expect(await lookup('bob')).toEqual([{ address: '10.0.1.2', family: 4 }]);
    expect(await lookup('BOB')).toEqual([{ address: '10.0.1.2', family: 4 }]);
    expect(await lookup('proxy.example')).toEqual([{ address: '2001:db8::1', family: 6 }]);
    expect(await lookup('192.0.2.7')).toEqual([{ address: '192.0.2.7', family: 4 }]);
    expect(await lookup('2001:db8::7')).toEqual([{ address: '2001:db8::7', family: 6 }]);
    await expect(lookup('carol')).rejects.toMatchObject({ code: 'ENOTFOUND' });
  });

  it('may have IPv6 addresses', async () => {
    const { clock, network } = twoHosts();
    const one = network.host('six', '2001:db8::1');
    const two = network.host('seven', '2001:db8::2');
    const { burst } = pair(clock, one, two);
    expect(await burst(3)).toHaveLength(3);
  });
});

describe('the network of a SIP endpoint', () => {
  const handler = { onDatagram() {}, onDrop() {} };

  it('carries datagrams, which belong to the receiver', async () => {
    const { clock, alice, bob } = twoHosts();
    const heard: unknown[] = [];
    const server = await bob.sip.openUdp(
      { host: '0.0.0.0', port: 5070 },
      { ...handler, onDatagram: (bytes, address, port) => heard.push([[...bytes], address, port]) },
    );
    const client = await alice.sip.openUdp({ host: alice.address, port: 0 }, handler);
    expect([server.host, server.port, client.host]).toEqual(['0.0.0.0', 5070, '10.0.1.1']);
    client.send(Uint8Array.of(7), bob.address, 5070, () => heard.push('error'));
    expect(heard).toEqual([]);
    await clock.advance(1);
    expect(heard).toEqual([[[7], '10.0.1.1', client.port]]);
    await server.close();
    expect(bob.open).toHaveLength(2);
    expect(alice.sip.localAddress(bob.address)).toBe('10.0.1.1');
  });

  it('says EHOSTUNREACH where no host is, once and on a later turn', async () => {
    const { clock, alice } = twoHosts();
    const client = await alice.sip.openUdp({ host: alice.address, port: 0 }, handler);
    const errors: unknown[] = [];
    client.send(Uint8Array.of(7), '10.9.9.9', 5060, (error) => errors.push(error));
    expect(errors).toEqual([]);
    await clock.advance(100);
    expect(errors).toEqual([expect.objectContaining({ code: 'EHOSTUNREACH' })]);
  });

  it('listens on its own addresses and free ports only', async () => {
    const { alice } = twoHosts();
    const taken = { host: alice.address, port: 5070 };
    const stream = { ...taken, transport: 'tcp' as const };
    await alice.sip.openUdp(taken, handler);
    await expect(alice.sip.openUdp(taken, handler)).rejects.toMatchObject({ code: 'ERR_PORT_IN_USE', facts: taken });
    const accept = () => ({ onOpen() {}, onData() {}, onClose() {} });
    const server = await alice.sip.listenStream(stream, accept);
    await expect(alice.sip.listenStream(stream, accept)).rejects.toMatchObject({ code: 'ERR_PORT_IN_USE' });
    await server.close();
    await (await alice.sip.listenStream(stream, accept)).close();
    const foreign = { host: '10.0.1.2', port: 5070 };
    await expect(alice.sip.openUdp(foreign, handler)).rejects.toMatchObject({ code: 'ERR_LISTEN', facts: foreign });
    await expect(alice.sip.listenStream({ ...foreign, transport: 'tls' }, accept)).rejects.toMatchObject({
      code: 'ERR_LISTEN',
    });
  });
});

describe('the network of a media plane', () => {
  it('carries parts of buffers, which are its own again at once, to receivers who may rewrite them', async () => {
    const { clock, alice, bob } = twoHosts();
    const heard: unknown[] = [];
    const receiver = await bob.rtp.bind('0.0.0.0', 0, (buffer, offset, length, { address, port }) => {
      heard.push([[...buffer.subarray(offset, offset + length)], address, port]);
      buffer.fill(0);
    });
    const sender = await alice.rtp.bind(alice.address, 16_384, () => {});
    const buffer = Buffer.of(1, 2, 3, 4);
    sender.send(buffer, 1, 2, { address: bob.address, port: receiver.port });
    buffer.fill(9);
    await clock.advance(1);
    expect(heard).toEqual([[[2, 3], '10.0.1.1', 16_384]]);
    await receiver.close();
    sender.send(buffer, 0, 4, { address: bob.address, port: receiver.port });
    await clock.advance(1);
    expect(heard).toHaveLength(1);
  });

  it('binds its own addresses and free ports only', async () => {
    const { alice } = twoHosts();
    await alice.rtp.bind(alice.address, 16_384, () => {});
    await expect(alice.rtp.bind('0.0.0.0', 16_384, () => {})).rejects.toMatchObject({ code: 'ERR_PORT_IN_USE' });
    await expect(alice.rtp.bind('10.0.1.2', 0, () => {})).rejects.toMatchObject({ code: 'ERR_BIND' });
  });
});

import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PortAddress } from '../../../src/control/binrpc/address.ts';
import { askBinrpc } from '../../../src/control/binrpc/client.ts';
import { maxReplyBytes } from '../../../src/control/binrpc/packet.ts';
import { BinrpcServer } from '../../../src/control/binrpc/server.ts';
import type { RpcScalar } from '../../../src/control/rpc/value.ts';
import { between, chance, seededRandom } from '../../../src/testing/index.ts';
import { Bench, Peer } from './bench.ts';
import * as golden from './golden.ts';

const record = (text: string): string => {
  const length = text.length + 1;
  const head = length < 8 ? [(length << 4) | 1] : [0x91, length];
  return Buffer.from([...head, ...Buffer.from(text), 0]).toString('hex');
};
const request = (cookie: string, ...records: readonly string[]): string => {
  const body = records.join('');
  return `a100${(body.length / 2).toString(16).padStart(2, '0')}${cookie}${body}`;
};
const corrupted = 'a1302300200190911e62616420726571756573743a20636f72727570746564207061636b657400';
const version = `a1101b079119${Buffer.from('tandem 0.1.0 (x64/linux)\0').toString('hex')}`;

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(async () => {
  await bench[Symbol.asyncDispose]();
});

function ask(method: string, ...args: readonly RpcScalar[]) {
  const [address] = bench.server.listeners;
  if (!address) throw new Error('nobody listens');
  return askBinrpc(address, { method, args, timeoutMs: 10_000, cookie: 7 });
}

describe('the control server on a unix stream', () => {
  it('answers with the bytes of Kamailio', async () => {
    await bench.open();
    const peer = bench.connect().send(request('07', record('test.dialog')));
    expect(await peer.take(golden.packet.length / 2)).toBe(golden.packet);
    peer.send(request('07', record('core.version')));
    expect(await peer.take(version.length / 2)).toBe(version);
    peer.send(request('07', record('test.nothing')));
    expect(await peer.take(4)).toBe('a1100007');
    peer.send(request('07', record('dlg.stats')));
    expect(await peer.take(37)).toBe('a13021072001f4911c636f6d6d616e6420646c672e7374617473206e6f7420666f756e6400');
    peer.send(request('07', record('test.fault')));
    expect(await peer.take(26)).toBe(`a13016072001949111${Buffer.from('Dialog not found\0').toString('hex')}`);
  });

  it('answers requests in order, the slow one first, and those that come in pieces', async () => {
    await bench.open();
    const stream = [
      request('01', record('test.later')),
      request('02', record('core.echo'), '1005'),
      request('03', record('test.nothing')),
    ].join('');
    const answers = 'a1100701' + '616c6174657200' + 'a1100202' + '1005' + 'a1100003';
    const inOne = bench.connect().send(stream);
    expect(await inOne.take(answers.length / 2)).toBe(answers);
    const inPieces = bench.connect();
    for (const byte of stream.match(/../g) as string[]) {
      inPieces.send(byte);
      await new Promise(setImmediate);
    }
    expect(await inPieces.take(answers.length / 2)).toBe(answers);
  });

  it('answers one that says no more after its request', async () => {
    await bench.open();
    const peer = bench.connect().send(request('07', record('test.later')));
    peer.socket.end();
    expect(await peer.all).toBe('a1100707616c6174657200');
  });

  it.each([
    ['another magic', 'b1030001', corrupted],
    ['another version', 'a200000100', corrupted],
    ['text', Buffer.from('GET / HTTP/1.0\r\n\r\n').toString('hex'), corrupted],
    ['a request that is too long', 'a10cffffffff07', corrupted],
    ['a reply', 'a1100007', corrupted],
    [
      'a request of nothing',
      request('07'),
      `a1303307200190912e${text('bad request method: end of packet encountered')}`,
    ],
    [
      'a number as method',
      request('07', '1001'),
      `a1303307200190912e${text("bad request method: record doesn't match type")}`,
    ],
    [
      'a record cut short',
      request('07', record('core.echo'), '9150616263'),
      `a1302307200190911e${text('bad request: more data needed')}`,
    ],
  ])('closes on %s, with a fault before', async (_, bytes, fault) => {
    await bench.open();
    expect(await bench.connect().send(bytes).all).toBe(fault);
  });

  it('answers what came before garbage, and nothing behind it', async () => {
    await bench.open();
    const peer = bench
      .connect()
      .send(request('01', record('test.nothing')), '00', request('02', record('test.nothing')));
    expect(await peer.all).toBe(`a1100001${corrupted}`);
  });

  it('says of arguments what is wrong, and goes on', async () => {
    await bench.open();
    const peer = bench.connect();
    peer.send(request('07', record('core.echo'), '03', '83'));
    const fault = `error at parameter 0: expected any type but record doesn't match type`;
    const [code, body] = ['200190', text(fault)];
    expect(await peer.take(4 + 3 + 2 + fault.length + 1)).toBe(
      `a130${(3 + 2 + fault.length + 1).toString(16)}07${code}91${(fault.length + 1).toString(16)}${body}`,
    );
    peer.send(request('01', record('test.nothing')));
    expect(await peer.take(4)).toBe('a1100001');
    expect(await ask('core.echo', ...Array.from({ length: 300 }, () => 1))).toEqual({
      fault: { code: 400, text: 'more than 256 arguments' },
    });
  });

  it('counts the records of a reply that is too long, and names what gives fewer', async () => {
    await bench.open();
    expect(await ask('test.list', 100_000)).toEqual({
      fault: {
        code: 500,
        text:
          'the reply is longer than BINRPC carries (128 KiB; records: 100000): ' +
          'ask for fewer with dlg.list_match <key> <op> <value> <limit>, or over HTTP',
      },
    });
    const peer = bench.connect().send(request('07', record('test.list'), '201f40'));
    const head = await peer.take(6);
    expect(head.slice(0, 4)).toBe('a118');
    expect(Number.parseInt(head.slice(4, 10), 16)).toBeLessThanOrEqual(maxReplyBytes - 10);
    expect(await ask('test.list', 8000)).toMatchObject({ records: { length: 8000 } });
  });

  it('lets others have their turn while it makes a long list', async () => {
    await bench.open();
    let turns = 0;
    let running = true;
    const count = (): void => {
      turns++;
      if (running) setImmediate(count);
    };
    count();
    await ask('test.list', 20_000);
    running = false;
    expect(turns).toBeGreaterThan(300);
  });

  it('makes a fault of a list that breaks', async () => {
    await bench.open();
    expect(await ask('test.broken')).toEqual({ fault: { code: 500, text: 'Internal error' } });
  });

  it('has a file of its own user, in a folder that it makes, and removes it', async () => {
    await bench.open();
    expect(statSync(bench.path).mode & 0o777).toBe(0o600);
    await bench.server.close();
    expect(readdirSync(dirname(bench.path))).toEqual([]);
  });

  it('closes once, in any state, and nobody is connected after it', async () => {
    await bench.server.close();
    await using other = new Bench();
    await other.open();
    const peer = other.connect().send(request('07', record('test.nothing')));
    await peer.take(4);
    await Promise.all([other.server.close(), other.server.close()]);
    expect(await peer.all).toBe('');
    expect(other.server.connections).toEqual([]);
  });
});

describe('a socket file', () => {
  it('of a server that lives is not taken', async () => {
    await bench.open();
    const second = new BinrpcServer({ methods: bench.methods, logger: silent() });
    await expect(second.open([bench.path])).rejects.toMatchObject({ code: 'ERR_SOCKET_IN_USE' });
    expect(await ask('test.nothing')).toEqual({ records: [] });
  });

  it('that nobody listens on is replaced', async () => {
    mkdirSync(dirname(bench.path), { recursive: true });
    spawnSync(process.execPath, [
      '-e',
      `require('net').createServer().listen(${JSON.stringify(bench.path)}, () => process.kill(process.pid, 'SIGKILL'))`,
    ]);
    expect(statSync(bench.path).isSocket()).toBe(true);
    await bench.open();
    expect(await ask('test.nothing')).toEqual({ records: [] });
  });

  it('is no file that holds something else', async () => {
    mkdirSync(dirname(bench.path), { recursive: true });
    writeFileSync(bench.path, 'precious');
    await expect(bench.open()).rejects.toMatchObject({ code: 'ERR_SOCKET', message: /no socket/ });
    expect(statSync(bench.path).size).toBe(8);
  });
});

describe('the control server on TCP and UDP', () => {
  it('answers on all its listeners', async () => {
    const [, tcp, udp] = await bench.open(`unixs:${bench.path}`, 'tcp:127.0.0.1:0', 'udp:127.0.0.1:0');
    for (const address of [tcp, udp]) {
      const answer = await askBinrpc(address as PortAddress, {
        method: 'core.echo',
        args: ['a', 1],
        timeoutMs: 10_000,
        cookie: 1,
      });
      expect(answer).toEqual({
        records: [
          { type: 'string', value: 'a' },
          { type: 'int', value: 1 },
        ],
      });
    }
  });

  it('tells of a port that is taken, and opens nothing then', async () => {
    await bench.open('tcp:127.0.0.1:0');
    const { port } = bench.server.listeners[0] as PortAddress;
    await using other = new Bench();
    await expect(other.open(other.path, `tcp:127.0.0.1:${port}`)).rejects.toMatchObject({ code: 'ERR_PORT_IN_USE' });
    expect(readdirSync(dirname(other.path))).toEqual([]);
  });

  it.each([
    'tcp:0.0.0.0:2049',
    'udp:192.0.2.1:2049',
    'tcp:[::]:2049',
    'tcp:example.com:2049',
    '192.0.2.1:2049',
  ])('does not listen on %s, where others are', async (address) => {
    await expect(bench.open(address)).rejects.toMatchObject({ code: 'ERR_CONFIG', message: /no password.*HTTP/ });
  });

  it('answers a datagram that is no packet with one fault, and an answer with nothing', async () => {
    const [udp] = (await bench.open('udp:127.0.0.1:0')) as [PortAddress];
    const socket = createSocket('udp4');
    const received: string[] = [];
    socket.on('message', (bytes) => received.push(bytes.toString('hex')));
    const send = (hex: string): void => socket.send(Buffer.from(hex, 'hex'), udp.port, udp.host);
    send('a1100007');
    send(corrupted);
    send(`${request('07', record('test.nothing'))}00`);
    await once(socket, 'message');
    send(request('05', record('test.nothing')));
    await once(socket, 'message');
    expect(received).toEqual([corrupted, 'a1100005']);
    socket.close();
  });

  it('makes a fault of what no datagram carries', async () => {
    await bench.open('udp:127.0.0.1:0');
    expect(await ask('test.list', 8000)).toMatchObject({ fault: { text: /63 KiB; records: 8000/ } });
  });
});

describe('a peer that takes more than its share', () => {
  it('is closed when it does not read its replies', async () => {
    await using small = new Bench({ replyMs: 50 });
    await small.open();
    const peer = new Peer(connect({ path: small.path }));
    peer.socket.pause();
    for (let i = 0; i < 64; i++) peer.send(request('07', record('test.list'), '201770'));
    await until(() => small.server.connections.length === 1);
    await until(() => small.server.connections.length === 0);
    peer.socket.destroy();
  });

  it('is closed when it says nothing, or never ends its request', async () => {
    await using small = new Bench({ idleMs: 50 });
    await small.open();
    const silent = new Peer(connect({ path: small.path }));
    const half = new Peer(connect({ path: small.path })).send('a1000f07');
    expect(await Promise.all([silent.all, half.all])).toEqual(['', '']);
  });

  it('is refused whatever bytes it sends, many at a time, and nothing of it stays', async () => {
    await bench.open();
    const random = seededRandom(7);
    const peers = Array.from({ length: 50 }, () => {
      const bytes = random.bytes(between(random, 1, 3000));
      // Half of them begin as a packet does, and some hang up in the midst.
      if (chance(random, 0.5)) bytes.set([0xa1, 0x08, 0, 0xff, 0xff, 7]);
      const peer = bench.connect();
      peer.socket.write(bytes, () => (chance(random, 0.3) ? peer.socket.destroy() : peer.socket.end()));
      return peer;
    });
    await Promise.all(peers.map(({ all }) => all));
    await until(() => bench.server.connections.length === 0);
    expect(await ask('test.nothing')).toEqual({ records: [] });
  });

  it('has no more connections than it may', async () => {
    await using small = new Bench({ connections: 2 });
    await small.open();
    const first = [small, small].map((one) => one.connect().send(request('07', record('test.nothing'))));
    for (const peer of first) expect(await peer.take(4)).toBe('a1100007');
    expect(await small.connect().all).toBe('');
    first[0]?.socket.destroy();
    await until(() => small.server.connections.length === 1);
    expect(
      await small
        .connect()
        .send(request('07', record('test.nothing')))
        .take(4),
    ).toBe('a1100007');
    first[1]?.socket.destroy();
  });
});

function text(of: string): string {
  return Buffer.from(`${of}\0`).toString('hex');
}

function silent() {
  const nothing = (): void => {};
  const logger = { trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing, child: () => logger };
  return logger;
}

/** Turns of the loop, not time. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise(setImmediate);
}

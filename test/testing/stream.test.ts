import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SipEndpoint } from '../../src/sip/endpoint.ts';
import type { StreamHandler } from '../../src/sip/transport/network.ts';
import { FakeClock } from '../../src/testing/fake-clock.ts';
import type { LabHost } from '../../src/testing/network/host.ts';
import { type ConditionOptions, LabNetwork, type Sight } from '../../src/testing/network/network.ts';
import type { LabConnection } from '../../src/testing/network/stream.ts';
import { seededRandom } from '../../src/testing/seeded-random.ts';
import { read, silent, write } from '../sip/lab.ts';

const port = 5060;
const ascii = (text: string): Uint8Array => Buffer.from(text, 'latin1');

/** One side of a stream: what happens to it, in order and with its time. */
class Side implements StreamHandler {
  readonly events: string[] = [];
  readonly chunks: string[] = [];
  /** What the writes of this side came to, of those that failed. */
  readonly failed: string[] = [];
  connection!: LabConnection;
  readonly #clock: FakeClock;
  #within = 0;
  /** What it does when bytes come. */
  react: (text: string) => void = () => {};

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  get text(): string {
    return this.chunks.join('');
  }

  get closed(): boolean {
    return this.events.some((event) => event.startsWith('closed'));
  }

  onOpen(): void {
    this.#happens('open');
  }

  onData(bytes: Uint8Array): void {
    const text = Buffer.from(bytes).toString('latin1');
    this.chunks.push(text);
    this.#happens(`got ${text.length > 20 ? `${text.length} bytes` : text}`);
    // The bytes are the receiver's.
    bytes.fill(0);
    this.react(text);
  }

  onClose(error?: Error): void {
    const code = error && ((error as NodeJS.ErrnoException).code ?? error.message);
    this.#happens(`closed${code === undefined ? '' : ` ${code}`}`);
  }

  #happens(what: string): void {
    if (this.#within > 0) throw new Error(`"${what}" came from within a call`);
    this.events.push(`${this.#clock.now()} ${what}`.replace(/^(.*) closed/, 'closed at $1'));
  }

  /** Calls the connection, which may call nobody back meanwhile. */
  do(act: (connection: LabConnection) => void): void {
    this.#within++;
    act(this.connection);
    this.#within--;
  }

  write(text: string, label = text): void {
    this.do((connection) =>
      connection.write(ascii(text), (error) => {
        if (this.#within > 0) throw new Error('onError came from within a call');
        this.failed.push(`${label}: ${error.message}`);
      }),
    );
  }
}

/** A client and a server on hosts of their own; `connect` makes a stream between the two. */
function twoHosts(conditions: ConditionOptions = {}, seed = 1) {
  const clock = new FakeClock();
  const network = new LabNetwork(clock, seed);
  network.set(conditions);
  const near = network.host('near', '10.0.1.1');
  const far = network.host('far', '10.0.1.2');
  const accepted: Side[] = [];
  const listen = (host: LabHost = far, greet: (side: Side) => void = () => {}) =>
    host.listenStream(port, (connection) => {
      const side = new Side(clock);
      side.connection = connection;
      accepted.push(side);
      greet(side);
      return side;
    });
  const dial = (address = far.address, to = port): Side => {
    const side = new Side(clock);
    side.connection = near.connectStream({ address, port: to }, side);
    return side;
  };
  /** An open stream. */
  const connect = async (): Promise<{ client: Side; server: Side }> => {
    listen();
    const client = dial();
    await clock.advance(1000);
    expect(client.events).toHaveLength(1);
    return { client, server: accepted[0] as Side };
  };
  /** Nothing may be left of any stream. */
  const expectNothingLeft = (): void => {
    expect(clock.pendingTimers()).toEqual([]);
    expect([...near.open, ...far.open].filter((open) => open.includes('to'))).toEqual([]);
  };
  return { clock, network, near, far, accepted, listen, dial, connect, expectNothingLeft };
}

describe('a stream comes about', () => {
  it('in a round trip', async () => {
    const { clock, near, far, listen, dial, accepted } = twoHosts({ delayMs: 10 });
    listen();
    const client = dial();
    await clock.advance(9);
    expect(accepted).toHaveLength(0);
    await clock.advance(1);
    expect(accepted).toHaveLength(1);
    expect(client.events).toEqual([]);
    await clock.advance(10);
    expect(client.events).toEqual(['20 open']);
    expect(clock.pending).toBe(0);
    const { address, port: clientPort } = accepted[0]?.connection as LabConnection;
    expect([address, clientPort]).toEqual([near.address, client.connection.localPort]);
    expect(far.open).toEqual(['tcp 5060', `tcp 5060 to 10.0.1.1:${clientPort}`]);
    expect(near.open).toEqual([`tcp ${clientPort} to 10.0.1.2:5060`]);
  });

  it('and carries what was written before', async () => {
    const { clock, listen, dial, accepted } = twoHosts({ delayMs: 10 });
    listen();
    const client = dial();
    client.write('one ');
    client.write('two');
    expect(client.connection.buffered).toBe(7);
    await clock.advance(100);
    expect(accepted[0]?.events).toEqual(['30 got one ', '30 got two']);
    expect(client.connection.buffered).toBe(0);
    expect(client.failed).toEqual([]);
  });

  it.each([
    {},
    { jitterMs: 100 },
    { loss: 0.2 },
  ])('and what the server says first comes behind that: %o', async (bad) => {
    for (let seed = 1; seed < 20; seed++) {
      const { clock, far, listen, dial } = twoHosts({ delayMs: 10, ...bad }, seed);
      listen(far, (side) => side.write('welcome'));
      const client = dial();
      await clock.advance(9_000);
      expect(client.events.map((event) => event.replace(/^[\d.]+ /, ''))).toEqual(['open', 'got welcome']);
    }
  });

  it('on loopback-fast networks too, but never from within the call', async () => {
    const { clock, listen, dial, accepted } = twoHosts({ delayMs: 0 });
    listen();
    const client = dial();
    expect(accepted).toHaveLength(0);
    await clock.advance(0);
    client.write('x');
    await clock.advance(0);
    expect([client.events, accepted[0]?.events]).toEqual([['0 open'], ['0 got x']]);
  });

  it('or is refused where nobody listens', async () => {
    const { clock, dial, expectNothingLeft } = twoHosts({ delayMs: 10 });
    const client = dial();
    client.write('lost');
    await clock.advance(30_000);
    expect(client.events).toEqual(['closed at 20 ECONNREFUSED']);
    expect(client.failed).toEqual(['lost: ECONNREFUSED']);
    expectNothingLeft();
  });

  it('or is refused where nobody listens any more', async () => {
    const { clock, listen, dial } = twoHosts();
    listen().close();
    const client = dial();
    await clock.advance(30_000);
    expect(client.events).toEqual(['closed at 2 ECONNREFUSED']);
  });

  it.each([
    [
      'a host that is offline',
      (far: LabHost) => {
        far.online = false;
        return far.address;
      },
    ],
    ['an address nobody has', () => '10.9.9.9'],
  ])('or not within 10 s: %s', async (_, address) => {
    const { clock, far, listen, dial, expectNothingLeft } = twoHosts();
    listen();
    const client = dial(address(far));
    client.write('lost');
    await clock.advance(9_999);
    expect(client.events).toEqual([]);
    await clock.advance(60_000);
    expect(client.events).toEqual(['closed at 10000 ETIMEDOUT']);
    expect(client.failed).toEqual(['lost: ETIMEDOUT']);
    expectNothingLeft();
  });

  it.each([
    [900, 1002],
    [2_500, 3002],
    [6_900, 7002],
  ])('when the host is back after %i ms, with the next request', async (back, open) => {
    const { clock, far, listen, dial } = twoHosts();
    listen();
    far.online = false;
    const client = dial();
    await clock.advance(back);
    far.online = true;
    await clock.advance(10_000);
    expect(client.events).toEqual([`${open} open`]);
    expect(clock.pending).toBe(0);
  });

  it('when its own host, or the network between the two, is back', async () => {
    const { clock, network, near, far, listen, dial, accepted } = twoHosts();
    listen();
    near.online = false;
    const one = dial();
    await clock.advance(500);
    near.online = true;
    network.partition(near, far);
    await clock.advance(2_000);
    network.heal();
    await clock.advance(10_000);
    expect(one.events).toEqual(['3002 open']);
    expect(accepted).toHaveLength(1);
  });

  it('once, even if the answer took longer than the next request', async () => {
    const { clock, listen, dial, accepted } = twoHosts({ delayMs: 1500 });
    listen();
    const client = dial();
    await clock.advance(20_000);
    expect(client.events).toEqual(['3000 open']);
    expect(accepted).toHaveLength(1);
  });

  it('not with a host that is offline when the request gets there', async () => {
    const { clock, far, listen, dial, accepted } = twoHosts({ delayMs: 100 });
    listen();
    const client = dial();
    await clock.advance(50);
    far.online = false;
    await clock.advance(100);
    far.online = true;
    expect(accepted).toHaveLength(0);
    await clock.advance(10_000);
    expect(client.events).toEqual(['1200 open']);
  });

  it('not any more when the client is gone', async () => {
    const { clock, listen, dial, accepted, expectNothingLeft } = twoHosts({ delayMs: 10 });
    listen();
    const client = dial();
    client.write('lost');
    client.do((connection) => connection.destroy());
    await clock.advance(60_000);
    expect(client.events).toEqual(['closed at 0']);
    expect(client.failed).toEqual(['lost: the connection is closed']);
    expect(accepted).toHaveLength(0);
    expectNothingLeft();
  });

  it('and is no more for a server whose client went in between', async () => {
    const { clock, listen, dial, accepted, expectNothingLeft } = twoHosts({ delayMs: 10 });
    listen();
    const client = dial();
    await clock.advance(15);
    client.do((connection) => connection.destroy());
    await clock.advance(60_000);
    expect(client.events).toEqual(['closed at 15']);
    expect(accepted[0]?.events).toEqual(['closed at 30 ECONNRESET']);
    expectNothingLeft();
  });

  it('and may be closed by the server as it accepts', async () => {
    const { clock, far, listen, dial, accepted, expectNothingLeft } = twoHosts({ delayMs: 10 });
    listen(far, (side) => side.do((connection) => connection.destroy()));
    const client = dial();
    await clock.advance(60_000);
    expect(client.events).toEqual(['20 open', 'closed at 20']);
    expect(accepted[0]?.events).toEqual(['closed at 10']);
    expectNothingLeft();
  });
});

describe('a stream carries', () => {
  it('what each side writes, which it may read into its own bytes', async () => {
    const { clock, connect } = twoHosts();
    const { client, server } = await connect();
    const bytes = ascii('hello');
    client.do((connection) => connection.write(bytes, () => {}));
    server.react = (text) => server.write(text.toUpperCase());
    await clock.advance(10);
    expect([server.text, client.text]).toEqual(['hello', 'HELLO']);
    expect(Buffer.from(bytes).toString()).toBe('hello');
  });

  it('everything once and in order, whatever the way does', async () => {
    const bad = { delayMs: 30, jitterMs: 80, loss: 0.2, reorder: 0.3, duplicate: 0.3, split: 0.5 };
    const { clock, connect } = twoHosts(bad);
    const { client, server } = await connect();
    const texts = Array.from({ length: 400 }, (_, index) => `message ${index};`);
    for (const [index, text] of texts.entries()) {
      client.write(text);
      if (index % 2 === 0) server.write(text);
      await clock.advance(index % 7);
    }
    await clock.advance(60_000);
    expect(server.text).toBe(texts.join(''));
    expect(client.text).toBe(texts.filter((_, index) => index % 2 === 0).join(''));
    expect(clock.pending).toBe(0);
  });

  it('later what was lost, each time in twice as many ms, and everything behind it', async () => {
    const { clock, connect, network } = twoHosts();
    const { client, server } = await connect();
    network.set({ loss: 0.5 });
    const took = new Set<number>();
    for (let i = 0; i < 50; i++) {
      const from = clock.now();
      client.write('x');
      client.write('y');
      await clock.runUntil(() => server.text.endsWith('y'));
      server.chunks.length = 0;
      took.add(clock.now() - from);
    }
    const allowed = [0, 1, 2, 3, 4, 5, 6, 7].map((losses) => 1 + 200 * (2 ** losses - 1));
    expect(took.size).toBeGreaterThan(3);
    expect(allowed).toEqual(expect.arrayContaining([...took]));
  });

  it('each write when it is due, as was seen when it was sent', async () => {
    const { clock, connect, network } = twoHosts({ delayMs: 40, jitterMs: 60, loss: 0.2 });
    const { client, server } = await connect();
    const due: string[] = [];
    network.onSight = ({ bytes, arrivals }) => due.push(`${arrivals[0]} got ${Buffer.from(bytes)}`);
    for (let i = 0; i < 50; i++) {
      client.write(`${i}`);
      await clock.advance(15);
    }
    await clock.advance(10_000);
    expect(server.events).toEqual(due);
  });

  it('whole writes, unless told to split them', async () => {
    const { clock, connect, network } = twoHosts();
    const { client, server } = await connect();
    const writes = ['a'.repeat(500), 'b', 'c'.repeat(70_000)];
    for (const one of writes) client.write(one);
    await clock.advance(10);
    expect(server.chunks).toEqual(writes);
    network.set({ split: 1 });
    client.write('0123456789'.repeat(50));
    await clock.advance(10);
    const pieces = server.chunks.slice(3);
    expect(pieces.length).toBeGreaterThan(3);
    expect(pieces.join('')).toBe('0123456789'.repeat(50));
  });

  it('pieces that make up what was written, whatever it was', async () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '\r', '\n'), maxLength: 300 });
    const conditions = fc.record({ split: fc.double({ min: 0, max: 1, noNaN: true }), jitterMs: fc.nat(50) });
    await fc.assert(
      fc.asyncProperty(fc.array(text, { maxLength: 8 }), conditions, fc.nat(), async (texts, how, seed) => {
        const { clock, connect } = twoHosts(how, seed);
        const { client, server } = await connect();
        for (const one of texts) client.write(one);
        await clock.advance(1000);
        expect(server.text).toBe(texts.join(''));
        expect(server.chunks).not.toContain('');
      }),
      { numRuns: 50 },
    );
  });

  it('writes that are each seen once and whole, as they go out', async () => {
    const { clock, connect, network, near, far } = twoHosts({ delayMs: 5, split: 1 });
    const { client } = await connect();
    const sights: Sight[] = [];
    network.onSight = (sight) => sights.push({ ...sight, bytes: sight.bytes.slice() });
    client.write('some text in pieces');
    network.partition(near, far);
    client.write('more');
    await clock.advance(1000);
    network.heal();
    await clock.advance(1000);
    expect(sights).toMatchObject([
      { at: 1000, arrivals: [1005], bytes: ascii('some text in pieces') },
      { at: 2200, arrivals: [2205], bytes: ascii('more') },
    ]);
    expect(sights[0]).toMatchObject({
      traffic: 'sip',
      transport: 'tcp',
      from: { address: near.address, port: client.connection.localPort },
      to: { address: far.address, port },
    });
  });
});

describe('a peer that does not read', () => {
  const kilobyte = 'x'.repeat(1024);

  it('fills both systems, then the sender, until it reads', async () => {
    const { clock, connect } = twoHosts();
    const { client, server } = await connect();
    server.do((connection) => connection.pause());
    for (let i = 0; i < 1024; i++) client.write(kilobyte);
    expect(client.connection.buffered).toBe(512 * 1024);
    await clock.advance(1000);
    expect(client.connection.buffered).toBe(512 * 1024);
    expect(server.text).toBe('');
    server.do((connection) => connection.resume());
    await clock.advance(1000);
    expect(client.connection.buffered).toBe(0);
    expect(server.text.length).toBe(1024 * 1024);
    expect([client.failed, clock.pending]).toEqual([[], 0]);
  });

  it('gets one large write as it reads', async () => {
    const { clock, connect } = twoHosts();
    const { client, server } = await connect();
    server.do((connection) => connection.pause());
    client.write('y'.repeat(1024 * 1024));
    await clock.advance(1000);
    expect(client.connection.buffered).toBe(512 * 1024);
    server.do((connection) => connection.resume());
    await clock.advance(1000);
    expect(server.text).toBe('y'.repeat(1024 * 1024));
  });

  it('may stop again after each piece, and misses nothing', async () => {
    const { clock, connect } = twoHosts();
    const { client, server } = await connect();
    server.react = () => server.do((connection) => connection.pause());
    for (const letter of 'abcdef') client.write(letter);
    await clock.advance(10);
    expect(server.text).toBe('a');
    for (let i = 0; i < 3; i++) {
      server.do((connection) => connection.resume());
      client.write(`${i}`);
      await clock.advance(10);
    }
    expect(server.text).toBe('abcd');
    server.react = () => {};
    server.do((connection) => connection.resume());
    await clock.advance(10);
    expect(server.text).toBe('abcdef012');
  });

  it('gets no more once it has closed, whatever it has not read', async () => {
    const { clock, connect, expectNothingLeft } = twoHosts();
    const { client, server } = await connect();
    server.do((connection) => connection.pause());
    for (const letter of 'abc') client.write(letter);
    await clock.advance(10);
    server.react = () => server.do((connection) => connection.destroy());
    server.do((connection) => connection.resume());
    await clock.advance(1000);
    expect(server.events).toEqual(['1010 got a', 'closed at 1010']);
    expectNothingLeft();
  });

  it('learns of the end only when it has read what came before', async () => {
    const { clock, connect, expectNothingLeft } = twoHosts();
    const { client, server } = await connect();
    server.do((connection) => connection.pause());
    client.write('last words');
    client.do((connection) => connection.finish());
    await clock.advance(10_000);
    expect(server.events).toEqual([]);
    expect(client.events.at(-1)).toBe('closed at 1000');
    server.do((connection) => connection.resume());
    await clock.advance(10_000);
    expect(server.events).toEqual(['11000 got last words', 'closed at 11000']);
    expectNothingLeft();
  });

  it('costs a sender that finishes what its system had no room for', async () => {
    const { clock, connect } = twoHosts();
    const { client, server } = await connect();
    server.do((connection) => connection.pause());
    for (let i = 0; i < 600; i++) client.write(kilobyte, `${i}`);
    client.do((connection) => connection.finish());
    await clock.advance(1999);
    expect(client.closed).toBe(false);
    await clock.advance(1);
    expect(client.events.at(-1)).toBe('closed at 3000');
    expect(client.failed).toHaveLength(600 - 512);
    expect(client.failed[0]).toBe('512: the connection is closed');
    expect(client.connection.buffered).toBe(0);
    server.do((connection) => connection.resume());
    await clock.advance(1000);
    expect(server.text.length).toBe(512 * 1024);
    expect(server.closed).toBe(true);
  });
});

describe('a stream ends', () => {
  it('with `end`, when the peer has got everything and closes, too', async () => {
    const { clock, connect, expectNothingLeft } = twoHosts({ delayMs: 10 });
    const { client, server } = await connect();
    client.write('bye');
    client.do((connection) => {
      connection.end();
      connection.end();
    });
    await clock.advance(30);
    expect(server.events).toEqual(['1010 got bye', 'closed at 1010']);
    expect(client.events).toEqual(['20 open', 'closed at 1020']);
    expectNothingLeft();
  });

  it('with `end` of both at once', async () => {
    const { clock, connect, expectNothingLeft } = twoHosts({ delayMs: 10 });
    const { client, server } = await connect();
    for (const side of [client, server]) {
      side.write('bye');
      side.do((connection) => connection.end());
    }
    await clock.advance(10_000);
    expect(server.events).toEqual(['1010 got bye', 'closed at 1010']);
    expect(client.events.slice(1)).toEqual(['1010 got bye', 'closed at 1010']);
    expectNothingLeft();
  });

  it('with `end` after 2 s, when the peer does not close', async () => {
    const { clock, connect, network, near, far } = twoHosts();
    const { client, server } = await connect();
    network.partition(near, far);
    client.do((connection) => connection.end());
    await clock.advance(1_999);
    expect(client.closed).toBe(false);
    await clock.advance(1);
    expect(client.events.at(-1)).toBe('closed at 3000');
    expect(server.events).toEqual([]);
  });

  it('with `finish` as soon as the system has everything, which it delivers', async () => {
    const { clock, connect, expectNothingLeft } = twoHosts({ delayMs: 10 });
    const { client, server } = await connect();
    client.write('bye');
    client.do((connection) => {
      connection.finish();
      connection.finish();
    });
    await clock.advance(10_000);
    expect(client.events).toEqual(['20 open', 'closed at 1000']);
    expect(server.events).toEqual(['1010 got bye', 'closed at 1010']);
    expectNothingLeft();
  });

  it('with `finish` while it comes about, behind what was written', async () => {
    const { clock, listen, dial, accepted, expectNothingLeft } = twoHosts({ delayMs: 10 });
    listen();
    const client = dial();
    client.write('only this');
    client.do((connection) => connection.finish());
    await clock.advance(10_000);
    expect(client.events).toEqual(['20 open', 'closed at 20']);
    expect(accepted[0]?.events).toEqual(['30 got only this', 'closed at 30']);
    expectNothingLeft();
  });

  it('with `destroy` at once; the peer has what was written before', async () => {
    const { clock, connect, expectNothingLeft } = twoHosts({ delayMs: 10 });
    const { client, server } = await connect();
    client.write('bye');
    server.write('too late');
    client.do((connection) => {
      connection.destroy();
      connection.destroy();
      connection.finish();
      connection.end();
    });
    await clock.advance(10_000);
    expect(client.events).toEqual(['20 open', 'closed at 1000']);
    expect(server.events).toEqual(['1010 got bye', 'closed at 1010']);
    expectNothingLeft();
  });

  it('and what is left of the peer’s goes out before it closes, too', async () => {
    const { clock, connect } = twoHosts({ delayMs: 10 });
    const { client, server } = await connect();
    server.react = () => server.write('answer');
    client.write('question');
    client.do((connection) => connection.end());
    await clock.advance(10_000);
    expect(client.events).toEqual(['20 open', '1020 got answer', 'closed at 1020']);
  });

  it('and takes no more writes, which are told once and later', async () => {
    const { clock, connect } = twoHosts();
    const { client, server } = await connect();
    client.do((connection) => connection.end());
    client.write('one');
    expect(client.failed).toEqual([]);
    await clock.advance(1000);
    client.write('two');
    server.write('three');
    await clock.advance(1000);
    expect(client.failed).toEqual(['one: the connection is closed', 'two: the connection is closed']);
    expect(server.failed).toEqual(['three: the connection is closed']);
    expect(server.text).toBe('');
  });
});

describe('a stream over a network that fails', () => {
  it('stalls while the two are cut off, and goes on with nothing lost', async () => {
    const { clock, network, near, far, connect } = twoHosts({ delayMs: 10 });
    const { client, server } = await connect();
    client.write('1');
    network.partition(near, far);
    client.write('2');
    server.write('a');
    await clock.advance(60_000);
    client.write('3');
    expect([server.text, client.text]).toEqual(['1', '']);
    network.heal(near, far);
    client.write('4');
    await clock.advance(1000);
    expect([server.text, client.text]).toEqual(['1234', 'a']);
    expect([client.closed, server.closed, clock.pending]).toEqual([false, false, 0]);
  });

  it('is given up by a side whose words do not get through for 120 s', async () => {
    const { clock, network, near, far, connect, expectNothingLeft } = twoHosts();
    const { client, server } = await connect();
    network.partition(near, far);
    await clock.advance(60_000);
    client.write('anybody there?');
    await clock.advance(119_000);
    expect(client.closed).toBe(false);
    await clock.advance(2_000);
    expect(client.events.at(-1)).toBe('closed at 181000 ETIMEDOUT');
    // The other has nothing to say and knows nothing; it learns when it speaks.
    network.heal();
    await clock.advance(60_000);
    expect(server.events).toEqual([]);
    server.write('hello?');
    await clock.advance(1000);
    expect(server.events).toEqual(['closed at 242002 ECONNRESET']);
    expectNothingLeft();
  });

  it('has 120 s again after each time that something got through', async () => {
    const { clock, network, near, far, connect } = twoHosts();
    const { client, server } = await connect();
    for (const text of ['a', 'b', 'c']) {
      network.partition(near, far);
      client.write(text);
      await clock.advance(100_000);
      network.heal();
      await clock.advance(1000);
      // The same with bytes under way.
      client.write(text);
      far.online = false;
      await clock.advance(100_000);
      far.online = true;
      await clock.advance(1000);
    }
    expect([server.text, client.closed]).toEqual(['aabbcc', false]);
  });

  it('loses nothing when a host is offline with bytes under way, and keeps their order', async () => {
    const { clock, far, near, connect } = twoHosts({ delayMs: 10 });
    const { client, server } = await connect();
    for (const host of [far, near]) {
      client.write('1');
      await clock.advance(5);
      host.online = false;
      client.write('2');
      server.write('a');
      await clock.advance(150);
      client.write('3');
      host.online = true;
      client.write('4');
      server.write('b');
      await clock.advance(1000);
    }
    expect([server.text, client.text]).toEqual(['12341234', 'abab']);
    expect(clock.pending).toBe(0);
  });

  it('delivers last words, and that they are the last, to a host that comes back', async () => {
    const { clock, far, connect, expectNothingLeft } = twoHosts({ delayMs: 10 });
    const { client, server } = await connect();
    client.write('under way, ');
    await clock.advance(5);
    far.online = false;
    client.write('not even that');
    client.do((connection) => connection.finish());
    await clock.advance(30_000);
    expect(client.closed).toBe(true);
    expect(server.events).toEqual([]);
    far.online = true;
    await clock.advance(1000);
    expect(server.text).toBe('under way, not even that');
    expect(server.closed).toBe(true);
    expectNothingLeft();
  });

  it('forgets last words that nobody gets for 120 s', async () => {
    const { clock, far, connect, expectNothingLeft } = twoHosts();
    const { client, server } = await connect();
    far.online = false;
    client.write('bye');
    client.do((connection) => connection.destroy());
    await clock.advance(130_000);
    expect(clock.pending).toBe(0);
    far.online = true;
    server.write('hello?');
    await clock.advance(1000);
    expect(server.events.map((event) => event.replace(/ at [\d.]+/, ''))).toEqual(['closed ECONNRESET']);
    expectNothingLeft();
  });

  it('is half open when a host drops it: the other learns of it when it sends', async () => {
    const { clock, near, connect, expectNothingLeft } = twoHosts({ delayMs: 10 });
    const { client, server } = await connect();
    near.dropStreams();
    await clock.advance(600_000);
    expect(client.events).toEqual(['20 open', 'closed at 1000']);
    expect(server.events).toEqual([]);
    server.write('anybody there?');
    await clock.advance(1000);
    expect(server.events).toEqual(['closed at 601020 ECONNRESET']);
    expectNothingLeft();
  });

  it('carries nothing of what did not go out before it was dropped', async () => {
    const { clock, network, near, far, connect } = twoHosts();
    const { client, server } = await connect();
    network.partition(near, far);
    client.write('lost with its host');
    near.dropStreams();
    network.heal();
    await clock.advance(10_000);
    expect(server.events).toEqual([]);
  });

  it('does not get late what its sender gave up', async () => {
    const { clock, far, connect } = twoHosts({ delayMs: 10 });
    const { client, server } = await connect();
    client.write('under way');
    await clock.advance(5);
    far.online = false;
    await clock.advance(130_000);
    expect(client.events.at(-1)).toContain('ETIMEDOUT');
    far.online = true;
    server.write('hello?');
    await clock.advance(1000);
    expect(server.events.map((event) => event.replace(/ at [\d.]+/, ''))).toEqual(['closed ECONNRESET']);
  });

  it('is half open for one that ends it, too', async () => {
    const { clock, far, connect, expectNothingLeft } = twoHosts({ delayMs: 10 });
    const { client } = await connect();
    far.dropStreams();
    client.do((connection) => connection.end());
    await clock.advance(1000);
    expect(client.events.at(-1)).toBe('closed at 1020 ECONNRESET');
    expectNothingLeft();
  });

  it('is gone for the client when it is dropped while it comes about', async () => {
    const { clock, near, listen, dial, expectNothingLeft } = twoHosts();
    listen();
    const client = dial();
    near.dropStreams();
    await clock.advance(60_000);
    expect(client.events).toEqual(['closed at 0']);
    expectNothingLeft();
  });
});

describe('whatever is done to a stream', () => {
  const calm = ['write', 'write', 'large', 'pause', 'resume'] as const;
  const ends = ['end', 'finish', 'destroy', 'drop'] as const;
  const commandsOf = (acts: readonly ((typeof calm)[number] | (typeof ends)[number])[]) =>
    fc.array(
      fc.oneof(
        { weight: 3, arbitrary: fc.record({ wait: fc.integer({ min: 0, max: 5000 }) }) },
        {
          weight: 4,
          arbitrary: fc.record({ side: fc.constantFrom('client', 'server'), act: fc.constantFrom(...acts) }),
        },
        { weight: 1, arbitrary: fc.record({ trouble: fc.constantFrom('partition', 'heal', 'offline', 'online') }) },
      ),
      { maxLength: 40 },
    );
  const commands = fc.oneof(commandsOf(calm), commandsOf([...calm, ...calm, ...ends]));
  const conditions = fc.record({
    delayMs: fc.nat(500),
    jitterMs: fc.nat(200),
    loss: fc.constantFrom(0, 0, 0.3),
    split: fc.constantFrom(0, 0.5, 1),
  });

  it('nothing is called back from within, nothing comes twice or in another order, and nothing is left', async () => {
    await fc.assert(
      fc.asyncProperty(commands, conditions, fc.nat(), async (list, how, seed) => {
        const { clock, network, near, far, listen, dial, accepted, expectNothingLeft } = twoHosts(how, seed);
        listen();
        const client = dial();
        const sent = new Map<Side | undefined, string>();
        let ended = false;
        let wrote = 0;
        for (const one of list) {
          if ('wait' in one) await clock.advance(one.wait);
          else if ('trouble' in one) {
            if (one.trouble === 'partition') network.partition(near, far);
            else if (one.trouble === 'heal') network.heal();
            else far.online = one.trouble === 'online';
          }
          if (!('act' in one)) continue;
          const side = one.side === 'client' ? client : accepted[0];
          if (!side) continue;
          const { act } = one;
          ended ||= ends.some((end) => end === act);
          if (act === 'drop') (side === client ? near : far).dropStreams();
          else if (act !== 'write' && act !== 'large') side.do((connection) => connection[act]());
          else {
            const text = `${wrote++},`.repeat(act === 'large' ? 50_000 : 1);
            side.write(text, `${wrote}`);
            sent.set(side, (sent.get(side) ?? '') + text);
          }
        }
        network.heal();
        far.online = true;
        await clock.advance(300_000);
        const sides = [client, ...accepted];
        for (const side of sides) {
          side.do((connection) => connection.resume());
          await clock.advance(100_000);
        }
        for (const side of sides) side.do((connection) => connection.finish());
        await clock.advance(300_000);
        for (const side of sides) {
          expect(side.events.filter((event) => event.startsWith('closed'))).toHaveLength(1);
          expect(side.events.at(-1)).toMatch(/^closed/);
          expect(new Set(side.failed).size).toBe(side.failed.length);
        }
        const [server] = accepted;
        const all = [sent.get(client) ?? '', sent.get(server) ?? ''];
        const got = [server?.text ?? '', client.text];
        expect(got.map((text, index) => all[index]?.startsWith(text))).toEqual([true, true]);
        const failed = sides.some((side) => side.failed.length > 0 || / E/.test(side.events.at(-1) ?? ''));
        if (!ended && !failed) expect(got).toEqual(all);
        expectNothingLeft();
      }),
      { numRuns: 150 },
    );
  });
});

describe('a SIP endpoint', () => {
  it('answers requests that come over a stream in pieces, by the lab’s network', async () => {
    const { clock, network, near, far } = twoHosts({ delayMs: 5, jitterMs: 20, loss: 0.1, split: 1 });
    const endpoint = new SipEndpoint({
      listen: [{ transport: 'tcp', bindHost: far.address, bindPort: port }],
      clock,
      random: seededRandom(1),
      resolver: network.resolver,
      logger: silent,
      userAgent: 'Lab',
      network: far.sip,
    });
    await endpoint.open();
    const phone = new Side(clock);
    phone.connection = near.connectStream({ address: far.address, port }, phone);
    for (let seq = 1; seq <= 20; seq++) {
      const via = `SIP/2.0/TCP ${near.address}:${phone.connection.localPort};branch=z9hG4bK${seq}`;
      phone.write(write({ method: 'OPTIONS', seq, callId: `call-${seq}`, via }));
      await clock.advance(seq * 3);
    }
    await clock.advance(10_000);
    const answers = phone.text.split(/(?=SIP\/2\.0 \d)/).map((text) => read(text));
    expect(answers.map(({ what, get }) => `${what} ${get('CSeq')}`)).toEqual(
      Array.from({ length: 20 }, (_, index) => `200 ${index + 1} OPTIONS`),
    );
    expect(endpoint.stats.connections).toBe(1);
    phone.do((connection) => connection.end());
    await clock.advance(100_000);
    expect(phone.closed).toBe(true);
    expect(endpoint.stats.connections).toBe(0);
    await endpoint.close();
    expect([...near.open, ...far.open, clock.pending]).toEqual([0]);
  });

  it('reaches another over a stream of the lab, and learns when nobody is there', async () => {
    const { clock, network, near, far } = twoHosts({ delayMs: 5 });
    const open = async (host: LabHost): Promise<SipEndpoint> => {
      const endpoint = new SipEndpoint({
        listen: [{ transport: 'tcp', bindHost: host.address, bindPort: port }],
        clock,
        random: seededRandom(host.name),
        resolver: network.resolver,
        logger: silent,
        userAgent: 'Lab',
        network: host.sip,
      });
      await endpoint.open();
      return endpoint;
    };
    const [one, other] = [await open(near), await open(far)];
    const ask = async (): Promise<number> => {
      const asked = one.request({
        method: 'OPTIONS',
        uri: 'sip:far;transport=tcp',
        from: { displayName: undefined, uri: 'sip:near', params: {} },
        to: { displayName: undefined, uri: 'sip:far', params: {} },
      });
      await clock.advance(60_000);
      return (await asked).status;
    };
    expect(await ask()).toBe(200);
    await other.close();
    await clock.advance(1000);
    expect(await ask()).toBe(503);
    await one.close();
    await clock.advance(60_000);
    expect([...near.open, ...far.open, clock.pending]).toEqual([0]);
  });
});

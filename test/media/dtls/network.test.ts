/** Handshakes over paths that lose, copy and delay. */
import { describe, expect, it } from 'vitest';
import { between, chance, seededRandom } from '../../../src/testing/index.ts';
import { End, Pair, type Path } from './pair.ts';

const seeds = Array.from({ length: 150 }, (_, i) => i + 1);

function badPath(seed: number, { loss, delay, copies }: { loss: number; delay: number; copies: number }): Path {
  const random = seededRandom(seed, 'path');
  const arrival = (): number[] => (chance(random, loss) ? [] : [between(random, 1, delay)]);
  return () => [...arrival(), ...(chance(random, copies) ? arrival() : [])];
}

describe('A handshake comes to its end', () => {
  it.each([
    ['loss of a fifth', { loss: 0.2, delay: 20, copies: 0 }, 1200],
    ['delays between 1 and 400 ms', { loss: 0, delay: 400, copies: 0 }, 1200],
    ['copies of half of the datagrams', { loss: 0, delay: 100, copies: 0.5 }, 1200],
    ['all of it, in small datagrams', { loss: 0.1, delay: 150, copies: 0.2 }, 0],
  ])('with %s', (_, bad, mtu) => {
    for (const seed of seeds) {
      const pair = new Pair({ client: { mtu }, server: { mtu }, path: badPath(seed, bad), seed }).run();
      const about = `seed ${seed}: ${pair.client.message} ${pair.server.message}`;
      expect([pair.client.endpoint.state, pair.server.endpoint.state], about).toEqual(['connected', 'connected']);
      expect(pair.client.keys?.remote, about).toEqual([pair.server.keys?.local]);
      expect(pair.server.keys?.remote, about).toEqual([pair.client.keys?.local]);
    }
  });

  it('whichever datagram is lost', () => {
    for (let lost = 0; lost < 12; lost++) {
      let sent = 0;
      const pair = new Pair({
        client: { mtu: 300 },
        server: { mtu: 300 },
        path: () => (sent++ === lost ? [] : [5]),
      }).run();
      expect([lost, pair.client.endpoint.state, pair.server.endpoint.state]).toEqual([lost, 'connected', 'connected']);
      // One timer, or none where the other side asks first.
      expect(pair.now).toBeLessThan(300);
    }
  });
});

describe('A flight', () => {
  it('is sent again after 200 ms, then twice as late each time, and given up after 30 s', () => {
    const client = new End('client');
    client.endpoint.start(1000);
    const times: number[] = [];
    let now: number | undefined = 1000;
    while (now !== undefined) {
      const due = client.endpoint.tick(now);
      if (client.take().length > 0) times.push(now);
      now = due;
    }
    expect(client.events).toEqual(['ERR_DTLS_TIMEOUT']);
    expect(times).toEqual([1000, 1200, 1600, 2400, 4000, 7200, 13_600, 26_400]);
    expect(client.endpoint.stats.resent).toBe(7);
    expect(client.take()).toEqual([]);
  });

  it('has its own numbers each time', () => {
    const client = new End('client');
    client.endpoint.start(0);
    client.endpoint.tick(200);
    const [first, second] = client.take().map((datagram) => Buffer.from(datagram));
    expect(first!.readUIntBE(5, 6)).toBe(0);
    expect(second!.readUIntBE(5, 6)).toBe(1);
    expect(second!.subarray(13)).toEqual(first!.subarray(13));
  });

  it('is not sent again by who has nothing to wait for', () => {
    const pair = new Pair().run();
    for (const { endpoint } of [pair.client, pair.server]) expect(endpoint.tick(pair.now + 1e6)).toBeUndefined();
    expect(pair.client.take().length + pair.server.take().length).toBe(0);
  });

  it('that was the last one comes again when the client asks, however late', () => {
    const pair = new Pair({ path: (datagram) => (datagram.length < 90 ? [] : [1]) }).run(5000);
    expect([pair.client.endpoint.state, pair.server.endpoint.state]).toEqual(['handshaking', 'connected']);
    const resent = pair.server.endpoint.stats.resent;
    expect(resent).toBeGreaterThan(3);
    expect(pair.server.events).toEqual([]);
  });
});

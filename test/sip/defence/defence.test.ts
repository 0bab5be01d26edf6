/** The defence of an endpoint: whom it does not hear, and above all whom it does. */
import { describe, expect, it } from 'vitest';
import type { Logger } from '../../../src/base/log.ts';
import type { SipEndpointOptions } from '../../../src/sip/options.ts';
import { address, openLab, reply, write } from '../lab.ts';

const attacker = '198.51.100.66';
const junk = 'this is no SIP\r\n\r\n';

let requests = 0;

/** A request of its own from a host. */
function request(host: string, spec: Parameters<typeof write>[0] = {}): string {
  const id = ++requests;
  return write({ via: `SIP/2.0/UDP ${host}:5060;branch=z9hG4bKd${id}`, callId: `d-${id}`, ...spec });
}

const unknown = 'sip:4711@10.0.0.1';

/** Calls to 1000 are answered, all others are 404. */
async function openServer(options: Partial<SipEndpointOptions> = {}) {
  const lab = await openLab(options);
  const { endpoint, network } = lab;
  endpoint.onInvite = (invite) => {
    if (invite.request.uri.includes('1000')) invite.accept();
    else invite.reject(404);
  };
  const sentTo = new Map<string, number>();
  network.onSight = ({ to }) => sentTo.set(to.address, (sentTo.get(to.address) ?? 0) + 1);
  return {
    ...lab,
    counters: () => endpoint.stats.counters,
    /** Messages sent to a host. */
    sentTo: (host: string) => sentTo.get(host) ?? 0,
    from: (host: string, text: string) => lab.deliver(text, 5060, host),
    /** A call of the peer at 10.0.0.2 that is up. @returns hangs up; the status of the BYE */
    async call(id: string): Promise<() => Promise<string>> {
      await lab.send(write({ callId: id }));
      const ok = lab.inbox.findLast((one) => one.what === '200' && one.get('Call-ID') === id);
      if (!ok) throw new Error(`call ${id} was not answered`);
      const to = ok.get('To');
      await lab.send(write({ method: 'ACK', callId: id, to }));
      return async () => {
        await lab.send(write({ method: 'BYE', callId: id, to, seq: 2 }));
        return lab.last().what;
      };
    },
  };
}

type Server = Awaited<ReturnType<typeof openServer>>;

/** `perSecond` messages a second, evenly, for so long. */
async function flood(server: Server, perSecond: number, seconds: number, message: () => string, host = attacker) {
  const tick = 20;
  for (let ms = 0; ms < seconds * 1000; ms += tick) {
    for (let i = 0; i < (perSecond * tick) / 1000; i++) server.from(host, message());
    await server.clock.advance(tick);
  }
}

describe('a flood from one address', () => {
  const floods: Record<string, () => string> = {
    'no SIP at all': () => junk,
    'INVITEs to nobody': () => request(attacker, { uri: unknown }),
    'one INVITE to nobody again and again': () => write({ callId: 'same', branch: 'z9hG4bKsame', uri: unknown }),
    REGISTERs: () => request(attacker, { method: 'REGISTER' }),
    'BYEs of no call': () => request(attacker, { method: 'BYE', to: '<sip:a@b>;tag=x', contact: undefined }),
    'ACKs of no call': () => request(attacker, { method: 'ACK', to: '<sip:a@b>;tag=x', contact: undefined }),
    'CANCELs of nothing': () => request(attacker, { method: 'CANCEL', contact: undefined }),
    'responses to nothing': () =>
      'SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\n' +
      'Call-ID: x\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n',
    OPTIONS: () => request(attacker, { method: 'OPTIONS', contact: undefined }),
  };

  it.each(Object.entries(floods))('of %s does not stop a hundred calls from another', async (_name, message) => {
    const server = await openServer();
    const hangups: (() => Promise<string>)[] = [];
    for (let i = 0; i < 100; i++) {
      await flood(server, 5000, 0.02, message);
      hangups.push(await server.call(`good-${i}`));
    }
    for (const hangup of hangups) {
      await flood(server, 5000, 0.02, message);
      expect(await hangup()).toBe('200');
    }
    const { banned, rateLimited, internalErrors } = server.counters();
    // 20,000 in four seconds: what is read are the burst and what the rate lets in.
    expect(banned + rateLimited).toBeGreaterThan(18_000);
    expect(internalErrors).toBe(0);
    expect(server.sentTo(attacker)).toBeLessThan(2_000);
    expect(server.endpoint.stats.dialogs).toBe(0);
  });

  it('is read no more than its burst and its rate, then banned, then not read at all', async () => {
    const server = await openServer({ defence: { rate: 10, burst: 100, banAfter: 200 } });
    await flood(server, 5000, 1, () => junk);
    expect(server.counters()).toMatchObject({ malformed: 109, rateLimited: 4891, banned: 0 });
    await flood(server, 5000, 12, () => junk);
    const [ban] = server.endpoint.defence.bans();
    expect(ban).toMatchObject({ address: attacker, reason: 'malformed' });
    const { malformed, rateLimited, banned } = server.counters();
    expect([malformed + rateLimited + banned, malformed < 215]).toEqual([65_000, true]);
    await flood(server, 5000, 1, () => junk);
    expect(server.counters().banned - banned).toBe(5000);
  });

  it('from many addresses makes nobody forget a ban, and costs those that fail once nothing', async () => {
    const server = await openServer();
    server.endpoint.defence.ban('203.0.113.5');
    for (let i = 0; i < 30_000; i++) server.from(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, junk);
    expect(server.counters()).toMatchObject({ malformed: 30_000, rateLimited: 0 });
    server.from('203.0.113.5', write());
    expect(server.counters()).toMatchObject({ banned: 1, received: 0 });
  });

  it('of IPv6 is one of its /64', async () => {
    const server = await openServer();
    for (let i = 0; i < 150; i++) server.from(`2001:db8::${i.toString(16)}`, junk);
    expect(server.counters()).toMatchObject({ malformed: 100, rateLimited: 50 });
    server.from('2001:db8:0:1::1', junk);
    expect(server.counters().malformed).toBe(101);
  });
});

describe('no false alarm', () => {
  it('for thousands of calls a second from one trunk, of which one in twenty is to nobody', async () => {
    const server = await openServer();
    for (let i = 0; i < 2400; i++) {
      if (i % 20 === 0) {
        server.deliver(write({ callId: `nobody-${i}`, uri: unknown }));
        continue;
      }
      await (await server.call(`trunk-${i}`))();
    }
    expect(server.clock.now()).toBe(0);
    expect(server.counters()).toMatchObject({ rateLimited: 0, banned: 0, bans: 0 });
  });

  it('for a burst of calls before the first of them is answered', async () => {
    const server = await openServer();
    for (let i = 0; i < 5000; i++) server.deliver(write({ callId: `burst-${i}` }));
    await server.clock.advance(10_000);
    expect(server.heard().filter((what) => what === '200').length).toBeGreaterThanOrEqual(5000);
    expect(server.counters()).toMatchObject({ rateLimited: 0, bans: 0 });
  });

  it('for BYEs that a trunk sends after our restart', async () => {
    const server = await openServer();
    for (let second = 0; second < 60; second++) {
      for (let i = 0; i < 40; i++)
        server.deliver(write({ method: 'BYE', callId: `old-${second}-${i}`, to: '<sip:a@b>;tag=gone' }));
      await server.clock.advance(1000);
    }
    expect(server.counters()).toMatchObject({ rateLimited: 0, bans: 0 });
    expect(await (await server.call('next'))()).toBe('200');
  });

  it('for networks that are exempt, this machine among them', async () => {
    for (const [host, options] of [
      ['127.0.0.1', {}],
      [attacker, { defence: { exempt: ['198.51.100.0/24'] } }],
      [attacker, { defence: false }],
      [attacker, { trusts: (host: string) => host === attacker }],
    ] as const) {
      const server = await openServer(options);
      const agent = { uri: unknown, headers: ['User-Agent: friendly-scanner'] };
      await flood(server, 1000, 1, () => request(host, agent), host);
      expect(server.counters()).toMatchObject({
        received: 1000,
        rateLimited: 0,
        banned: 0,
        scanners: 0,
      });
    }
  });

  it('that ends calls: with one up, a forged flood costs new calls at most', async () => {
    const server = await openServer();
    const hangup = await server.call('up');
    await flood(server, 1000, 20, () => junk, '10.0.0.2');
    expect(server.counters()).toMatchObject({ bans: 0, banned: 0, rateLimited: 0, malformed: 20_000 });
    await server.send(write({ callId: 'new' }));
    expect(server.counters().rateLimited).toBe(1);
    expect(await hangup()).toBe('200');
  });

  it('by credentials that were asked for and are right', async () => {
    const server = await openServer();
    server.endpoint.onInvite = (invite) => {
      if (invite.request.headers.other.has('authorization')) {
        server.endpoint.defence.succeeded(invite.flow);
        invite.reject(480);
      } else invite.reject(401);
    };
    for (let i = 0; i < 2000; i++) {
      server.deliver(write({ callId: `p-${i}` }));
      server.deliver(write({ callId: `p-${i}`, seq: 2, headers: ['Authorization: Digest x="y"'] }));
      await server.clock.advance(0);
    }
    expect(server.counters()).toMatchObject({ rateLimited: 0, bans: 0 });
  });
});

describe('a scanner', () => {
  it('gets no answer, and is banned at its first request', async () => {
    const server = await openServer();
    server.from(attacker, request(attacker, { method: 'OPTIONS', headers: ['User-Agent: friendly-scanner'] }));
    server.from(attacker, request(attacker));
    await server.clock.advance(1000);
    expect(server.sentTo(attacker)).toBe(0);
    expect(server.counters()).toMatchObject({ scanners: 1, banned: 1, bans: 1 });
    expect(server.endpoint.defence.bans()).toMatchObject([{ address: attacker, reason: 'scanner' }]);
  });

  it('is who the settings say', async () => {
    const server = await openServer({ defence: { scanners: ['Evil'] } });
    await server.send(write({ headers: ['User-Agent: friendly-scanner'] }));
    expect(server.counters().scanners).toBe(0);
    await server.send(write({ headers: ['User-Agent: my-evil-thing/1'] }));
    expect(server.counters().scanners).toBe(1);
  });

  it('that guesses passwords is banned after forty', async () => {
    const server = await openServer();
    const { defence } = server.endpoint;
    for (let i = 0; i < 40; i++) defence.failed({ address: attacker });
    expect(defence.bans()).toEqual([]);
    defence.failed({ address: attacker });
    expect(defence.bans()).toMatchObject([{ address: attacker, reason: 'credentials' }]);
  });
});

describe('a ban', () => {
  it('is told to the observer, logged once, and over when its time is', async () => {
    const lines: object[] = [];
    const note = (fields: object): void => void lines.push(fields);
    const logger: Logger = { trace() {}, debug() {}, info() {}, warn: note, error: note, child: () => logger };
    const told: unknown[] = [];
    const server = await openServer({ logger, defence: { banFor: 60_000 }, onBan: (ban) => told.push(ban) });
    const since = server.clock.wallclock();
    await server.send(write({ headers: ['User-Agent: sipvicious'] }));
    expect(told).toEqual([{ address: '10.0.0.2', reason: 'scanner', since, until: since + 60_000 }]);
    expect(lines).toEqual([{ address: '10.0.0.2', reason: 'scanner', seconds: 60 }]);
    await server.clock.advance(59_999);
    await server.send(write());
    expect(server.heard()).toEqual([]);
    await server.clock.advance(1);
    expect(await (await server.call('free'))()).toBe('200');
  });

  it('can be lifted', async () => {
    const server = await openServer();
    const { defence } = server.endpoint;
    await server.send(write({ headers: ['User-Agent: sipvicious'] }));
    expect(server.endpoint.stats.bans).toBe(1);
    expect([defence.unban('10.0.0.2'), defence.unban('10.0.0.2')]).toEqual([true, false]);
    expect(await (await server.call('free'))()).toBe('200');
  });

  it('of thousands does not flood the log', async () => {
    const lines: object[] = [];
    const note = (fields: object): void => void lines.push(fields);
    const logger: Logger = { trace() {}, debug() {}, info() {}, warn: note, error: note, child: () => logger };
    const server = await openServer({ logger });
    const scan = (i: number): void =>
      server.from(`203.0.${i >> 8}.${i & 255}`, write({ callId: `s${i}`, headers: ['User-Agent: sipcli'] }));
    for (let i = 0; i < 2000; i++) scan(i);
    expect(lines).toHaveLength(10);
    await server.clock.advance(5000);
    scan(2000);
    expect(lines.at(-1)).toMatchObject({ address: '203.0.7.208', unlogged: 1990 });
  });

  it('by hand spares the calls that are up', async () => {
    const server = await openServer();
    const hangup = await server.call('up');
    server.endpoint.defence.ban('10.0.0.2', { forMs: 1000 });
    await server.send(write({ callId: 'new' }));
    expect(server.counters().banned).toBe(1);
    expect(await hangup()).toBe('200');
    await server.send(write({ callId: 'newer' }));
    expect(server.counters().banned).toBe(2);
  });
});

describe('the limit of', () => {
  const retry = (server: Server): unknown[] => {
    const { what } = server.last();
    return [what, server.last().get('Retry-After')];
  };

  it('dialogs, of all and of one source, answers 503', async () => {
    for (const defence of [{ maxDialogs: 2 }, { maxDialogsPerSource: 2 }]) {
      const server = await openServer({ defence });
      const hangup = await server.call('a');
      await server.call('b');
      await server.send(write({ callId: 'c' }));
      expect(retry(server)).toEqual(['503', '5']);
      expect(server.counters().overDialogs).toBe(1);
      expect(await hangup()).toBe('200');
      await server.call('d');
    }
  });

  it('dialogs of one source is not that of another', async () => {
    const server = await openServer({ defence: { maxDialogsPerSource: 1 } });
    server.from(attacker, request(attacker));
    server.from(attacker, request(attacker));
    expect(server.counters().overDialogs).toBe(1);
    await server.call('a');
  });

  it('transactions answers 503 that nothing is kept for, and lets calls end', async () => {
    for (const defence of [{ maxTransactions: 8 }, { maxTransactionsPerSource: 8 }]) {
      const server = await openServer({ defence });
      const hangups: (() => Promise<string>)[] = [];
      for (let i = 0; i < 8; i++) hangups.push(await server.call(`c${i}`));
      await server.send(write({ callId: 'more' }));
      expect(retry(server)).toEqual(['503', '5']);
      expect(server.endpoint.stats.serverTransactions).toBe(8);
      expect(server.counters()).toMatchObject({ overTransactions: 1, strayAcks: 0 });
      for (const hangup of hangups.slice(0, 2)) expect(await hangup()).toBe('200');
      await server.clock.advance(32_000);
      expect(server.endpoint.stats.serverTransactions).toBe(0);
      await server.call('next');
    }
  });

  it('calls per second answers 503, and goes on as a failure', async () => {
    const server = await openServer({ defence: { callRate: 5, burst: 20 } });
    for (let i = 0; i < 100; i++) server.deliver(write({ callId: `r${i}` }));
    await server.clock.advance(0);
    const heard = (status: string): number => server.heard().filter((what) => what === status).length;
    expect([heard('200'), heard('503')]).toEqual([5, 20]);
    expect(server.counters()).toMatchObject({ overCalls: 20, rateLimited: 75 });
  });
});

describe('connections', () => {
  it('of a source that is banned are cut, and none is taken', async () => {
    const server = await openServer({
      listen: [{ transport: 'tcp', bindHost: '10.0.0.1', bindPort: 5060 }],
    });
    const connect = () => {
      const events: string[] = [];
      const connection = server.peer.sip.connectStream(
        { transport: 'tcp', address: '10.0.0.1', port: 5060 },
        { onOpen: () => events.push('open'), onData: () => events.push('data'), onClose: () => events.push('close') },
      );
      return { events, send: (text: string) => connection.write(Buffer.from(text), () => {}) };
    };
    const first = connect();
    await server.clock.advance(10);
    first.send(write({ via: 'SIP/2.0/TCP 10.0.0.2;branch=z9hG4bKtcp', headers: ['User-Agent: sipcli'] }));
    await server.clock.advance(10);
    expect(first.events).toEqual(['open', 'close']);
    const second = connect();
    await server.clock.advance(10);
    expect(second.events.at(-1)).toBe('close');
    expect(server.endpoint.stats.connections).toBe(0);
  });
});

describe('calls of ours', () => {
  it('that are answered are up: their peer is not banned', async () => {
    const server = await openServer();
    const client = server.endpoint.invite({
      uri: 'sip:peer@10.0.0.2:5070',
      from: address('sip:me@10.0.0.1'),
      to: address('sip:peer@10.0.0.2'),
    });
    await server.clock.advance(0);
    await server.send(reply(server.last(), 200));
    const { dialog } = await client.final;
    dialog?.ack();
    for (let i = 0; i < 500; i++) server.from('10.0.0.2', junk);
    expect(server.counters()).toMatchObject({ malformed: 500, bans: 0 });
    const over = dialog?.bye();
    await server.clock.advance(0);
    await server.send(reply(server.last(), 200));
    await over;
    server.from('10.0.0.2', junk);
    expect(server.counters().rateLimited).toBe(1);
  });
});

/** The full agent, against another one and against a lite one, over a way that loses, delays and changes. */
import { describe, expect, it } from 'vitest';
import { candidatePriority, hostCandidate } from '../../../media/ice/candidate.ts';
import { newIceCredentials } from '../../../media/ice/credentials.ts';
import type { IceRole } from '../../../media/ice/types.ts';
import { stunClass } from '../../../media/stun/constants.ts';
import { seededRandom } from '../../../src/testing/index.ts';
import { Asker, IceLab, type PairOptions, read, type Side } from './support.ts';

function expectConnected(lab: IceLab): void {
  for (const [side, peer] of [
    [lab.a, lab.b],
    [lab.b, lab.a],
  ] as const) {
    expect(side.agent.state).toBe('connected');
    expect(side.agent.selected).toEqual(peer.from);
    expect(side.agent.stats(lab.now).selected?.nominated).toBe(true);
  }
}

const requestsOf = (side: Side) => side.sent.filter(({ bytes }) => read(bytes).class === stunClass.request);
const selections = (side: Side): number => side.events.filter((event) => event === 'selected').length;

function restart(lab: IceLab): void {
  const random = seededRandom(99);
  const [a, b] = [newIceCredentials(random), newIceCredentials(random)];
  lab.a.agent.configure(lab.parameters(lab.a, { local: a, remote: b }), lab.now);
  lab.b.agent.configure(lab.parameters(lab.b, { local: b, remote: a }), lab.now);
}

describe('two agents', () => {
  it.each<[string, PairOptions]>([
    ['full and full', {}],
    ['full and full, by IPv6', { v6: true }],
    ['full and lite', { lite: [false, true] }],
    ['lite and full', { lite: [true, false] }],
    ['lite and full whatever the offer said', { lite: [true, false], roles: ['controlling', 'controlled'] }],
    ['both controlling', { roles: ['controlling', 'controlling'] }],
    ['both controlled', { roles: ['controlled', 'controlled'] }],
  ])('find each other within a second and agree: %s', (_, options) => {
    const lab = new IceLab(options).configure().run(1000);
    expectConnected(lab);
    const roles = [lab.a, lab.b].map(({ agent }) => agent.stats(lab.now).role);
    expect(new Set(roles)).toEqual(new Set<IceRole>(['controlling', 'controlled']));
    const before = requestsOf(lab.a).length + requestsOf(lab.b).length;
    expect(before).toBeLessThanOrEqual(8);
    lab.run(600_000);
    expectConnected(lab);
    expect(lab.a.events.filter((event) => event === 'lost')).toEqual([]);
    expect(selections(lab.a) + selections(lab.b)).toBe(2);
  });

  it.each(
    Array.from({ length: 30 }, (_, seed) => seed),
  )('find each other where 30 of 100 datagrams are lost: seed %i', (seed) => {
    const lite = (
      [
        [false, false],
        [true, false],
        [false, true],
      ] as const
    )[seed % 3]!;
    const roles = (seed % 4 === 3 ? ['controlled', 'controlled'] : ['controlling', 'controlled']) as [IceRole, IceRole];
    const lab = new IceLab({ seed, loss: 0.3, lite, roles, delay: 40 }).configure();
    const nominated = ({ agent }: Side): boolean => agent.stats(lab.now).selected?.nominated ?? false;
    for (let s = 0; s < 39 && !(nominated(lab.a) && nominated(lab.b)); s++) lab.run(1000);
    expectConnected(lab);
    lab.loss = 0.1;
    lab.run(300_000);
    expect(lab.a.agent.state).toBe('connected');
    expect(lab.b.agent.state).toBe('connected');
  });

  it('nominate the best that works, and say how long the way is', () => {
    const unreachable = hostCandidate('10.9.9.9', 9);
    const lab = new IceLab({
      told: [[unreachable, { ...hostCandidate('10.0.0.2', 4000), priority: 5 }], []],
      delay: 35,
    });
    lab.configure().run(2000);
    expectConnected(lab);
    expect(lab.a.agent.stats(lab.now).rttMs).toBe(70);
    expect(lab.a.agent.stats(lab.now).selected?.type).toBe('host');
    // b was told of nobody: a showed itself.
    expect(lab.b.agent.stats(lab.now).selected?.type).toBe('prflx');
  });

  it('start one check each 50 ms, and send each again at 500 ms, 1 s, 2 s … seven times in all', () => {
    const told = Array.from({ length: 5 }, (_, n) => hostCandidate('10.9.9.9', 9 + n, n));
    const lab = new IceLab({ told: [told, []] });
    lab.a.agent.configure(lab.parameters(lab.a), lab.now);
    lab.run(60_000);
    const first = requestsOf(lab.a).filter(({ to }) => to.port === 9);
    expect(first.map(({ at }) => at - 1000)).toEqual([0, 500, 1500, 3500, 7500, 15_500, 31_500]);
    const starts = told.map(({ port }) => requestsOf(lab.a).find(({ to }) => to.port === port)!.at - 1000);
    expect(starts).toEqual([0, 50, 100, 150, 200]);
    expect(requestsOf(lab.a)).toHaveLength(35);
    expect(lab.a.agent.state).toBe('failed');
    expect(lab.a.agent.due).toBeUndefined();
  });

  it('learn where a NAT has them seen', () => {
    const lab = new IceLab();
    lab.a.from = { address: '203.0.113.5', port: 33_333 };
    lab.configure().run(2000);
    expectConnected(lab);
    expect(lab.b.agent.stats(lab.now).selected).toMatchObject({ type: 'prflx', port: 33_333 });
    expect(lab.a.agent.stats(lab.now).reflexive).toEqual([lab.a.from]);
  });

  it('take candidates that trickle in', () => {
    const lab = new IceLab({ told: [[], []] }).configure().run(1000);
    expect(lab.a.agent.state).toBe('checking');
    lab.a.agent.addRemote(lab.b.candidate, lab.now);
    expectConnected(lab.run(1000));
  });

  it('wait for the answer where there is none yet', () => {
    const lab = new IceLab();
    lab.a.agent.configure(lab.parameters(lab.a, { remote: undefined, candidates: [] }), lab.now);
    lab.b.agent.configure(lab.parameters(lab.b), lab.now);
    lab.run(700);
    expect(lab.a.sent.every(({ bytes }) => read(bytes).class === stunClass.success)).toBe(true);
    lab.a.agent.configure(lab.parameters(lab.a), lab.now);
    expectConnected(lab.run(1000));
    expect(lab.a.agent.stats(lab.now).restarts).toBe(0);
  });
});

describe('candidates of the peer', () => {
  it('are at most 64 of the family of our socket and of RTP', () => {
    const many = Array.from({ length: 200 }, (_, n) => hostCandidate('10.9.9.9', 1000 + n));
    const lab = new IceLab({
      told: [
        [hostCandidate('2001:db8::1', 1), { ...hostCandidate('10.9.9.9', 1), component: 2 }, ...many, ...many],
        [],
      ],
    });
    lab.a.agent.configure(lab.parameters(lab.a), lab.now);
    expect(lab.a.agent.stats(lab.now).pairs).toBe(64);
    lab.run(200);
    expect(lab.a.sent.every(({ to }) => to.port >= 1000)).toBe(true);
  });
});

describe('consent', () => {
  it('is asked for every 5 s, give or take a fifth, and runs out 30 s after the last answer', () => {
    const lab = new IceLab().configure().run(60_000);
    const asked = requestsOf(lab.a)
      .slice(3)
      .map(({ at }) => at);
    const gaps = asked.slice(1).map((at, n) => at - asked[n]!);
    expect(gaps.length).toBeGreaterThan(8);
    expect(gaps.every((gap) => gap >= 4000 && gap <= 6020)).toBe(true);
    expect(new Set(gaps).size).toBeGreaterThan(5);
    lab.dead.add(lab.b);
    lab.run(23_000);
    expect(lab.a.agent.state).toBe('connected');
    lab.run(7100);
    expect(lab.a.agent.state).toBe('disconnected');
    expect(lab.a.agent.selected).toBeUndefined();
    const before = lab.a.sent.length;
    lab.run(100_000);
    expect(lab.a.sent).toHaveLength(before);
    expect(lab.a.agent.due).toBeUndefined();
  });

  it('is back when the peer asks again', () => {
    const lab = new IceLab({ lite: [false, false] }).configure().run(5000);
    lab.dead.add(lab.b);
    lab.run(40_000);
    lab.dead.clear();
    new Asker(lab).ask({ role: 'controlled' });
    lab.run(1000);
    expect(lab.a.agent.state).toBe('connected');
  });

  it('survives answers that are lost now and then', () => {
    const lab = new IceLab({ seed: 5 }).configure().run(2000);
    lab.loss = 0.15;
    lab.run(600_000);
    expect(lab.a.agent.state).toBe('connected');
    expect(lab.a.events.filter((event) => event === 'lost')).toEqual([]);
  });
});

describe('a peer that moves', () => {
  it.each<[string, PairOptions]>([
    ['full, controlled', {}],
    ['full, controlling', { roles: ['controlled', 'controlling'] }],
  ])('is followed within seconds, without a restart: it is %s', (_, options) => {
    const lab = new IceLab(options).configure().run(20_000);
    lab.b.from = { address: '192.0.2.77', port: 5555 };
    lab.run(10_000);
    expect(lab.a.agent.selected).toEqual(lab.b.from);
    expect(lab.a.agent.state).toBe('connected');
    lab.run(60_000);
    expectConnected(lab);
  });

  it('is followed by a lite agent, too, though it nominates once only', () => {
    const lab = new IceLab({ lite: [true, false] }).configure().run(20_000);
    lab.b.from = { address: '192.0.2.77', port: 5555 };
    lab.run(13_000);
    expectConnected(lab);
    lab.run(60_000);
    expectConnected(lab);
    expect(selections(lab.a)).toBe(2);
  });
});

describe('a restart', () => {
  it.each<[string, PairOptions]>([
    ['full and full', {}],
    ['lite and full', { lite: [true, false] }],
  ])('keeps media going, and moves to the new pair: %s', (_, options) => {
    const lab = new IceLab(options).configure().run(5000);
    const before = lab.a.agent.selected;
    restart(lab);
    expect(lab.a.agent.selected).toBe(before);
    expect(lab.a.agent.state).toBe('connected');
    lab.run(1000);
    expectConnected(lab);
    expect(lab.a.agent.selected).toBe(before);
    expect(lab.a.agent.stats(lab.now).restarts).toBe(1);
    expect(lab.a.events).not.toContain('lost');
  });

  it('brings back a peer that was away for longer than its consent', () => {
    const lab = new IceLab({ lite: [true, false] }).configure().run(5000);
    lab.dead.add(lab.b);
    lab.run(40_000);
    expect(lab.a.agent.state).toBe('disconnected');
    expect(lab.b.agent.state).toBe('disconnected');
    lab.dead.clear();
    lab.b.from = { address: '192.0.2.77', port: 5555 };
    restart(lab);
    lab.run(1000);
    expectConnected(lab);
  });

  it('of which the peer knows nothing leaves all as it is, however often', () => {
    const lab = new IceLab().configure().run(5000);
    for (let n = 0; n < 5; n++) {
      const local = newIceCredentials(seededRandom(n));
      lab.a.agent.configure(lab.parameters(lab.a, { local, remote: undefined, candidates: [] }), lab.now);
      lab.run(10_000);
    }
    expect(lab.a.agent.state).toBe('connected');
    expect(lab.b.agent.state).toBe('connected');
    expect(lab.a.events).not.toContain('lost');
  });
});

describe('roles', () => {
  it.each([1, 2, 3, 4])('that are the same are settled by tie-breakers, under loss too: seed %i', (seed) => {
    for (const role of ['controlling', 'controlled'] as const) {
      const lab = new IceLab({ seed, roles: [role, role], loss: 0.2 }).configure().run(30_000);
      expectConnected(lab);
      const [a, b] = [lab.a, lab.b].map(({ agent }) => agent.stats(lab.now));
      expect(a!.role).not.toBe(b!.role);
      expect(a!.refused.roleConflict + b!.refused.roleConflict).toBeLessThan(10);
    }
  });

  it('found out are kept when the same is negotiated again', () => {
    const lab = new IceLab({ roles: ['controlling', 'controlling'] }).configure().run(2000);
    const before = [lab.a, lab.b].map(({ agent }) => agent.stats(lab.now).role);
    lab.configure().run(2000);
    expect([lab.a, lab.b].map(({ agent }) => agent.stats(lab.now).role)).toEqual(before);
  });
});

describe('answers', () => {
  it('that nobody asked for, are not signed or come from elsewhere, connect nobody', () => {
    const lab = new IceLab();
    lab.a.agent.configure(lab.parameters(lab.a), lab.now);
    lab.run(10);
    const request = lab.a.sent[0]!.bytes;
    // b answers; the answer is then spoilt, or sent from another place.
    lab.b.agent.configure(lab.parameters(lab.b), lab.now);
    lab.b.agent.datagram(request, 0, request.length, lab.a.from, lab.now);
    const answer = lab.b.sent[0]!.bytes;
    const give = (bytes: Uint8Array, from = lab.b.from): void =>
      lab.a.agent.datagram(Uint8Array.from(bytes), 0, bytes.length, from, lab.now);
    give(Uint8Array.from(answer, (byte, at) => (at === 12 ? ~byte : byte)));
    give(Uint8Array.from(answer, (byte, at) => (at === 36 ? ~byte : byte)).subarray(0, -8));
    expect(lab.a.agent.state).toBe('checking');
    expect(lab.a.agent.stats(lab.now).refused.strayAnswer).toBe(1);
    give(answer, { address: '192.0.2.66', port: 1 });
    expect(lab.a.agent.state).toBe('checking');
    expect(lab.a.agent.isValid({ address: '192.0.2.66', port: 1 })).toBe(false);
  });
});

describe('after kill -9', () => {
  it.each<[string, number]>([
    ['in the middle of checks', 15],
    ['before the nomination', 25],
    ['when all is settled', 5000],
  ])('another process goes on: %s', (_, ms) => {
    const lab = new IceLab({ roles: ['controlling', 'controlled'] }).configure().run(ms);
    const snapshot = lab.a.agent.snapshot(lab.now);
    lab.dead.add(lab.a);
    lab.run(3000);
    lab.dead.clear();
    lab.a.revive(snapshot, lab.now - 3000);
    lab.run(3000);
    expectConnected(lab);
    lab.run(60_000);
    expectConnected(lab);
  });

  it('in the middle of a restart, with what was selected before', () => {
    const lab = new IceLab({ lite: [true, false] }).configure().run(5000);
    const local = newIceCredentials(seededRandom(3));
    lab.a.agent.configure(lab.parameters(lab.a, { local, remote: undefined, candidates: [] }), lab.now);
    lab.a.revive(lab.a.agent.snapshot(lab.now), lab.now);
    lab.run(60_000);
    expect(lab.a.agent.state).toBe('connected');
    expect(lab.a.agent.selected).toEqual(lab.b.from);
  });
});

it('the order of candidates is that of their priorities', () => {
  const near = { ...hostCandidate('10.9.9.9', 1), priority: candidatePriority('host') };
  const far = { ...hostCandidate('10.9.9.9', 2), priority: candidatePriority('relay') };
  const lab = new IceLab({ told: [[far, near], []] });
  lab.a.agent.configure(lab.parameters(lab.a), lab.now);
  lab.run(60);
  expect(lab.a.sent.map(({ to }) => to.port)).toEqual([1, 2]);
});

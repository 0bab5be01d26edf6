import { describe } from 'vitest';
import { openHouse } from '../control/commands/house.ts';
import { expect, test } from '../helpers/lab.ts';
import { openStream } from './support.ts';

describe('a page that looks on', () => {
  test('is told the time, the last minutes, who is registered, all calls, and then what changes', async ({ lab }) => {
    const { house, alice, bob } = await openHouse(lab);
    using console = openStream(house.tandem, lab.clock);
    await lab.advance(3_000);
    const page = console.open();
    await lab.advance(10);
    expect(page.messages.map(({ type }) => type)).toEqual(['hello', 'registrations', 'calls']);
    expect(page.of('hello')[0]?.history).toHaveLength(3);
    expect(page.of('calls')).toEqual([{ type: 'calls', full: true, changed: [], gone: [] }]);

    alice.invite('1003');
    await bob.rings();
    await lab.advance(300);
    expect(page.rows()).toMatchObject([
      {
        callId: house.record.callId,
        from: expect.stringContaining('alice'),
        to: expect.stringContaining('1003'),
        state: 'early',
        direction: 'in',
        legs: [
          { side: 'caller', transport: 'udp', held: false, secure: 'none' },
          { side: 'callee', uri: expect.stringContaining('bob') },
        ],
        profiles: { caller: expect.stringContaining('alice'), inbound: '' },
        recording: false,
      },
    ]);
    await bob.answer();
    await alice.isUp();
    await lab.advance(300);
    const [row] = page.rows();
    expect(row).toMatchObject({ state: 'confirmed', legs: [{ codec: 'PCMU/8000' }, { codec: 'PCMU/8000' }] });
    expect(row?.answeredAt).toBeGreaterThanOrEqual(row?.startedAt ?? Number.NaN);
    expect(row).not.toHaveProperty('bridge');

    await alice.hangup();
    await lab.advance(300);
    expect(page.rows()).toEqual([]);
  });

  test('that comes in mid-call sees it, with how it sounds after a while', async ({ lab }) => {
    const { house, alice, bob } = await openHouse(lab);
    using console = openStream(house.tandem, lab.clock);
    alice.invite('1003');
    await bob.rings();
    await bob.answer();
    await alice.isUp();
    await lab.advance(2_000);
    const page = console.open();
    await lab.advance(10);
    expect(page.rows()).toHaveLength(1);
    await lab.advance(3_000);
    expect(page.rows()[0]?.legs.every(({ mos }) => mos !== undefined && mos > 3)).toBe(true);
    expect(page.of('totals').at(-1)?.totals).toMatchObject({
      active: 1,
      processed: 1,
      failed: 0,
      cpu: expect.any(Number),
    });
    expect(page.of('totals').at(-1)?.totals.mos).toBeGreaterThan(3);
  });

  test('is told of queues and mailboxes as soon as there are any, and of what happens in them', async ({ lab }) => {
    const { house } = await openHouse(lab);
    using console = openStream(house.tandem, lab.clock);
    const page = console.open();
    await lab.advance(500);
    expect(page.of('pbx')).toEqual([]);
    const queue = house.tandem.queue('sales', { members: ['5001'] });
    await lab.advance(300);
    expect(page.of('pbx').at(-1)).toMatchObject({
      queues: [{ name: 'sales', waiting: 0, callers: [], agents: [{ name: '5001', state: 'unregistered' }] }],
      mailboxes: [],
    });
    queue.pause('5001');
    await lab.advance(300);
    expect(page.of('pbx').at(-1)?.queues[0]?.agents).toMatchObject([{ state: 'paused' }]);
    const told = page.of('pbx').length;
    await lab.advance(1_000);
    expect(page.of('pbx')).toHaveLength(told);
    const later = console.open();
    await lab.advance(10);
    expect(later.of('pbx')).toHaveLength(1);
  });

  test('hears of changes at most four times a second', async ({ lab }) => {
    const { house, alice } = await openHouse(lab);
    using console = openStream(house.tandem, lab.clock);
    alice.invite('600');
    await alice.isUp();
    const page = console.open();
    await lab.advance(10);
    const before = page.of('calls').length;
    for (let i = 0; i < 100; i++) {
      house.record.profiles.set('caller', `sip:${i}@example.com`);
      await lab.advance(10);
    }
    expect(page.of('calls').length - before).toBeLessThanOrEqual(5);
    await lab.advance(300);
    expect(page.rows()[0]?.profiles.caller).toBe('sip:99@example.com');
  });

  test('shares what was put together once with all others', async ({ lab }) => {
    const { house, alice } = await openHouse(lab);
    using console = openStream(house.tandem, lab.clock);
    const pages = Array.from({ length: 100 }, () => console.open('view'));
    await lab.advance(300);
    alice.invite('600');
    await alice.isUp();
    await lab.advance(300);
    const [first] = pages;
    const last = first?.socket.shared.findLast((one) => String(one).includes('"calls"'));
    expect(last).toBeInstanceOf(Uint8Array);
    for (const page of pages) {
      expect(page.socket.shared).toContain(last);
      expect(page.rows()).toHaveLength(1);
    }
  });

  test('that reads too slowly misses changes, takes no memory, and gets all when it reads again', async ({ lab }) => {
    const { house, alice } = await openHouse(lab);
    using console = openStream(house.tandem, lab.clock);
    const [slow, other] = [console.open(), console.open()];
    await lab.advance(300);
    alice.invite('600');
    await alice.isUp();
    slow.socket.stalls = true;
    slow.socket.bufferedAmount = 2_000_000;
    await lab.advance(1_000);
    const sent = slow.socket.texts.length;
    for (let i = 0; i < 20; i++) {
      house.record.variables.set('n', String(i));
      await lab.advance(500);
    }
    expect(slow.socket.texts.length).toBe(sent);
    expect(other.rows()).toHaveLength(1);
    slow.socket.stalls = false;
    slow.socket.bufferedAmount = 0;
    await lab.advance(600);
    expect(slow.rows()).toEqual(other.rows());
    expect(slow.of('calls').at(-1)?.full || slow.of('calls').some(({ full }) => full)).toBe(true);
  });

  test('that is gone without a word is let go', async ({ lab }) => {
    const { house } = await openHouse(lab);
    using console = openStream(house.tandem, lab.clock);
    const [dead, alive] = [console.open(), console.open()];
    alive.socket.ping = () => void alive.socket.emit('pong');
    await lab.advance(31_000);
    expect([dead.socket.readyState, alive.socket.readyState, console.stream.size]).toEqual([3, 1, 1]);
  });

  test('with nobody looking, nothing is followed', async ({ lab }) => {
    const { house } = await openHouse(lab);
    using console = openStream(house.tandem, lab.clock);
    const page = console.open();
    await lab.advance(300);
    page.socket.terminate();
    await lab.advance(2_000);
    const labels = lab.clock.pendingTimers().map(({ label }: { label: string }) => label);
    expect(labels.filter((label) => label.startsWith('console'))).toEqual(['console totals', 'console ping']);
  });

  test('what it sends and nobody understands is told so, and too much of it ends the connection', async ({ lab }) => {
    const { house } = await openHouse(lab);
    using console = openStream(house.tandem, lab.clock);
    const page = console.open();
    await lab.advance(10);
    for (const text of ['', 'null', '{', '[]', '{"type":"watch"}', '{"type":"watch","id":7}', '{"type":"__proto__"}'])
      page.send(text);
    page.socket.emit('message', Buffer.from([1, 2, 3]), true);
    expect(page.of('error')).toHaveLength(8);
    for (let i = 0; i < 100; i++) page.send('{}');
    expect(page.socket.closeCode).toBe(1008);
    expect(console.stream.size).toBe(0);
  });
});

describe('a call that is watched', () => {
  test('shows its messages, events, variables and media as they come, its end among them', async ({ lab }) => {
    const { house, alice, bob } = await openHouse(lab);
    using console = openStream(house.tandem, lab.clock);
    const page = console.open('view');
    alice.invite('1003');
    await bob.rings();
    await lab.advance(300);
    const id = page.rows()[0]?.id ?? '';
    page.send({ type: 'watch', id });
    const detail = page.of('call')[0]?.detail;
    expect(detail?.ladder.map(({ direction, summary }) => `${direction} ${summary.replace(/ sip:.*/, '')}`)).toEqual([
      'in INVITE',
      'out INVITE',
      'in 180 Ringing',
      'out 180 Ringing',
    ]);
    expect(detail?.ladder[0]?.text).toMatch(/^INVITE sip:1003@/);
    expect(detail?.variables).toEqual({ customer: 'acme', gw: 'gw1' });
    expect(detail?.events.map(({ name }) => name)).toEqual(expect.arrayContaining(['call:created', 'dialog:created']));
    await bob.answer();
    await alice.isUp();
    house.record.variables.set('customer', 'other');
    house.record.flags.set(3);
    await alice.speak('welcome.wav');
    await lab.advance(2_600);
    const more = page.of('call-more');
    expect(more.flatMap(({ ladder = [] }) => ladder.map(({ summary }) => summary.slice(0, 3)))).toEqual(
      expect.arrayContaining(['200', 'ACK']),
    );
    expect(more.find(({ variables }) => variables)?.variables).toMatchObject({ customer: 'other' });
    const points = more.flatMap(({ media = {} }) => Object.values(media));
    expect(points.length).toBeGreaterThanOrEqual(4);
    expect(points.every(({ received, sent, loss }) => received.length === 20 && sent.length === 20 && loss === 0)).toBe(
      true,
    );
    expect(Math.max(...points.flatMap(({ received }) => received))).toBeGreaterThan(-40);

    await alice.hangup();
    await lab.advance(1_000);
    const farewell = page
      .of('call-more')
      .flatMap(({ ladder = [] }) => ladder.map(({ summary, cseq }) => `${summary} ${cseq}`));
    expect(farewell.filter((line) => line.includes('BYE'))).toHaveLength(4);
    const again = console.open();
    await lab.advance(10);
    again.send({ type: 'watch', id });
    expect(again.of('call')).toEqual([{ type: 'call', id }]);
  });

  test('costs nothing any more when nobody watches it', async ({ lab }) => {
    const { house, alice } = await openHouse(lab);
    using console = openStream(house.tandem, lab.clock);
    alice.invite('600');
    await alice.isUp();
    const [one, two] = [console.open(), console.open()];
    await lab.advance(300);
    const id = one.rows()[0]?.id ?? '';
    one.send({ type: 'watch', id });
    two.send({ type: 'watch', id });
    await lab.advance(1_200);
    expect(two.of('call-more').some(({ media }) => media)).toBe(true);
    const metering = () =>
      lab.clock.pendingTimers().filter(({ label }: { label: string }) => label === 'levels of a call').length;
    expect(metering()).toBe(1);
    one.send({ type: 'unwatch', id });
    expect(metering()).toBe(1);
    two.socket.terminate();
    expect(metering()).toBe(0);
  });

  test.for(['', 'x', '1:', ':1', '1:2:3', '99999:1', '-1:5', '1e3:1'])('%j is none', async (id, { lab }) => {
    const { house } = await openHouse(lab);
    using console = openStream(house.tandem, lab.clock);
    const page = console.open();
    await lab.advance(10);
    page.send({ type: 'watch', id });
    expect(page.of('call')).toEqual([{ type: 'call', id }]);
  });
});

describe('listening in', () => {
  test('brings both sides of a call, and the log says who did it', async ({ lab }) => {
    const { house, alice, bob } = await openHouse(lab);
    using console = openStream(house.tandem, lab.clock);
    alice.invite('1003');
    await bob.rings();
    await bob.answer();
    await alice.isUp();
    const page = console.open('control', 'ann');
    await lab.advance(300);
    const sessionId = page.rows()[0]?.legs[0]?.sessionId ?? '';
    page.send({ type: 'listen', sessionId });
    expect(page.of('listening')).toEqual([{ type: 'listening', sessionId, sampleRate: 8000 }]);
    const loudest = async (): Promise<number> => {
      const before = page.socket.frames.length;
      await lab.advance(1_000);
      const frames = page.socket.frames.slice(before);
      expect(frames.every(({ length }) => length === 320)).toBe(true);
      expect(frames.length).toBeGreaterThan(40);
      return Math.max(...frames.flatMap((frame) => [...new Int16Array(frame.buffer)]));
    };
    expect(await loudest()).toBeLessThan(100);
    await alice.speak('welcome.wav');
    expect(await loudest()).toBeGreaterThan(1_000);
    expect(console.lines.filter(({ message }) => message === 'listened in')).toEqual([
      {
        level: 'warn',
        message: 'listened in',
        fields: { user: 'ann', from: '192.0.2.7', sessionId, callId: house.record.callId },
      },
    ]);
    page.send({ type: 'unlisten' });
    await lab.advance(100);
    const heard = page.socket.frames.length;
    await lab.advance(500);
    expect(page.socket.frames.length).toBe(heard);
    expect(console.lines.some(({ message }) => message === 'listening in is over')).toBe(true);
  });

  test('ends with the page, and with the call', async ({ lab }) => {
    const { house, alice } = await openHouse(lab);
    using console = openStream(house.tandem, lab.clock);
    alice.invite('600');
    await alice.isUp();
    const [one, two] = [console.open(), console.open()];
    await lab.advance(300);
    const sessionId = one.rows()[0]?.legs[0]?.sessionId ?? '';
    one.send({ type: 'listen', sessionId });
    two.send({ type: 'listen', sessionId });
    await lab.advance(300);
    const over = () => console.lines.filter(({ message }) => message === 'listening in is over').length;
    one.socket.terminate();
    await lab.advance(100);
    expect(over()).toBe(1);
    await alice.hangup();
    await lab.advance(100);
    expect(over()).toBe(2);
  });

  test('is not for the role view', async ({ lab }) => {
    const { house, alice } = await openHouse(lab);
    using console = openStream(house.tandem, lab.clock);
    alice.invite('600');
    await alice.isUp();
    const page = console.open('view', 'guest');
    await lab.advance(300);
    page.send({ type: 'listen', sessionId: page.rows()[0]?.legs[0]?.sessionId ?? '' });
    await lab.advance(300);
    expect(page.of('error')).toEqual([{ type: 'error', error: 'listening in takes the role control' }]);
    expect(page.socket.frames).toHaveLength(0);
    expect(console.lines.find(({ message }) => message === 'may not listen in')?.fields).toMatchObject({
      user: 'guest',
    });
  });

  test('to what is no call is an error', async ({ lab }) => {
    const { house } = await openHouse(lab);
    using console = openStream(house.tandem, lab.clock);
    const page = console.open();
    await lab.advance(10);
    page.send({ type: 'listen', sessionId: 'nonsense' });
    expect(page.of('error')).toEqual([{ type: 'error', error: 'there is no audio of that call' }]);
  });
});

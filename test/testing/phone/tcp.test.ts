/** Phones on TCP, and connections that a script misuses. */
import { describe } from 'vitest';
import type { DialogServerSession } from '../../../src/index.ts';
import { sine } from '../../../src/testing/index.ts';
import { expect, test } from '../../helpers/lab.ts';
import { expectNoTimers, sent, times } from './ladder.ts';

const echo = async (call: DialogServerSession): Promise<void> => {
  const over = call.echo();
  await call.answer();
  await over;
};

const options = (id: string, name = 'x'): string =>
  [
    'OPTIONS sip:x@10.0.0.1 SIP/2.0',
    `Via: SIP/2.0/TCP 10.0.1.1:5060;branch=z9hG4bK${id}`,
    `From: "${name}" <sip:x@x>;tag=1`,
    'To: <sip:10.0.0.1>',
    `Call-ID: ${id}`,
    'CSeq: 7 OPTIONS',
    'Max-Forwards: 70',
    'Content-Length: 0',
    '\r\n',
  ].join('\r\n');

/** Connections between alice and the server, as alice's host has them. */
const connections = (open: readonly string[]): string[] =>
  open.filter((one) => one.startsWith('tcp ') && / to /.test(one));

describe('a phone on TCP', () => {
  test('calls a phone, and is called back on the same connection', async ({ lab }) => {
    const alice = lab.phone('alice', { transport: 'tcp' });
    const bob = lab.phone('bob', { transport: 'tcp' });
    alice.onCall = bob.onCall = { answerAfterMs: 0 };
    await alice.dial(bob.uri);
    await bob.isUp();
    expect(alice.call?.invite.header('via')).toMatch(/^SIP\/2.0\/TCP /);
    expect(alice.uri).toBe('sip:alice@10.0.1.1:5060;transport=tcp');
    await Promise.all([alice.speak(sine(440)), bob.speak(sine(660))]);
    await Promise.all([alice.hearsTone(660), bob.hearsTone(440)]);
    await bob.hangup();
    await bob.dial(alice.uri);
    await bob.hangup();
    expect(connections(alice.host.open)).toHaveLength(1);
    expect(connections(bob.host.open)).toHaveLength(1);
    await expectNoTimers(lab);
  });

  test('has one connection with a server, whoever sends', async ({ lab }) => {
    const tandem = await lab.serve(async (call) => {
      await call.answer();
      await call.hold();
      await call.hangup();
    });
    const alice = lab.phone('alice', { transport: 'tcp' });
    alice.onCall = { answerAfterMs: 0 };
    await alice.dial('1000');
    expect((await alice.ends())?.method).toBe('BYE');
    expect(lab.timeLine.entries().some(({ text }) => text.startsWith('INVITE') && text.endsWith('(tcp)'))).toBe(true);
    expect(connections(alice.host.open)).toHaveLength(1);
    const call = await lab.run(tandem.invite(alice.uri));
    await lab.run(call.close());
    expect((await tandem.check()).sip.counters.retransmissionsSent).toBe(0);
    expect((await tandem.check()).calls).toBe(0);
  });

  test('makes itself understood however its messages are cut', async ({ lab }) => {
    lab.network.set({ split: 1, loss: 0.3, only: 'sip' });
    await lab.serve(echo);
    const alice = lab.phone('alice', { transport: 'tcp' });
    for (let i = 0; i < 5; i++) {
      await alice.dial('1000');
      await alice.hangup();
    }
    // A 200 that was long under way came again before its ACK was there.
    expect(new Set(alice.received.map(({ what, branch }) => `${what} ${branch}`)).size).toBe(10);
    expect(alice.received.every(({ what }) => what === '200')).toBe(true);
  });

  test('opens a new connection when the old one is gone', async ({ lab }) => {
    const tandem = await lab.serve(echo);
    const alice = lab.phone('alice', { transport: 'tcp' });
    await alice.dial('1000');
    alice.host.dropStreams();
    await lab.advance(10);
    expect((await alice.hangup())?.status).toBe(200);
    expect((await tandem.check()).calls).toBe(0);
    await alice.dial('1000');
    await alice.hangup();
  });

  test('is reached by a server over UDP all the same', async ({ lab }) => {
    const tandem = await lab.serve(() => {});
    const alice = lab.phone('alice', { transport: 'tcp' });
    alice.onCall = { answerAfterMs: 0 };
    const call = await lab.run(tandem.invite('sip:alice@10.0.1.1'));
    await alice.isUp();
    await alice.hangup();
    expect(await lab.run(call.ended)).toMatchObject({ by: 'remote' });
    expect(sent(lab, 'alice').length).toBeGreaterThan(1);
  });
});

describe('a connection of a script', () => {
  test('carries what is written, in halves or many at once', async ({ lab }) => {
    await lab.serve(echo);
    const alice = lab.phone('alice');
    const stream = alice.connect('1000');
    const whole = options('a');
    stream.write(whole.slice(0, 100));
    await lab.advance(5000);
    expect(alice.received).toEqual([]);
    stream.write(whole.slice(100));
    expect((await alice.receives(200)).callId).toBe('a');
    stream.write(options('b') + options('c') + options('d').slice(0, 20));
    await alice.receives(({ callId }) => callId === 'c');
    expect(alice.received.map(({ callId }) => callId)).toEqual(['a', 'b', 'c']);
    expect(stream.received).toContain('SIP/2.0 200 OK');
    stream.end();
    await lab.advance(100);
    expect(stream.isOpen).toBe(false);
    expect(connections(alice.host.open)).toEqual([]);
  });

  test('carries the answers to what comes on it', async ({ lab }) => {
    await lab.serve(async (call) => {
      await call.answer();
      await call.hangup();
    });
    const alice = lab.phone('alice');
    const stream = alice.connect('1000');
    const head = [
      'Call-ID: byhand',
      'From: <sip:x@x>;tag=1',
      'Max-Forwards: 70',
      'Contact: <sip:x@10.0.1.1;transport=tcp>',
    ];
    const sdp = 'v=0\r\no=- 1 1 IN IP4 10.0.1.1\r\ns=-\r\nc=IN IP4 10.0.1.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n';
    const send = (method: string, to: string, body: string): void =>
      stream.write(
        [
          `${method} sip:1000@10.0.0.1 SIP/2.0`,
          `Via: SIP/2.0/TCP 10.0.1.1;branch=z9hG4bK${method}`,
          `To: ${to}`,
          `CSeq: 1 ${method}`,
          ...head,
          'Content-Type: application/sdp',
          `Content-Length: ${body.length}`,
          '',
          body,
        ].join('\r\n'),
      );
    send('INVITE', '<sip:1000@10.0.0.1>', sdp);
    send('ACK', (await alice.receives(200)).header('to'), '');
    await alice.receives('BYE');
    await lab.advance(10);
    expect(times(lab, 'alice', '481 BYE')).toHaveLength(1);
    expect(connections(alice.host.open)).toHaveLength(1);
    stream.end();
  });

  test('is kept alive by empty lines', async ({ lab }) => {
    await lab.serve(echo);
    const alice = lab.phone('alice');
    const stream = alice.connect('1000');
    stream.write('\r\n\r\n');
    await lab.advance(10);
    expect(stream.received).toBe('\r\n');
    stream.breakOff();
  });

  test('with half a message is closed after a while', async ({ lab }) => {
    const tandem = await lab.serve(echo);
    const alice = lab.phone('alice');
    const stream = alice.connect('1000');
    stream.write(options('a').slice(0, 60));
    await lab.advance(29_000);
    expect(stream.isOpen).toBe(true);
    await lab.advance(2000);
    expect(stream.isOpen).toBe(false);
    expect((await tandem.check()).sip.connections).toBe(0);
  });

  test('with nonsense is answered if that can be, and closed', async ({ lab }) => {
    const tandem = await lab.serve(echo);
    const alice = lab.phone('alice');
    const stream = alice.connect('1000');
    stream.write(options('a').replace('Content-Length: 0', 'Content-Length: many'));
    expect((await alice.receives(400)).callId).toBe('a');
    await lab.advance(5000);
    expect(stream.isOpen).toBe(false);
    const other = alice.connect('1000');
    other.write('\x00\x01\x02 hello \r\n\r\n');
    await lab.advance(5000);
    expect(other.isOpen).toBe(false);
    expect((await tandem.check()).sip).toMatchObject({ connections: 0, counters: { malformed: 2 } });
  });

  test('that is not read costs the server no more than its buffer', async ({ lab }) => {
    const tandem = await lab.serve(echo);
    const alice = lab.phone('alice');
    const stream = alice.connect('1000');
    stream.stopReading();
    // 3 kB of answer to each: 1.5 MB, which nobody reads.
    for (let i = 0; i < 500; i++) {
      stream.write(options(`u${i}`, 'x'.repeat(3000)));
      if (i % 20 === 0) await lab.advance(10);
    }
    await lab.advance(2000);
    expect(alice.received).toEqual([]);
    expect((await tandem.check()).sip).toMatchObject({ connections: 0, counters: { connectionsRefused: 1 } });
    stream.readOn();
    await lab.advance(1000);
    expect(stream.isOpen).toBe(false);
    expect((await alice.ask('OPTIONS', '1000')).status).toBe(200);
    await lab.advance(40_000);
    expect((await tandem.check()).sip.transactions).toBe(0);
  });

  test('that is not read for a moment loses nothing', async ({ lab }) => {
    await lab.serve(echo);
    const alice = lab.phone('alice');
    const stream = alice.connect('1000');
    stream.stopReading();
    for (let i = 0; i < 100; i++) stream.write(options(`r${i}`));
    await lab.advance(1000);
    expect(alice.received).toEqual([]);
    stream.readOn();
    await lab.advance(1000);
    expect(alice.received.map(({ callId }) => callId)).toEqual(Array.from({ length: 100 }, (_, i) => `r${i}`));
    stream.end();
  });

  test('that is broken off in the middle of a call leaves the call', async ({ lab }) => {
    const tandem = await lab.serve(echo);
    const alice = lab.phone('alice', { transport: 'tcp' });
    const stream = alice.connect('1000');
    await alice.dial('1000');
    // The phone does not use what is the script's.
    expect(connections(alice.host.open)).toHaveLength(2);
    stream.breakOff();
    await lab.advance(1000);
    expect(stream.isOpen).toBe(false);
    expect((await tandem.check()).calls).toBe(1);
    await alice.hangup();
  });

  test('to where nobody listens is never open for long', async ({ lab }) => {
    const alice = lab.phone('alice');
    const stream = alice.connect('sip:bob@10.0.1.9');
    stream.write('hello');
    await lab.advance(60_000);
    expect(stream.isOpen).toBe(false);
  });
});

import { describe, expect, it } from 'vitest';
import { outcomeOf, withCall } from '../../../src/console/web/phone/history.ts';
import { actionOf } from '../../../src/console/web/phone/key-action.ts';
import { checked, fallback, iceServersOf } from '../../../src/console/web/phone/phone-config.ts';
import {
  callProblem,
  duration,
  insecureProblem,
  microphoneProblem,
  registrationProblem,
} from '../../../src/console/web/phone/words.ts';

describe('what went wrong is said in words', () => {
  it.each([
    [401, 'Wrong user or password'],
    [403, 'Wrong user or password'],
    [404, 'This user is unknown'],
    [undefined, 'The server cannot be reached'],
    [599, 'Registering failed'],
  ])('registering, %s', (status, title) => expect(registrationProblem(status, 'ws://x').title).toBe(title));

  it.each([
    [404, 'Number unknown'],
    [486, 'Busy'],
    [603, 'Declined'],
    [408, 'No answer'],
    [499, 'The call failed'],
  ])('calling, %i', (status, title) => expect(callProblem(status).title).toBe(title));

  it.each([
    ['NotAllowedError', 'The microphone is blocked'],
    ['NotFoundError', 'No microphone found'],
    ['NotReadableError', 'The microphone cannot be used'],
    ['Odd', 'The microphone failed'],
  ])('the microphone, %s', (name, title) => expect(microphoneProblem(name).title).toBe(title));

  it('a page without https leads to the one with', () => {
    expect(insecureProblem({ hostname: '10.0.0.7', pathname: '/phone' }).link).toBe('https://10.0.0.7:8443/phone');
  });

  it.each([
    [0, '0:00'],
    [7_900, '0:07'],
    [754_000, '12:34'],
    [3_723_000, '1:02:03'],
    [-5, '0:00'],
  ])('%i ms is %s', (ms, text) => expect(duration(ms)).toBe(text));
});

describe('keys', () => {
  const call = (state: 'incoming' | 'active' | 'ringing', held = false) => ({ state, held });

  it('dial while nobody is spoken with, and go into the call that is', () => {
    expect(actionOf('5', [], false)).toEqual({ does: 'type', key: '5' });
    const [held, talking] = [call('active', true), call('active')];
    expect(actionOf('#', [held, talking], false)).toEqual({ does: 'digit', key: '#', call: talking });
    expect(actionOf('5', [held], false)).toEqual({ does: 'type', key: '5' });
  });

  it('are left to the field that has the focus', () => {
    expect(actionOf('5', [], true)).toBeUndefined();
    expect(actionOf('Enter', [call('incoming')], true)).toBeUndefined();
  });

  it('Enter answers, Escape rejects or cancels, and no key ends an answered call', () => {
    const [waiting, outgoing, talking] = [call('incoming'), call('ringing'), call('active')];
    expect(actionOf('Enter', [talking, waiting], false)).toEqual({ does: 'answer', call: waiting });
    expect(actionOf('Escape', [talking, waiting], true)).toEqual({ does: 'stop', call: waiting });
    expect(actionOf('Escape', [outgoing], false)).toEqual({ does: 'stop', call: outgoing });
    expect(actionOf('Escape', [talking], false)).toBeUndefined();
    expect(actionOf('x', [], false)).toBeUndefined();
  });
});

describe('the history', () => {
  const ended = { id: '1', direction: 'in', peer: 'sip:5002@x', startedAt: 1000, answeredAt: undefined } as const;

  it.each([
    [{ ...ended, end: { by: 'other', at: 2 } }, 'Missed'],
    [{ ...ended, end: { by: 'me', at: 2 } }, 'Rejected'],
    [{ ...ended, direction: 'out', end: { by: 'me', at: 2 } }, 'Cancelled'],
    [{ ...ended, direction: 'out', end: { by: 'other', at: 2, problem: { title: 'Busy' } } }, 'Busy'],
    [{ ...ended, answeredAt: 5, end: { by: 'other', at: 9 } }, 'The other side hung up'],
  ] as const)('%j: %s', (call, outcome) => expect(outcomeOf(call)).toBe(outcome));

  it('has the newest first, how long was talked, and an end', () => {
    const call = { ...ended, answeredAt: 4000, end: { by: 'me', at: 9000 } } as const;
    let history = withCall([], call);
    expect(history[0]).toMatchObject({ at: 1000, talked: 5000 });
    for (let i = 0; i < 200; i++) history = withCall(history, { ...call, id: `n${i}` });
    expect(history).toHaveLength(100);
    expect(history[0]?.id).toBe('n199');
  });
});

describe('the configuration', () => {
  const place = fallback({ protocol: 'http:', hostname: '127.0.0.1' });

  it('of a server that gives none is the place the page came from', () => {
    expect(place).toEqual({ servers: ['ws://127.0.0.1:5066/ws'], domain: '127.0.0.1', iceServers: [] });
    expect(fallback({ protocol: 'https:', hostname: 'x' }).servers).toEqual(['wss://x:8443/ws']);
  });

  it.each([null, 'x', {}, { servers: [], domain: '' }, { servers: 7, iceServers: 'x' }])('%j is completed', (answer) =>
    expect(checked(answer, place)).toEqual(place));
});

describe('TURN servers that come with the registration', () => {
  const header = (value: unknown): string =>
    `SIP/2.0 200 OK\r\nX-Tandem-Ice: ${Buffer.from(JSON.stringify(value)).toString('base64url')}\r\n\r\n`;

  it('are read from its header', () => {
    const servers = [{ urls: ['turn:t.example:3478?transport=udp'], username: '1:5001', credential: 'x+/=?' }];
    expect(iceServersOf(header(servers))).toEqual(servers);
  });

  it.each([
    {},
    [{}],
    [{ urls: 'turn:x' }],
    [{ urls: ['https://x'] }],
    [{ urls: ['turn:x'], username: 5 }],
    null,
  ])('%j is left aside', (value) => expect(iceServersOf(header(value))).toBeUndefined());

  it('are left aside where the header is broken or absent', () => {
    expect(iceServersOf('SIP/2.0 200 OK\r\nX-Tandem-Ice: !!\r\n\r\n')).toBeUndefined();
    expect(iceServersOf('SIP/2.0 200 OK\r\nX-Tandem-Ice: abc\r\n\r\n')).toBeUndefined();
    expect(iceServersOf('SIP/2.0 200 OK\r\n\r\n')).toBeUndefined();
  });
});

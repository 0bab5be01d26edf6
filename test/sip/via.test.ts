import { describe, expect, test } from 'vitest';
import type { Via } from '../../src/sip/message.ts';
import { parseViaList, printVia, stampVia } from '../../src/sip/via.ts';

function vias(text: string): Via[] {
  const result = parseViaList(text);
  return result.ok ? result.value : expect.fail(`${text}: ${result.error}`);
}
const via = (text: string): Via => vias(text)[0]!;

describe('parseViaList', () => {
  test.each<[string, Partial<Via>]>([
    ['SIP/2.0/UDP h', { protocol: 'UDP', host: 'h', port: undefined }],
    ['SIP/2.0/tcp H.example:5061;branch=b', { protocol: 'TCP', host: 'h.example', port: 5061 }],
    ['SIP/2.0/UDP [2001:DB8::9:1]:5060;branch=z9', { host: '2001:db8::9:1', port: 5060, params: { branch: 'z9' } }],
    ['SIP/2.0/UDP h;branch=z9hG4bK+a/b=c|d;rport', { params: { branch: 'z9hG4bK+a/b=c|d', rport: null } }],
    [
      'SIP  / 2.0  / TCP     h   : 5060 ;  branch  =   x',
      { protocol: 'TCP', host: 'h', port: 5060, params: { branch: 'x' } },
    ],
    ['SIP/2.0/ UDP h', { protocol: 'UDP' }],
    ['sip/2.0/WSS a.invalid;branch=1;received=[::1]', { protocol: 'WSS', params: { branch: '1', received: '[::1]' } }],
  ])('reads %s', (text, parts) => {
    expect(via(text)).toMatchObject({ ...parts, raw: text });
  });

  test('keeps the order of several, each with its own text', () => {
    const list = vias('SIP/2.0/UDP a;branch=1 ,SIP/2.0/TCP b;branch="2,3"');
    expect(list.map((one) => one.raw)).toEqual(['SIP/2.0/UDP a;branch=1', 'SIP/2.0/TCP b;branch="2,3"']);
  });

  test.each([
    '',
    'SIP/2.0/UDP',
    'SIP/2.0/UDP ',
    'SIP/2.0 h',
    'HTTP/1.1/TCP h',
    'SIP/2.0/UDP h:0',
    'SIP/2.0/UDP h:99999',
    'SIP/2.0/UDP h:',
    'SIP/2.0/UDP [::1',
    'SIP/2.0/UDP h;;branch=1',
    'SIP/2.0/UDP h;branch=1;branch=2',
    'SIP/2.0/UDP h x',
    'SIP/2.0/UDP h,',
  ])('refuses %j', (text) => {
    expect(parseViaList(text).ok).toBe(false);
  });
});

describe('printVia', () => {
  test('writes one of ours from its fields', () => {
    const ours: Via = { protocol: 'UDP', host: '2001:db8::1', port: 5060, params: { branch: 'z9hG4bKx', rport: null } };
    expect(printVia(ours)).toBe('SIP/2.0/UDP [2001:db8::1]:5060;branch=z9hG4bKx;rport');
  });
});

describe('stampVia', () => {
  const stamp = { received: '192.0.2.9', rport: 40_000 };

  test.each([
    ['SIP/2.0/UDP h;branch=a', 'SIP/2.0/UDP h;branch=a;received=192.0.2.9'],
    ['SIP/2.0/UDP h', 'SIP/2.0/UDP h;received=192.0.2.9'],
    ['SIP/2.0/UDP h;rport;branch=a/b=c|d', 'SIP/2.0/UDP h;rport=40000;branch=a/b=c|d;received=192.0.2.9'],
    ['SIP / 2.0/UDP  h ; RPort ; x="a;rport;b"', 'SIP / 2.0/UDP  h ;rport=40000 ; x="a;rport;b";received=192.0.2.9'],
    ['SIP/2.0/UDP h;rport=1;received=10.0.0.1;b=2', 'SIP/2.0/UDP h;rport=40000;b=2;received=192.0.2.9'],
  ])('of %s keeps all else as it was', (before, after) => {
    const stamped = stampVia(via(before), stamp);
    expect(printVia(stamped)).toBe(after);
    expect(stamped.params.received).toBe('192.0.2.9');
    expect(parseViaList(after)).toEqual({ ok: true, value: [stamped] });
  });

  test('leaves the Via alone when there is nothing to add, and never changes the one it is given', () => {
    const before = via('SIP/2.0/UDP h;rport');
    expect(stampVia(before, {})).toBe(before);
    stampVia(before, stamp);
    expect(before).toMatchObject({ params: { rport: null }, raw: 'SIP/2.0/UDP h;rport' });
  });

  test('stamps a Via without text too', () => {
    const ours: Via = { protocol: 'UDP', host: 'h', port: undefined, params: { rport: null } };
    expect(printVia(stampVia(ours, stamp))).toBe('SIP/2.0/UDP h;rport=40000;received=192.0.2.9');
  });
});

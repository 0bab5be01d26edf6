import { describe, expect, it } from 'vitest';
import { SipText } from '../../../src/testing/index.ts';
import {
  answerDirection,
  commonPayloads,
  payloadsFor,
  readSdp,
  renumbered,
  writeSdp,
} from '../../../src/testing/phone/sdp.ts';
import { compose, overruled, tagIn, targetOf, uriIn } from '../../../src/testing/phone/sip-text.ts';

const message = (...lines: string[]): SipText => new SipText(lines.join('\r\n'), 0);

describe('a message', () => {
  it('is read line by line', () => {
    const invite = message(
      'INVITE sip:bob@host SIP/2.0',
      'v: SIP/2.0/UDP a;branch=z9hG4bK1',
      'Via: SIP/2.0/UDP b;branch=z9hG4bK2, SIP/2.0/UDP c',
      'f: "Al, ice" <sip:alice@a;tag=no>;tag=yes',
      'TO: <sip:bob@b>',
      'i: abc',
      'CSeq: 4711   INVITE',
      'Subject: a',
      '  folded line',
      'Record-Route: <sip:p1;lr>, <sip:p2,x;lr>',
      'Record-Route: "q\\", uoted" <sip:p3>',
      '',
      'the body\r\n\r\nof it',
    );
    expect(invite).toMatchObject({ method: 'INVITE', uri: 'sip:bob@host', status: 0, what: 'INVITE', callId: 'abc' });
    expect(invite.branch).toBe('z9hG4bK1');
    expect([invite.fromTag, invite.toTag]).toEqual(['yes', '']);
    expect(invite.cseq).toEqual({ seq: 4711, method: 'INVITE' });
    expect(invite.header('subject')).toBe('a folded line');
    expect(invite.header('none')).toBe('');
    expect(invite.uriOf('From')).toBe('sip:alice@a;tag=no');
    expect(invite.all('record-route')).toEqual(['<sip:p1;lr>', '<sip:p2,x;lr>', '"q\\", uoted" <sip:p3>']);
    expect(invite.body).toBe('the body\r\n\r\nof it');
  });

  it('can be a response, or nothing', () => {
    expect(message('SIP/2.0 180 Ringing now', '', '')).toMatchObject({
      status: 180,
      reason: 'Ringing now',
      what: '180',
    });
    expect(message('SIP/2.0 200', '', '')).toMatchObject({ status: 200, reason: '', method: '' });
    for (const nothing of ['hello', 'INVITE sip:x SIP/3.0', 'INVITE  sip:x SIP/2.0', 'SIP/2.0 20 OK', ''])
      expect(message(nothing)).toMatchObject({ method: '', status: 0, what: '' });
  });

  it('is written with its length', () => {
    expect(compose('X', [['A', 'b']], 'äh')).toBe('X\r\nA: b\r\nContent-Length: 2\r\n\r\näh');
    expect(
      overruled(
        [
          ['Via', '1'],
          ['To', '2'],
        ],
        [
          ['TO', '3'],
          ['to', '4'],
        ],
      ),
    ).toEqual([
      ['Via', '1'],
      ['TO', '3'],
      ['to', '4'],
    ]);
  });

  it('names addresses', () => {
    expect(tagIn('sip:x;tag=1')).toBe('1');
    expect(tagIn('<sip:x;tag=1>')).toBe('');
    expect(uriIn('sip:x@y;tag=1')).toBe('sip:x@y');
    expect(targetOf('sip:u@h:5070;transport=TCP?x=y')).toEqual({ user: 'u', host: 'h', port: 5070, transport: 'tcp' });
    expect(targetOf('sip:[2001:db8::1]')).toEqual({ user: '', host: '2001:db8::1', port: 5060, transport: 'udp' });
    expect(targetOf('sip:h?transport=tcp')).toMatchObject({ host: 'h', transport: 'udp' });
    expect(targetOf('tel:123')).toBeUndefined();
  });
});

describe('SDP', () => {
  const payloads = payloadsFor(['PCMU', 'L16/16000', 'telephone-event', 'telephone-event/16000']);

  it('is read as it was written', () => {
    const sdp = { address: '10.0.0.1', port: 4000, payloads, direction: 'sendonly' as const };
    expect(readSdp(writeSdp(sdp, 1))).toEqual(sdp);
    expect(payloads.map(({ payloadType }) => payloadType)).toEqual([0, 101, 102, 103]);
  });

  it('has what the session says where the stream says nothing', () => {
    const text =
      'v=0\r\nc=IN IP6 ::1\r\na=inactive\r\nm=audio 9 RTP/AVP 8 77\r\nm=video 1 X 0\r\nc=IN IP4 1.2.3.4\r\na=sendonly';
    expect(readSdp(text)).toEqual({
      address: '::1',
      port: 9,
      payloads: [{ payloadType: 8, name: 'PCMA', rate: 8000 }],
      direction: 'inactive',
    });
    expect(readSdp('v=0\r\nm=video 1 X 0')).toBeUndefined();
    expect(readSdp('')).toBeUndefined();
  });

  it('is answered by the first codec of the offer, and the events of its clock', () => {
    const offered = payloadsFor(['telephone-event', 'l16/16000', 'PCMU', 'telephone-event/16000']);
    expect(commonPayloads(offered, payloads)).toEqual({
      audio: { payloadType: 102, name: 'l16', rate: 16_000 },
      events: { payloadType: 103, name: 'telephone-event', rate: 16_000 },
    });
    expect(commonPayloads(payloadsFor(['PCMA']), payloads)).toBeUndefined();
    expect(commonPayloads(payloadsFor(['PCMU']), payloads)?.events).toBeUndefined();
    expect(commonPayloads(payloadsFor(['telephone-event']), payloads)).toBeUndefined();
  });

  it('gives no payload type a new meaning', () => {
    const ours = payloadsFor(['PCMU', 'PCMA', 'L16', 'telephone-event']);
    expect(renumbered(ours, [])).toEqual(ours);
    expect(renumbered(ours, ours)).toEqual(ours);
    // The peer named the events 101, which was L16 here.
    const events = { payloadType: 101, name: 'Telephone-Event', rate: 8000 };
    expect(renumbered(ours, [events]).map(({ payloadType, name }) => `${payloadType} ${name}`)).toEqual([
      '0 PCMU',
      '8 PCMA',
      '102 L16',
      '101 Telephone-Event',
    ]);
  });

  it.each([
    ['sendrecv', 'sendrecv', 'sendrecv'],
    ['sendonly', 'sendrecv', 'recvonly'],
    ['recvonly', 'sendrecv', 'sendonly'],
    ['inactive', 'sendrecv', 'inactive'],
    ['sendrecv', 'sendonly', 'sendonly'],
    ['sendonly', 'sendonly', 'inactive'],
    ['recvonly', 'sendonly', 'sendonly'],
    ['sendrecv', 'inactive', 'inactive'],
    ['sendrecv', 'recvonly', 'recvonly'],
    ['recvonly', 'recvonly', 'inactive'],
  ] as const)('offered as %s and wanted as %s is %s', (offered, wanted, answer) => {
    expect(answerDirection(offered, wanted)).toBe(answer);
  });
});

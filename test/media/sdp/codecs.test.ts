import { describe, expect, it } from 'vitest';
import { assignPayloadTypes, codecsFor, encodingOf, mediaCodecs, sameCodec } from '../../../media/sdp/codecs.ts';
import type { Codec } from '../../../media/sdp/types.ts';
import { codecs, offerOf } from './helpers.ts';

const codec = (name: string, more: Partial<Codec> = {}): Codec => ({
  name,
  payloadType: 96,
  clockRate: 8000,
  channels: 1,
  fmtp: undefined,
  ...more,
});

describe('codecsFor', () => {
  it('gives static and dynamic payload types in the order of preference', () => {
    expect(codecs('PCMA', 'PCMU', 'L16', 'telephone-event').map((c) => [c.name, c.payloadType])).toEqual([
      ['PCMA', 8],
      ['PCMU', 0],
      ['L16', 96],
      ['telephone-event', 101],
    ]);
  });

  it('has telephone-event once per clock rate', () => {
    const list = codecs('telephone-event', 'pcmu', 'L16/16000', 'L16/44100/1');
    expect(list.map((c) => `${c.payloadType} ${c.name}/${c.clockRate}`)).toEqual([
      '0 PCMU/8000',
      '96 L16/16000',
      '11 L16/44100',
      '101 telephone-event/8000',
      '97 telephone-event/16000',
      '98 telephone-event/44100',
    ]);
  });

  it.each([
    [['G723']],
    [['G722/16000']],
    [['opus/16000/2']],
    [['opus/48000/1']],
    [['G729/8000/2']],
    [['PCMU', 'PCMU/8000']],
    [['L16/7999']],
    [['L16/8000/3']],
    [['L16/8000/2/1']],
    [['PCMU/']],
    [['telephone-event']],
    [[]],
  ])('refuses %j with a reason', (names) => {
    expect(codecsFor(names)).toEqual({ ok: false, error: expect.stringMatching(/codec/) });
  });
});

describe('codecsFor of all kinds', () => {
  it('has each with its clock, channels and parameters', () => {
    const names = ['opus/48000/2', 'g722', 'L16/44100/2', 'G729', 'AMR-WB', 'amr', 'telephone-event'];
    const list = codecs(...names).map((c) => `${c.payloadType} ${c.name}/${c.clockRate}/${c.channels} ${c.fmtp ?? ''}`);
    expect(list).toEqual([
      '96 OPUS/48000/2 minptime=10;useinbandfec=1',
      '9 G722/8000/1 ',
      '10 L16/44100/2 ',
      '18 G729/8000/1 ',
      '97 AMR-WB/16000/1 ',
      '98 AMR/8000/1 ',
      '99 telephone-event/48000/1 0-16',
      '101 telephone-event/8000/1 0-16',
      '100 telephone-event/44100/1 0-16',
      '102 telephone-event/16000/1 0-16',
    ]);
    expect(codecs('opus')[0]).toEqual(codecs('Opus/48000')[0]);
  });
});

describe('encodingOf', () => {
  it.each([
    ['PCMU/8000', codec('pcmu', { fmtp: 'x=1' })],
    ['OPUS/48000/2', codec('opus', { clockRate: 48_000, channels: 2, fmtp: 'useinbandfec=1;maxaveragebitrate=9000' })],
    ['L16/44100/2', codec('L16', { clockRate: 44_100, channels: 2 })],
    ['G729/8000', codec('G729', { fmtp: 'annexb=yes' })],
    ['G729/8000;annexb=no', codec('G729', { fmtp: 'AnnexB=No' })],
    ['AMR/8000;octet-align=1;crc=1', codec('AMR', { fmtp: 'crc=1; mode-set=7; octet-align=1' })],
  ])('%s', (name, one) => {
    expect(encodingOf(one)).toBe(name);
  });
});

describe('sameCodec', () => {
  it('looks at name, rate and channels, not at the payload type', () => {
    expect(sameCodec(codec('PCMU', { payloadType: 0 }), codec('pcmu', { payloadType: 111 }))).toBe(true);
    expect(sameCodec(codec('PCMU'), codec('PCMA'))).toBe(false);
    expect(sameCodec(codec('L16'), codec('L16', { clockRate: 16_000 }))).toBe(false);
    expect(sameCodec(codec('L16'), codec('L16', { channels: 2 }))).toBe(false);
  });

  it('looks at the format parameters that change the payload, with their defaults', () => {
    expect(sameCodec(codec('G729'), codec('G729', { fmtp: 'annexb=yes' }))).toBe(true);
    expect(sameCodec(codec('G729'), codec('G729', { fmtp: 'annexb=no' }))).toBe(false);
    expect(
      sameCodec(codec('AMR', { fmtp: 'mode-set=7; octet-align=1' }), codec('AMR', { fmtp: 'OCTET-ALIGN=1' })),
    ).toBe(true);
    expect(sameCodec(codec('PCMU', { fmtp: 'x=1' }), codec('PCMU'))).toBe(true);
    expect(sameCodec(codec('constructor', { fmtp: 'x=1' }), codec('constructor'))).toBe(true);
  });
});

describe('mediaCodecs', () => {
  const of = (...lines: string[]) => mediaCodecs(offerOf(...lines).media[0]!);

  it('knows static payload types without an rtpmap', () => {
    expect(of('m=audio 4000 RTP/AVP 0 8 9 11 18 34').map((c) => `${c.name}/${c.clockRate}/${c.channels}`)).toEqual([
      'PCMU/8000/1',
      'PCMA/8000/1',
      'G722/8000/1',
      'L16/44100/1',
      'G729/8000/1',
    ]);
  });

  it('reads rtpmap and fmtp in any order, and each payload type once', () => {
    const list = of(
      'm=audio 4000 RTP/AVP 100 100 97 200 x 99',
      'a=fmtp:97 0-15',
      'a=rtpmap:97 Telephone-Event/8000',
      'a=rtpmap:100 l16/16000/2',
      'a=rtpmap:99 broken',
    );
    expect(list).toEqual([
      { name: 'L16', payloadType: 100, clockRate: 16_000, channels: 2, fmtp: undefined },
      { name: 'telephone-event', payloadType: 97, clockRate: 8000, channels: 1, fmtp: '0-15' },
    ]);
  });
});

describe('assignPayloadTypes', () => {
  it('keeps the types of the session and never gives one of them to another codec', () => {
    const before = [codec('L16', { payloadType: 101 }), codec('OPUS', { payloadType: 96, clockRate: 48_000 })];
    const after = assignPayloadTypes(codecs('PCMU', 'L16', 'L16/16000', 'telephone-event'), before);
    expect(after.map((c) => `${c.name}/${c.clockRate} ${c.payloadType}`)).toEqual([
      'PCMU/8000 0',
      'L16/8000 101',
      'L16/16000 97',
      'telephone-event/8000 99',
      'telephone-event/16000 98',
    ]);
  });
});

import { describe, expect, it } from 'vitest';
import { comfortNoise } from '../../../media/sdp/codecs.ts';
import { intersect, reverse } from '../../../media/sdp/direction.ts';
import { acceptAnswer, createAnswer, createOffer, sameDescription, withVersion } from '../../../media/sdp/index.ts';
import { printSdp } from '../../../media/sdp/print.ts';
import type { Direction, SdpSession } from '../../../media/sdp/types.ts';
import { codecs, local, offerOf, origin, parsed, sdp, values } from './helpers.ts';

const ours = codecs('PCMU', 'PCMA', 'L16', 'telephone-event');

function answer(offer: SdpSession, more: Partial<Parameters<typeof createAnswer>[1]> = {}) {
  const result = createAnswer(offer, { origin, local, codecs: ours, ...more });
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}

function refusal(offer: SdpSession, more: Partial<Parameters<typeof createAnswer>[1]> = {}) {
  const result = createAnswer(offer, { origin, local, codecs: ours, ...more });
  return result.ok ? undefined : result.error;
}

describe('createOffer', () => {
  it('writes one audio stream', () => {
    expect(printSdp(createOffer({ origin, local, codecs: ours }))).toBe(
      sdp(
        'v=0',
        'o=- 42 1 IN IP4 127.0.0.1',
        's=-',
        'c=IN IP4 127.0.0.1',
        't=0 0',
        'm=audio 20000 RTP/AVP 0 8 96 101',
        'a=rtpmap:0 PCMU/8000',
        'a=rtpmap:8 PCMA/8000',
        'a=rtpmap:96 L16/8000',
        'a=rtpmap:101 telephone-event/8000',
        'a=fmtp:101 0-16',
        'a=ptime:20',
        'a=sendrecv',
      ),
    );
  });

  it('names IPv6, a direction, a ptime and an RTCP port of its own', () => {
    const text = printSdp(
      createOffer({
        origin,
        local: { address: '::1', port: 4000, rtcpPort: 4100 },
        codecs: ours,
        direction: 'sendonly',
        ptime: 30,
      }),
    );
    for (const line of ['c=IN IP6 ::1', 'a=ptime:30', 'a=sendonly', 'a=rtcp:4100'])
      expect(text).toContain(`${line}\r\n`);
  });

  it('keeps the streams and payload types of the session in a later offer', () => {
    const { answer: previous } = answer(
      offerOf(
        'm=video 5000 RTP/AVP 31',
        'm=audio 4000 RTP/AVP 96 110',
        'a=rtpmap:96 telephone-event/8000',
        'a=rtpmap:110 L16/8000',
      ),
    );
    const next = createOffer({
      origin: { ...origin, version: 2 },
      local,
      codecs: ours,
      direction: 'sendonly',
      previous,
    });
    expect(next.media.map((m) => [m.kind, m.port])).toEqual([
      ['video', 0],
      ['audio', 20_000],
    ]);
    expect(values(next.media[1], 'rtpmap')).toEqual([
      '0 PCMU/8000',
      '8 PCMA/8000',
      '110 L16/8000',
      '96 telephone-event/8000',
    ]);
  });
});

describe('createAnswer', () => {
  it('answers the first usable audio stream and refuses the others in place', () => {
    const { answer: result, audio } = answer(
      offerOf(
        'm=video 5000 RTP/AVP 31 32',
        'm=audio 5002 RTP/SAVP 0',
        'm=audio 0 RTP/AVP 0',
        'm=audio 5004 RTP/AVP 18',
        'm=audio 5006 RTP/AVP 8 0',
        'm=audio 5008 RTP/AVP 0',
        'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
      ),
    );
    expect(result.media.map((m) => `${m.kind} ${m.port} ${m.protocol} ${m.formats.join(' ')}`)).toEqual([
      'video 0 RTP/AVP 31 32',
      'audio 0 RTP/SAVP 0',
      'audio 0 RTP/AVP 0',
      'audio 0 RTP/AVP 18',
      'audio 20000 RTP/AVP 8 0',
      'audio 0 RTP/AVP 0',
      'application 0 UDP/DTLS/SCTP webrtc-datachannel',
    ]);
    expect(audio.remote).toEqual({ address: '192.0.2.1', port: 5006, rtcpPort: 5007 });
    expect(audio.codec.name).toBe('PCMA');
    expect(audio.receivePayloadTypes.map((c) => c.payloadType)).toEqual([8, 0]);
  });

  it("uses the offer's payload types, static ones without rtpmap and dynamic ones for known codecs", () => {
    const { answer: result, audio } = answer(
      offerOf(
        'm=audio 4000 RTP/AVP 118 0 97 99',
        'a=rtpmap:118 PCMA/8000',
        'a=rtpmap:97 telephone-event/16000',
        'a=rtpmap:99 telephone-event/8000',
        'a=fmtp:99 0-15',
      ),
    );
    expect(result.media[0]?.formats).toEqual(['118', '0', '99']);
    expect(values(result.media[0], 'rtpmap')).toEqual(['118 PCMA/8000', '0 PCMU/8000', '99 telephone-event/8000']);
    expect(values(result.media[0], 'fmtp')).toEqual(['99 0-15']);
    expect(audio).toMatchObject({
      codec: { name: 'PCMA', payloadType: 118 },
      telephoneEvent: { sendPayloadType: 99, receivePayloadType: 99, clockRate: 8000 },
    });
  });

  it('has no telephone-event when the offer has none at the clock rate of the audio, or we want none', () => {
    const offer = offerOf('m=audio 4000 RTP/AVP 0 97', 'a=rtpmap:97 telephone-event/16000');
    expect(answer(offer).audio.telephoneEvent).toBeUndefined();
    const both = offerOf('m=audio 4000 RTP/AVP 0 97', 'a=rtpmap:97 telephone-event/8000');
    expect(answer(both, { codecs: codecs('PCMU') }).audio.telephoneEvent).toBeUndefined();
  });

  it('answers telephone-event 0-16 only to an offer that has 16', () => {
    const fmtp = (...lines: string[]) => {
      const offer = offerOf('m=audio 4000 RTP/AVP 0 97', 'a=rtpmap:97 telephone-event/8000', ...lines);
      return values(answer(offer).answer.media[0], 'fmtp');
    };
    expect(fmtp('a=fmtp:97 0-16')).toEqual(['97 0-16']);
    expect(fmtp('a=fmtp:97 0-11,16')).toEqual(['97 0-16']);
    expect(fmtp('a=fmtp:97 0-15,66')).toEqual(['97 0-15']);
    expect(fmtp()).toEqual(['97 0-15']);
  });

  const directions: readonly [offered: Direction, wanted: Direction, result: Direction][] = [
    ['sendrecv', 'sendrecv', 'sendrecv'],
    ['sendonly', 'sendrecv', 'recvonly'],
    ['recvonly', 'sendrecv', 'sendonly'],
    ['inactive', 'sendrecv', 'inactive'],
    ['sendrecv', 'sendonly', 'sendonly'],
    ['sendonly', 'sendonly', 'inactive'],
    ['recvonly', 'recvonly', 'inactive'],
  ];
  it.each(directions)('offered %s, wanted %s: %s', (offered, direction, expected) => {
    const stream = answer(offerOf('m=audio 4000 RTP/AVP 0', `a=${offered}`), { direction });
    expect(stream.audio.direction).toBe(expected);
    expect(values(stream.answer.media[0], expected)).toEqual([undefined]);
    const session = answer(offerOf(`a=${offered}`, 'm=audio 4000 RTP/AVP 0'), { direction });
    expect(session.audio.direction).toBe(expected);
  });

  it('lets the direction of the stream win over the session', () => {
    expect(answer(offerOf('a=inactive', 'm=audio 4000 RTP/AVP 0', 'a=sendrecv')).audio.direction).toBe('sendrecv');
  });

  it.each(['IN IP4 0.0.0.0', 'IN IP6 ::'])('takes c=%s for hold', (connection) => {
    const { audio } = answer(offerOf('m=audio 4000 RTP/AVP 0', `c=${connection}`));
    expect(audio.remote).toBeUndefined();
    expect(audio.direction).toBe('recvonly');
    expect(answer(offerOf('m=audio 4000 RTP/AVP 0', `c=${connection}`, 'a=recvonly')).audio.direction).toBe('inactive');
  });

  it('waits for the packets of a peer that gives a host name', () => {
    const { audio } = answer(offerOf('m=audio 4000 RTP/AVP 0', 'c=IN IP4 media.example.com'));
    expect(audio).toMatchObject({ remote: undefined, direction: 'sendrecv' });
  });

  it.each([
    ['a=rtcp:53020', 53_020],
    ['a=rtcp:53020 IN IP4 126.16.64.4', 53_020],
    ['a=rtcp:0', 4001],
    ['a=rtcp:70000', 4001],
    ['a=rtcp:x', 4001],
  ])('%s: RTCP goes to %i', (line, port) => {
    expect(answer(offerOf('m=audio 4000 RTP/AVP 0', line)).audio.remote?.rtcpPort).toBe(port);
  });

  it('sends RTCP to another host where the peer names one that can be reached', () => {
    const remote = (line: string) => answer(offerOf('m=audio 4000 RTP/AVP 0', line)).audio.remote;
    expect(remote('a=rtcp:53020 IN IP4 126.16.64.4')).toMatchObject({ rtcpPort: 53_020, rtcpAddress: '126.16.64.4' });
    for (const address of ['IN IP6 2001:db8::1', 'IN IP4 224.0.0.1', 'IN IP4 0.0.0.0', 'IN IP4 example.com', 'IN IP4'])
      expect(remote(`a=rtcp:53020 ${address}`)).not.toHaveProperty('rtcpAddress');
  });

  it('has RTCP on the port of RTP when the offer asks for it (RFC 5761), else not', () => {
    const { answer: muxed, audio } = answer(offerOf('m=audio 4000 RTP/AVP 0', 'a=rtcp:4001', 'a=rtcp-mux'));
    expect(values(muxed.media[0], 'rtcp-mux')).toEqual([undefined]);
    expect(audio).toMatchObject({ rtcpMux: true, remote: { port: 4000, rtcpPort: 4000 } });
    const plain = answer(offerOf('m=audio 4000 RTP/AVP 0', 'a=rtcp:4001'), { rtcpMux: true });
    expect(values(plain.answer.media[0], 'rtcp-mux')).toEqual([]);
    expect(plain.audio).toMatchObject({ rtcpMux: false, remote: { rtcpPort: 4001 } });
  });

  it('offers RTCP on the port of RTP, and does so if the answer takes it', () => {
    const offer = createOffer({ origin, local, codecs: ours, rtcpMux: true });
    expect(values(offer.media[0], 'rtcp-mux')).toEqual([undefined]);
    const settled = (...lines: string[]) => acceptAnswer(offer, offerOf('m=audio 4000 RTP/AVP 0', ...lines));
    expect(settled('a=rtcp-mux')).toMatchObject({ value: { rtcpMux: true, remote: { rtcpPort: 4000 } } });
    expect(settled()).toMatchObject({ value: { rtcpMux: false, remote: { rtcpPort: 4001 } } });
    const unasked = acceptAnswer(
      createOffer({ origin, local, codecs: ours }),
      offerOf('m=audio 4000 RTP/AVP 0', 'a=rtcp-mux'),
    );
    expect(unasked).toMatchObject({ value: { rtcpMux: false } });
  });

  it('takes those extended reports of an offer that it knows (RFC 3611), of the stream before those of the session', () => {
    const xr = (...lines: string[]) => {
      const { answer: made, audio } = answer(offerOf(...lines));
      return [values(made.media[0], 'rtcp-xr'), audio.rtcpXr];
    };
    const media = 'm=audio 4000 RTP/AVP 0';
    expect(xr(media, 'a=rtcp-xr:rcvr-rtt=all:10000 stat-summary=loss,dup,jitt,TTL voip-metrics')).toEqual([
      ['rcvr-rtt=all voip-metrics'],
      { voipMetrics: true, receiverRtt: true },
    ]);
    expect(xr('a=rtcp-xr:rcvr-rtt=all', media, 'a=rtcp-xr:voip-metrics')).toEqual([
      ['voip-metrics'],
      { voipMetrics: true, receiverRtt: false },
    ]);
    expect(xr('a=rtcp-xr:rcvr-rtt=all', media)).toEqual([['rcvr-rtt=all'], { voipMetrics: false, receiverRtt: true }]);
    for (const line of ['a=rtcp-xr', 'a=rtcp-xr:', 'a=rtcp-xr:rcvr-rtt=sender pkt-loss-rle', 'a=x:voip-metrics'])
      expect(xr(media, line)).toEqual([[], undefined]);
  });

  it('offers extended reports, and sends those that the answer has', () => {
    const offer = createOffer({ origin, local, codecs: ours, rtcpXr: true });
    expect(values(offer.media[0], 'rtcp-xr')).toEqual(['rcvr-rtt=all voip-metrics']);
    const settled = (from: typeof offer, ...lines: string[]) =>
      acceptAnswer(from, offerOf('m=audio 4000 RTP/AVP 0', ...lines));
    const voipMetrics = { value: { rtcpXr: { voipMetrics: true, receiverRtt: false } } };
    expect(settled(offer, 'a=rtcp-xr:voip-metrics')).toMatchObject(voipMetrics);
    expect(settled(offer)).not.toHaveProperty('value.rtcpXr');
    const plain = createOffer({ origin, local, codecs: ours });
    expect(settled(plain, 'a=rtcp-xr:voip-metrics')).not.toHaveProperty('value.rtcpXr');
  });

  describe('comfort noise (RFC 3389)', () => {
    const quiet = [...codecs('PCMU', 'PCMA', 'opus/48000/2', 'telephone-event'), comfortNoise];
    const formats = (session: SdpSession) => session.media[0]?.formats;

    it('is offered beside a codec of its clock, and settled with the payload types of both sides', () => {
      const offer = createOffer({ origin, local, codecs: quiet });
      expect(formats(offer)).toContain('13');
      expect(values(offer.media[0], 'rtpmap')).toContain('13 CN/8000');
      const settled = (...lines: string[]) => acceptAnswer(offer, offerOf(...lines));
      expect(settled('m=audio 4000 RTP/AVP 0 19', 'a=rtpmap:19 CN/8000')).toMatchObject({
        value: { codec: { name: 'PCMU' }, comfortNoise: { sendPayloadType: 19, receivePayloadType: 13 } },
      });
      expect(settled('m=audio 4000 RTP/AVP 0')).not.toHaveProperty('value.comfortNoise');
      expect(settled('m=audio 4000 RTP/AVP 13').ok).toBe(false);
      expect(formats(createOffer({ origin, local, codecs: [...codecs('opus/48000/2'), comfortNoise] }))).toEqual([
        '96',
      ]);
    });

    it('is taken where it is wanted, on the clock of the codec, and else left out of the answer', () => {
      const offered = offerOf('m=audio 4000 RTP/AVP 0 19 20', 'a=rtpmap:19 CN/16000', 'a=rtpmap:20 cn/8000');
      const taken = answer(offered, { codecs: quiet });
      expect(formats(taken.answer)).toEqual(['0', '20']);
      expect(taken.audio.comfortNoise).toEqual({ sendPayloadType: 20, receivePayloadType: 20 });
      expect(taken.audio.receivePayloadTypes.map(({ name }) => name)).toEqual(['PCMU']);
      const plain = answer(offered);
      expect(formats(plain.answer)).toEqual(['0']);
      expect(plain.audio).not.toHaveProperty('comfortNoise');
      const opus = answer(offerOf('m=audio 4000 RTP/AVP 96 13', 'a=rtpmap:96 opus/48000/2'), { codecs: quiet });
      expect(formats(opus.answer)).toEqual(['96']);
      expect(refusal(offerOf('m=audio 4000 RTP/AVP 13'), { codecs: quiet })?.status).toBe(488);
    });
  });

  it('never names an RTCP port above 65535', () => {
    expect(answer(offerOf('m=audio 65535 RTP/AVP 0')).audio.remote?.rtcpPort).toBe(65_535);
  });

  it.each([
    [['a=ptime:30'], 30],
    [['a=ptime:30', 'a=maxptime:20'], 20],
    [['a=maxptime:10'], 10],
    [['a=maxptime:5'], 10],
    [['a=ptime:25'], 20],
    [['a=ptime:4000'], 20],
    [['a=ptime:-1'], 20],
    [[], 20],
  ])('%j: packets of %i ms', (lines, ptime) => {
    const result = answer(offerOf('m=audio 4000 RTP/AVP 0', ...lines));
    expect(result.audio.ptime).toBe(ptime);
    expect(values(result.answer.media[0], 'ptime')).toEqual([String(ptime)]);
  });

  it('answers over IPv6', () => {
    const offer = offerOf('m=audio 4000 RTP/AVP 0', 'c=IN IP6 2001:db8::7');
    const { answer: result, audio } = answer(offer, { local: { address: '::1', port: 4000 } });
    expect(audio.remote?.address).toBe('2001:db8::7');
    expect(result.connection).toEqual({ netType: 'IN', addressType: 'IP6', address: '::1' });
  });

  it.each([
    ['no stream', offerOf(), 488, /no audio stream/],
    ['only video', offerOf('m=video 4000 RTP/AVP 31'), 488, /no audio stream/],
    ['only SRTP', offerOf('m=audio 4000 RTP/SAVP 0'), 488, /RTP\/SAVP/],
    ['only port 0', offerOf('m=audio 0 RTP/AVP 0'), 488, /disabled/],
    ['an unknown codec', offerOf('m=audio 4000 RTP/AVP 18'), 488, /G729/],
    ['stereo L16', offerOf('m=audio 4000 RTP/AVP 96', 'a=rtpmap:96 L16/8000/2'), 488, /no codec/],
    ['only telephone-event', offerOf('m=audio 4000 RTP/AVP 96', 'a=rtpmap:96 telephone-event/8000'), 488, /no codec/],
    ['a multicast address', offerOf('m=audio 4000 RTP/AVP 0', 'c=IN IP4 224.2.1.1/127'), 488, /multicast/],
    ['a broadcast address', offerOf('m=audio 4000 RTP/AVP 0', 'c=IN IP4 255.255.255.255'), 488, /multicast/],
    ['IPv6 at IPv4', offerOf('m=audio 4000 RTP/AVP 0', 'c=IN IP6 2001:db8::1'), 488, /IPv6/],
    ['no c=', parsed(sdp('v=0', 'o=- 1 1 IN IP4 1.2.3.4', 's=-', 't=0 0', 'm=audio 4000 RTP/AVP 0')), 400, /c= line/],
  ])('refuses %s', (_, offer, status, message) => {
    expect(refusal(offer)).toMatchObject({ status, message: expect.stringMatching(message) });
  });
});

describe('acceptAnswer', () => {
  const offer = createOffer({ origin, local, codecs: ours });

  it("sends with the answer's payload types and receives with the offer's", () => {
    const result = acceptAnswer(
      offer,
      offerOf('m=audio 4000 RTP/AVP 99 8 100', 'a=rtpmap:99 L16/8000', 'a=rtpmap:100 telephone-event/8000'),
    );
    expect(result).toMatchObject({
      ok: true,
      value: {
        codec: { name: 'L16', payloadType: 99 },
        telephoneEvent: { sendPayloadType: 100, receivePayloadType: 101 },
        remote: { address: '192.0.2.1', port: 4000, rtcpPort: 4001 },
        direction: 'sendrecv',
        ptime: 20,
      },
    });
    const received = result.ok ? result.value.receivePayloadTypes : [];
    expect(received.map((c) => `${c.payloadType} ${c.name}`)).toEqual(['96 L16', '8 PCMA', '99 L16']);
  });

  it('takes a dynamic payload type of the offer whose rtpmap is missing', () => {
    const result = acceptAnswer(offer, offerOf('m=audio 4000 RTP/AVP 96 101'));
    expect(result).toMatchObject({ value: { codec: { name: 'L16' }, telephoneEvent: { sendPayloadType: 101 } } });
  });

  it('combines both directions', () => {
    const hold = createOffer({ origin, local, codecs: ours, direction: 'sendonly' });
    expect(acceptAnswer(hold, offerOf('m=audio 4000 RTP/AVP 0', 'a=recvonly'))).toMatchObject({
      value: { direction: 'sendonly' },
    });
    expect(acceptAnswer(hold, offerOf('m=audio 4000 RTP/AVP 0'))).toMatchObject({ value: { direction: 'sendonly' } });
    expect(acceptAnswer(offer, offerOf('m=audio 4000 RTP/AVP 0', 'c=IN IP4 0.0.0.0'))).toMatchObject({
      value: { direction: 'recvonly', remote: undefined },
    });
  });

  it('finds our stream behind those that were refused', () => {
    const previous = answer(offerOf('m=video 5000 RTP/AVP 31', 'm=audio 4000 RTP/AVP 0')).answer;
    const later = createOffer({ origin, local, codecs: ours, previous });
    const result = acceptAnswer(later, offerOf('m=video 0 RTP/AVP 31', 'm=audio 4002 RTP/AVP 0'));
    expect(result).toMatchObject({ value: { remote: { port: 4002 } } });
  });

  it.each([
    ['a refused stream', offerOf('m=audio 0 RTP/AVP 0'), /refused/],
    ['a missing stream', offerOf(), /fewer/],
    ['video', offerOf('m=video 4000 RTP/AVP 0'), /not audio/],
    ['a codec we did not offer', offerOf('m=audio 4000 RTP/AVP 18'), /no codec/],
    ['another meaning of a payload type', offerOf('m=audio 4000 RTP/AVP 96', 'a=rtpmap:96 OPUS/48000/2'), /no codec/],
    ['SRTP', offerOf('m=audio 4000 RTP/SAVP 0'), /RTP\/SAVP/],
  ])('refuses %s', (_, answered, message) => {
    expect(acceptAnswer(offer, answered)).toEqual({
      ok: false,
      error: { status: 488, message: expect.stringMatching(message) },
    });
  });
});

describe('versions and directions', () => {
  it('needs a new version only when something but o= changed', () => {
    const one = createOffer({ origin, local, codecs: ours });
    const same = createOffer({ origin: { ...origin, version: 9 }, local, codecs: ours });
    const held = createOffer({ origin, local, codecs: ours, direction: 'sendonly' });
    expect(sameDescription(one, same)).toBe(true);
    expect(sameDescription(one, held)).toBe(false);
    expect(withVersion(held, 2).origin).toEqual({ ...held.origin, version: '2' });
  });

  it('reverses and intersects', () => {
    const all: Direction[] = ['sendrecv', 'sendonly', 'recvonly', 'inactive'];
    expect(all.map(reverse)).toEqual(['sendrecv', 'recvonly', 'sendonly', 'inactive']);
    for (const a of all) expect(all.map((b) => intersect(a, b))).toEqual(all.map((b) => intersect(b, a)));
    expect(intersect('sendonly', 'recvonly')).toBe('inactive');
  });
});

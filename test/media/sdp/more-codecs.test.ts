import { describe, expect, it, vi } from 'vitest';
import { encodingOf } from '../../../media/sdp/codecs.ts';
import { acceptAnswer, createAnswer, createOffer } from '../../../media/sdp/index.ts';
import { checkedCodecs } from '../../../src/options.ts';
import { codecs, offerOf } from './helpers.ts';

vi.mock('../../../media/codec/opus-library.ts', () => ({
  opusInstalled: () => false,
  loadOpus: async () => {},
  opusLibrary: () => undefined,
}));

const origin = { sessionId: '1', version: 1 };
const local = { address: '10.0.0.9', port: 4000 };

function answered(names: readonly string[], ...lines: string[]) {
  const result = createAnswer(offerOf(...lines), { origin, local, codecs: codecs(...names) });
  if (!result.ok) throw new Error(result.error.message);
  const { answer, audio } = result.value;
  return { audio, fmtps: answer.media.flatMap(({ attributes }) => attributes.filter(({ name }) => name === 'fmtp')) };
}

describe('an answer', () => {
  it('to Opus says what we want, keeps what the peer wants, and sends 20 ms', () => {
    const { audio, fmtps } = answered(
      ['opus', 'telephone-event'],
      'm=audio 5000 RTP/AVP 111 8 126 110',
      'a=rtpmap:111 opus/48000/2',
      'a=fmtp:111 minptime=10;useinbandfec=1;stereo=1;maxaveragebitrate=20000',
      'a=rtpmap:126 telephone-event/8000',
      'a=rtpmap:110 telephone-event/48000',
      'a=ptime:60',
    );
    expect(fmtps.map(({ value }) => value)).toEqual(['111 minptime=10;useinbandfec=1', '110 0-15']);
    expect(audio.codec.fmtp).toContain('maxaveragebitrate=20000');
    expect(audio.ptime).toBe(20);
    expect(audio.telephoneEvent).toMatchObject({ sendPayloadType: 110, clockRate: 48_000 });
  });

  it('to Opus of one channel is none: RFC 7587 has two always', () => {
    const offer = offerOf('m=audio 5000 RTP/AVP 111', 'a=rtpmap:111 opus/48000');
    expect(createAnswer(offer, { origin, local, codecs: codecs('opus') })).toMatchObject({ ok: false });
  });

  it.each([
    ['G729', 'm=audio 5000 RTP/AVP 18', ['a=fmtp:18 annexb=no'], 'G729/8000;annexb=no'],
    ['AMR', 'm=audio 5000 RTP/AVP 97', ['a=rtpmap:97 AMR/8000', 'a=fmtp:97 octet-align=1'], 'AMR/8000;octet-align=1'],
  ])('to %s takes the variant of the peer as it is', (name, media, attributes, encoding) => {
    const { audio, fmtps } = answered([name], media, ...attributes);
    expect(encodingOf(audio.codec)).toBe(encoding);
    expect(fmtps).toHaveLength(1);
  });

  it('of a peer to G.729 settles its variant, on our payload type', () => {
    const offer = createOffer({ origin, local, codecs: codecs('G729', 'AMR') });
    const lines = ['m=audio 5000 RTP/AVP 18 120', 'a=fmtp:18 annexb=no', 'a=rtpmap:120 AMR/8000'];
    const result = acceptAnswer(offer, offerOf(...lines));
    expect(result).toMatchObject({
      ok: true,
      value: { codec: { name: 'G729', payloadType: 18, fmtp: 'annexb=no' } },
    });
    if (result.ok) expect(result.value.receivePayloadTypes.map(encodingOf)).toContain('G729/8000;annexb=no');
  });
});

it('Opus without its package is refused with one line', () => {
  expect(() => checkedCodecs(['opus', 'PCMU'])).toThrow(
    'media.codecs: opus needs the package libopus-wasm: npm install libopus-wasm',
  );
  expect(checkedCodecs(['PCMU'])).toHaveLength(1);
});

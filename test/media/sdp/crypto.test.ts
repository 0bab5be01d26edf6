import { describe, expect, it } from 'vitest';
import { cryptoLines, type LocalSrtp, type SrtpMode } from '../../../media/sdp/crypto.ts';
import { acceptAnswer, createAnswer, createOffer } from '../../../media/sdp/index.ts';
import { printSdp } from '../../../media/sdp/print.ts';
import type { SdpSession } from '../../../media/sdp/types.ts';
import { masterBytes, type SrtpProfile } from '../../../media/srtp/profiles.ts';
import { codecs, local, offerOf, origin, parsed, values } from './helpers.ts';

const keyFor = (profile: SrtpProfile): string => Buffer.alloc(masterBytes(profile), profile).toString('base64');
const otherKey = (profile: SrtpProfile): string => Buffer.alloc(masterBytes(profile), 7).toString('base64');
const base = { origin, local, codecs: codecs('PCMU') };
const inline = 'WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz';
const srtp = (mode: SrtpMode, key = keyFor): { srtp: LocalSrtp } => ({ srtp: { mode, keyFor: key } });
const offer = (mode: SrtpMode, previous?: SdpSession): SdpSession =>
  createOffer({ ...base, ...srtp(mode), ...(previous ? { previous } : {}) });

/** The peer's answer to `session`, as we would make it. */
function answerTo(session: SdpSession, mode: SrtpMode): SdpSession {
  const result = createAnswer(parsed(printSdp(session)), { ...base, ...srtp(mode, otherKey) });
  if (!result.ok) throw new Error(result.error.message);
  return parsed(printSdp(result.value.answer));
}

const answer = (mode: SrtpMode, ...lines: string[]) => createAnswer(offerOf(...lines), { ...base, ...srtp(mode) });

describe('a line', () => {
  const parse = (value: string) => cryptoLines(offerOf('m=audio 4000 RTP/SAVP 0', `a=crypto:${value}`).media[0]!)[0];
  const keys = { inline, mki: '', lifetime: undefined };

  it.each([
    ['key alone', `1 AES_CM_128_HMAC_SHA1_80 inline:${inline}`, [keys]],
    ['lifetime', `1 AES_CM_128_HMAC_SHA1_80 inline:${inline}|2^20`, [{ ...keys, lifetime: 2 ** 20 }]],
    ['decimal lifetime', `1 AES_CM_128_HMAC_SHA1_32 inline:${inline}|4000`, [{ ...keys, lifetime: 4000 }]],
    ['MKI', `1 AES_CM_128_HMAC_SHA1_80 inline:${inline}|1066:4`, [{ ...keys, mki: '0000042a' }]],
    [
      'several keys',
      `12 AES_CM_128_HMAC_SHA1_80 inline:${inline}|2^20|1:1;inline:${inline}|2^20|2:1 WSH=128 -x`,
      [
        { inline, mki: '01', lifetime: 2 ** 20 },
        { inline, mki: '02', lifetime: 2 ** 20 },
      ],
    ],
  ])('%s', (_name, value, expected) => {
    expect(parse(value)?.keys).toEqual(expected);
  });

  it.each([
    ['another suite', `1 F8_128_HMAC_SHA1_80 inline:${inline}`],
    ['no suite of ours by its prototype', `1 constructor inline:${inline}`],
    ['a key that is too short', '1 AES_CM_128_HMAC_SHA1_80 inline:AAAA'],
    ['a key for another suite', `1 AES_256_CM_HMAC_SHA1_80 inline:${inline}`],
    ['no base64', `1 AES_CM_128_HMAC_SHA1_80 inline:${inline.slice(1)}*`],
    ['another method', `1 AES_CM_128_HMAC_SHA1_80 uri:${inline}`],
    ['no tag', `AES_CM_128_HMAC_SHA1_80 inline:${inline}`],
    ['a tag that is too long', `1234567890 AES_CM_128_HMAC_SHA1_80 inline:${inline}`],
    ['a lifetime of nothing', `1 AES_CM_128_HMAC_SHA1_80 inline:${inline}|0`],
    ['a lifetime without end', `1 AES_CM_128_HMAC_SHA1_80 inline:${inline}|2^49`],
    ['an MKI longer than its length', `1 AES_CM_128_HMAC_SHA1_80 inline:${inline}|256:1`],
    ['an MKI of no length', `1 AES_CM_128_HMAC_SHA1_80 inline:${inline}|0:0`],
    ['two keys without MKI', `1 AES_CM_128_HMAC_SHA1_80 inline:${inline};inline:${inline}`],
    ['two keys of one MKI', `1 AES_CM_128_HMAC_SHA1_80 inline:${inline}|1:1;inline:${inline}|1:1`],
    ['MKIs of two lengths', `1 AES_CM_128_HMAC_SHA1_80 inline:${inline}|1:1;inline:${inline}|2:2`],
    [
      'too many keys',
      `1 AES_CM_128_HMAC_SHA1_80 ${Array.from({ length: 9 }, (_, i) => `inline:${inline}|${i}:1`).join(';')}`,
    ],
    ['unencrypted RTP', `1 AES_CM_128_HMAC_SHA1_80 inline:${inline} UNENCRYPTED_SRTP`],
    ['unencrypted RTCP', `1 AES_CM_128_HMAC_SHA1_80 inline:${inline} UNENCRYPTED_SRTCP`],
    ['no authentication', `1 AES_CM_128_HMAC_SHA1_80 inline:${inline} UNAUTHENTICATED_SRTP`],
    ['a derivation rate', `1 AES_CM_128_HMAC_SHA1_80 inline:${inline} KDR=1`],
    ['FEC', `1 AES_CM_128_HMAC_SHA1_80 inline:${inline} FEC_ORDER=FEC_SRTP`],
    ['unencrypted RTP, said late', `1 AES_CM_128_HMAC_SHA1_80 inline:${inline}${' -x'.repeat(100)} UNENCRYPTED_SRTP`],
    ['nothing', ''],
  ])('is passed over for %s', (_name, value) => {
    expect(parse(value)).toBeUndefined();
  });
});

describe('an answer', () => {
  const sha = 'AES_CM_128_HMAC_SHA1_80';

  it('takes the first line we can use and gives its tag back', () => {
    const result = answer(
      'optional',
      'm=audio 4000 RTP/SAVP 0',
      `a=crypto:1 F8_128_HMAC_SHA1_80 inline:${inline}`,
      `a=crypto:4 ${sha} inline:${inline}|2^31 KDR=3`,
      `a=crypto:7 AES_CM_128_HMAC_SHA1_32 inline:${inline}|2^31`,
      `a=crypto:8 ${sha} inline:${inline}`,
    );
    if (!result.ok) throw new Error(result.error.message);
    const [media] = result.value.answer.media;
    expect(media?.protocol).toBe('RTP/SAVP');
    const key = keyFor('AES_CM_128_HMAC_SHA1_32');
    expect(values(media, 'crypto')).toEqual([`7 AES_CM_128_HMAC_SHA1_32 inline:${key}`]);
    expect(result.value.audio.srtp).toEqual({
      profile: 'AES_CM_128_HMAC_SHA1_32',
      local: { inline: key, mki: '', lifetime: undefined },
      remote: [{ inline, mki: '', lifetime: 2 ** 31 }],
    });
  });

  it('names a suite as the peer did', () => {
    const key = Buffer.alloc(46, 1).toString('base64');
    const result = answer('optional', 'm=audio 4000 RTP/AVP 0', `a=crypto:1 AES_CM_256_HMAC_SHA1_80 inline:${key}`);
    if (!result.ok) throw new Error(result.error.message);
    expect(values(result.value.answer.media[0], 'crypto')[0]).toMatch(/^1 AES_CM_256_HMAC_SHA1_80 inline:/);
    expect(result.value.audio.srtp?.profile).toBe('AES_256_CM_HMAC_SHA1_80');
  });

  const crypto = `a=crypto:1 ${sha} inline:${inline}`;
  const bad = `a=crypto:1 ${sha} inline:${inline} UNENCRYPTED_SRTP`;
  it.each([
    ['off', 'RTP/AVP', crypto, 'plain'],
    ['off', 'RTP/SAVP', crypto, 488],
    ['optional', 'RTP/AVP', 'a=x', 'plain'],
    ['optional', 'RTP/AVP', crypto, 'srtp'],
    ['optional', 'RTP/AVP', bad, 'plain'],
    ['optional', 'RTP/SAVP', crypto, 'srtp'],
    ['optional', 'RTP/SAVP', bad, 488],
    ['optional', 'RTP/SAVP', 'a=x', 488],
    ['required', 'RTP/AVP', 'a=x', 488],
    ['required', 'RTP/AVP', crypto, 'srtp'],
    ['required', 'RTP/SAVP', crypto, 'srtp'],
    ['optional', 'RTP/SAVPF', crypto, 'srtp'],
    ['off', 'RTP/SAVPF', crypto, 488],
    ['required', 'RTP/SAVP', bad, 488],
    ['required', 'UDP/TLS/RTP/SAVP', crypto, 488],
  ] as const)('%s: %s with %s is %s', (mode, protocol, line, expected) => {
    const result = answer(mode, `m=audio 4000 ${protocol} 0`, line);
    const got = result.ok ? (result.value.audio.srtp ? 'srtp' : 'plain') : result.error.status;
    expect(got).toBe(expected);
    if (result.ok) expect(result.value.answer.media[0]?.protocol).toBe(protocol);
  });
});

describe('an offer', () => {
  it('has one key for each suite, over RTP/SAVP when SRTP is required', () => {
    const [best] = offer('optional').media;
    expect(best?.protocol).toBe('RTP/AVP');
    expect(values(best, 'crypto').map((value) => value?.split(' ').slice(0, 2).join(' '))).toEqual([
      '1 AES_CM_128_HMAC_SHA1_80',
      '2 AEAD_AES_128_GCM',
      '3 AES_256_CM_HMAC_SHA1_80',
      '4 AEAD_AES_256_GCM',
    ]);
    expect(offer('required').media[0]?.protocol).toBe('RTP/SAVP');
    expect(values(offer('off').media[0], 'crypto')).toEqual([]);
  });

  it('made again, is the same, and keeps the protocol of the answer before', () => {
    const first = offer('optional');
    expect(offer('optional', first)).toEqual(first);
    const secure = { ...first, media: first.media.map((media) => ({ ...media, protocol: 'RTP/SAVP' })) };
    expect(offer('optional', secure).media[0]?.protocol).toBe('RTP/SAVP');
    expect(offer('required', first).media[0]?.protocol).toBe('RTP/AVP');
  });

  it.each([
    ['optional', 'optional', 'srtp'],
    ['required', 'optional', 'srtp'],
    ['optional', 'required', 'srtp'],
    ['optional', 'off', 'plain'],
    ['off', 'optional', 'plain'],
  ] as const)('%s, answered by %s, gives %s', (mine, theirs, expected) => {
    const session = offer(mine);
    const accepted = acceptAnswer(session, answerTo(session, theirs));
    if (!accepted.ok) throw new Error(accepted.error.message);
    const profile = 'AES_CM_128_HMAC_SHA1_80';
    const key = (text: string) => ({ inline: text, mki: '', lifetime: undefined });
    expect(accepted.value.srtp).toEqual(
      expected === 'plain' ? undefined : { profile, local: key(keyFor(profile)), remote: [key(otherKey(profile))] },
    );
  });

  it.each([
    ['no key', 'required', 'RTP/SAVP', 'a=x', /no a=crypto line/],
    ['plain RTP', 'required', 'RTP/AVP', 'a=x', /no a=crypto line/],
    ['RTP/SAVP without a key', 'optional', 'RTP/SAVP', 'a=x', /names no key/],
    [
      'another tag',
      'optional',
      'RTP/AVP',
      `a=crypto:9 AES_CM_128_HMAC_SHA1_80 inline:${inline}`,
      /none that we offered/,
    ],
    ['another suite', 'optional', 'RTP/AVP', `a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:${inline}`, /none that we off/],
    ['a key that is none', 'optional', 'RTP/AVP', 'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA', /none that we off/],
  ] as const)('is not accepted with %s', (_name, mode, protocol, line, message) => {
    const accepted = acceptAnswer(offer(mode), offerOf(`m=audio 4000 ${protocol} 0`, line));
    expect(accepted).toMatchObject({ ok: false, error: { status: 488, message: expect.stringMatching(message) } });
  });
});

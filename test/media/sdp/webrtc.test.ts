/** Offers and answers with browsers: keys by DTLS (RFC 5763), ICE (RFC 8839), one port for all (RFC 8843). */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { hostCandidate } from '../../../media/ice/candidate.ts';
import type { IceCredentials } from '../../../media/ice/types.ts';
import type { LocalDtls } from '../../../media/sdp/dtls.ts';
import { candidatesOfFragment, type LocalIce, remoteIce } from '../../../media/sdp/ice.ts';
import { acceptAnswer, createAnswer, createOffer, type LocalDescription } from '../../../media/sdp/index.ts';
import { parseSdp } from '../../../media/sdp/parse.ts';
import type { SdpRefusal } from '../../../media/sdp/peer-stream.ts';
import { printSdp } from '../../../media/sdp/print.ts';
import type { NegotiatedAudio, SdpSession } from '../../../media/sdp/types.ts';
import { codecs, local, offerOf, origin, parsed, values } from './helpers.ts';

const chromium = readFileSync(new URL('./offers/chromium.sdp', import.meta.url), 'utf8');
const fingerprint = { hash: 'sha-256', value: Array.from({ length: 32 }, () => 'AB').join(':') } as const;
const ours: IceCredentials = { ufrag: 'ourufrag', pwd: 'ourpasswordourpassword12' };
const theirs: IceCredentials = { ufrag: 'efdI', pwd: 'uf3gZ2gBjZ9eXt1qvokXJhxf' };

function ice(lite = true): LocalIce {
  return { lite, candidates: [hostCandidate('127.0.0.1', 20_000)], credentials: () => ours };
}

function dtls(role: LocalDtls['role'] = undefined): LocalDtls {
  return { fingerprint, role };
}

function answerTo(
  offer: SdpSession,
  options: Partial<LocalDescription> = {},
): { answer: SdpSession; audio: NegotiatedAudio } {
  const answered = createAnswer(offer, {
    origin,
    local,
    codecs: codecs('opus', 'PCMU', 'telephone-event'),
    ice: ice(),
    dtls: dtls(),
    ...options,
  });
  if (!answered.ok) throw new Error(answered.error.message);
  return { answer: parsed(printSdp(answered.value.answer)), audio: answered.value.audio };
}

function refusalOf(offer: SdpSession, options: Partial<LocalDescription> = {}): SdpRefusal | undefined {
  const answered = createAnswer(offer, { origin, local, codecs: codecs('PCMU'), ice: ice(), dtls: dtls(), ...options });
  return answered.ok ? undefined : answered.error;
}

const setups = (session: SdpSession): unknown => values(session.media[0], 'setup')[0];

describe('an offer of Chromium', () => {
  it('is answered over the same protocol, with our fingerprint, credentials and candidate, on one port', () => {
    const { answer } = answerTo(parsed(chromium));
    const [audio] = answer.media;
    expect(audio?.protocol).toBe('UDP/TLS/RTP/SAVPF');
    expect(audio?.port).toBe(20_000);
    expect(values(audio, 'fingerprint')).toEqual([`sha-256 ${fingerprint.value}`]);
    expect(values(audio, 'ice-ufrag')).toEqual([ours.ufrag]);
    expect(values(audio, 'ice-pwd')).toEqual([ours.pwd]);
    expect(values(audio, 'candidate')).toEqual(['1 1 udp 2130706431 127.0.0.1 20000 typ host']);
    expect(values(audio, 'end-of-candidates')).toHaveLength(1);
    expect(values(audio, 'rtcp-mux')).toHaveLength(1);
    expect(values(audio, 'mid')).toEqual(['0']);
    expect(answer.attributes).toContainEqual({ name: 'group', value: 'BUNDLE 0' });
    expect(answer.attributes).toContainEqual({ name: 'ice-lite', value: undefined });
  });

  it('has its video refused, under its name', () => {
    const { answer } = answerTo(parsed(chromium));
    expect(answer.media[1]).toMatchObject({ kind: 'video', port: 0, protocol: 'UDP/TLS/RTP/SAVPF' });
    expect(values(answer.media[1], 'mid')).toEqual(['1']);
  });

  it('settles who begins, whose certificate it is, and the way', () => {
    const { audio } = answerTo(parsed(chromium));
    expect(audio.codec).toMatchObject({ name: 'OPUS', payloadType: 111, clockRate: 48_000 });
    expect(audio.telephoneEvent).toMatchObject({ clockRate: 48_000, sendPayloadType: 110 });
    expect(audio.dtls?.role).toBe('server');
    expect(audio.dtls?.fingerprints[0]?.value).toMatch(/^1A:EA:EF:/);
    expect(audio.ice).toMatchObject({ local: ours, remote: theirs, localLite: true, role: 'controlled' });
    expect(audio.ice?.candidates.map(({ address }) => address)).toEqual(['192.0.2.2', 'fd00::2']);
    expect(audio.srtp).toBeUndefined();
    expect(audio.rtcpMux).toBe(true);
  });

  it('that names no address yet is no hold', () => {
    const early = chromium
      .replaceAll(/a=candidate.*\r\n/g, '')
      .replace(/m=audio \d+/, 'm=audio 9')
      .replaceAll('c=IN IP4 192.0.2.2', 'c=IN IP4 0.0.0.0');
    const { audio } = answerTo(parsed(early));
    expect(audio.direction).toBe('sendrecv');
    expect(audio.remote).toBeUndefined();
    expect(audio.ice?.candidates).toEqual([]);
  });

  it('over IPv6 is not refused for that: a check shows the way', () => {
    const six = chromium.replaceAll('c=IN IP4 192.0.2.2', 'c=IN IP6 fd00::2');
    expect(answerTo(parsed(six)).audio.ice).toBeDefined();
  });

  it('keeps the role that there is when it is made again', () => {
    const again = answerTo(parsed(chromium), { dtls: dtls('client') });
    expect(again.audio.dtls?.role).toBe('client');
    expect(setups(again.answer)).toBe('active');
  });

  it.each([
    ['active', 'server', 'passive'],
    ['passive', 'client', 'active'],
    ['actpass', 'server', 'passive'],
  ])('with a=setup:%s makes us the %s', (offered, role, answered) => {
    const { audio, answer } = answerTo(parsed(chromium.replaceAll('setup:actpass', `setup:${offered}`)));
    expect(audio.dtls?.role).toBe(role);
    expect(setups(answer)).toBe(answered);
  });

  it.each([
    ['without a fingerprint', (text: string) => text.replaceAll(/a=fingerprint.*\r\n/g, '')],
    ['with one of no hash that we know', (text: string) => text.replaceAll('sha-256', 'md5')],
    ['with one that is too short', (text: string) => text.replaceAll(/(sha-256 ..:).*\r\n/g, '$1AA\r\n')],
    ['in which nobody begins', (text: string) => text.replaceAll('setup:actpass', 'setup:holdconn')],
    ['with RTCP on a port of its own', (text: string) => text.replaceAll('a=rtcp-mux\r\n', '')],
  ])('%s is refused', (_what, change) => {
    expect(refusalOf(parsed(change(chromium)))).toMatchObject({ status: 488 });
  });

  it('is refused where keys by DTLS are not to be had', () => {
    const answered = createAnswer(parsed(chromium), { origin, local, codecs: codecs('PCMU') });
    expect(answered).toMatchObject({ ok: false, error: { status: 488, warning: 302 } });
  });
});

describe('ICE without DTLS', () => {
  const plain = (...more: string[]): SdpSession =>
    offerOf('m=audio 4000 RTP/AVP 0', 'a=ice-ufrag:efdI', `a=ice-pwd:${theirs.pwd}`, ...more);

  it('is taken over plain RTP, if RTCP goes over the same port', () => {
    const { audio, answer } = answerTo(plain('a=rtcp-mux'));
    expect(audio.ice?.remote).toEqual(theirs);
    expect(audio.dtls).toBeUndefined();
    expect(answer.media[0]?.protocol).toBe('RTP/AVP');
    expect(values(answer.media[0], 'ice-ufrag')).toEqual([ours.ufrag]);
    expect(answerTo(plain()).audio.ice).toBeUndefined();
  });

  it('makes us controlling towards a peer that is lite, and controlled towards one that is not', () => {
    const lite = parsed(printSdp(plain('a=rtcp-mux')).replace('t=0 0\r\n', 't=0 0\r\na=ice-lite\r\n'));
    expect(answerTo(lite, { ice: ice(false) }).audio.ice).toMatchObject({ role: 'controlling', remoteLite: true });
    expect(answerTo(plain('a=rtcp-mux'), { ice: ice(false) }).audio.ice).toMatchObject({ role: 'controlled' });
    expect(answerTo(lite).audio.ice).toMatchObject({ role: 'controlled' });
  });

  it.each([
    ['a password that is too short', 'a=ice-ufrag:efdI', 'a=ice-pwd:short'],
    ['a name that is too short', 'a=ice-ufrag:e', `a=ice-pwd:${theirs.pwd}`],
    ['characters that are none of it', 'a=ice-ufrag:ef dI', `a=ice-pwd:${theirs.pwd}`],
    ['no password', 'a=ice-ufrag:efdI', 'a=x'],
  ])('with %s is as none', (_what, ...lines) => {
    expect(remoteIce({ attributes: offerOf('m=audio 4000 RTP/AVP 0', ...lines).media[0]!.attributes }, [])).toBe(
      undefined,
    );
  });

  it('looks at 64 candidates and no more', () => {
    const many = Array.from({ length: 500 }, (_, i) => `a=candidate:1 1 udp 100 192.0.2.${i % 250} ${i + 1} typ host`);
    const { audio } = answerTo(plain('a=rtcp-mux', ...many));
    expect(audio.ice?.candidates).toHaveLength(64);
  });
});

describe('an offer of ours to a browser', () => {
  const offer = createOffer({
    origin,
    local,
    codecs: codecs('opus', 'PCMU', 'telephone-event'),
    srtp: { mode: 'dtls', keyFor: () => '' },
    dtls: dtls(),
    ice: ice(),
    iceWith: 'new',
  });
  const answerOf = (...lines: string[]): SdpSession => offerOf('m=audio 5000 UDP/TLS/RTP/SAVPF 0', 'a=mid:0', ...lines);
  const full = [
    'a=rtcp-mux',
    'a=ice-ufrag:efdI',
    `a=ice-pwd:${theirs.pwd}`,
    `a=fingerprint:SHA-256 ${fingerprint.value.toLowerCase()}`,
  ];

  it('leaves it to the browser who begins, and has all on one port', () => {
    const text = printSdp(offer);
    expect(text).toContain('m=audio 20000 UDP/TLS/RTP/SAVPF');
    for (const line of ['a=setup:actpass', 'a=mid:0', 'a=group:BUNDLE 0', 'a=rtcp-mux', 'a=ice-lite'])
      expect(text).toContain(`${line}\r\n`);
  });

  it.each([
    ['active', 'server'],
    ['passive', 'client'],
  ])('that is answered a=setup:%s makes us the %s', (setup, role) => {
    const accepted = acceptAnswer(offer, answerOf(...full, `a=setup:${setup}`));
    expect(accepted).toMatchObject({
      ok: true,
      value: { dtls: { role, fingerprints: [fingerprint] }, ice: { local: ours, remote: theirs, localLite: true } },
    });
  });

  it.each([
    ['has no fingerprint', full.slice(0, 3)],
    ['has no a=rtcp-mux', full.slice(1)],
  ])('is not settled by an answer that %s', (_what, lines) => {
    expect(acceptAnswer(offer, answerOf(...lines))).toMatchObject({ ok: false, error: { status: 488 } });
  });

  it('is not settled by an answer for plain RTP', () => {
    expect(acceptAnswer(offer, offerOf('m=audio 5000 RTP/AVP 0', ...full))).toMatchObject({ ok: false });
  });

  it('keeps the places and names of streams that the browser made', () => {
    const { answer } = answerTo(parsed(chromium));
    const again = createOffer({
      origin,
      local,
      codecs: codecs('opus'),
      srtp: { mode: 'dtls', keyFor: () => '' },
      dtls: dtls(),
      ice: ice(),
      iceWith: theirs,
      previous: answer,
    });
    expect(again.media.map((media) => [media.kind, media.port === 0, values(media, 'mid')[0]])).toEqual([
      ['audio', false, '0'],
      ['video', true, '1'],
    ]);
  });
});

describe('candidates that come later', () => {
  it('are read from a fragment', () => {
    const fragment = parseSdp(
      `v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=ice-ufrag:efdI\r\nm=audio 9 RTP/AVP 0\r\n` +
        'a=mid:0\r\na=candidate:1 1 udp 100 192.0.2.7 4000 typ host\r\na=candidate:nonsense\r\n',
    );
    if (!fragment.ok) throw new Error(fragment.error);
    const { ufrag, candidates } = candidatesOfFragment(fragment.value);
    expect(ufrag).toBe('efdI');
    expect(candidates.map(({ address, port }) => `${address}:${port}`)).toEqual(['192.0.2.7:4000']);
  });
});

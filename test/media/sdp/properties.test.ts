import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { acceptAnswer, createAnswer, createOffer } from '../../../media/sdp/index.ts';
import { parseSdp } from '../../../media/sdp/parse.ts';
import { printSdp } from '../../../media/sdp/print.ts';
import { codecs, local, origin, sdp } from './helpers.ts';

const ours = codecs('PCMU', 'PCMA', 'L16', 'L16/16000', 'telephone-event');

const names = [
  'PCMU/8000',
  'PCMA/8000',
  'L16/8000',
  'L16/16000',
  'L16/8000/2',
  'G729/8000',
  'telephone-event/8000',
  'opus/48000/2',
];
const stream = fc
  .record({
    kind: fc.constantFrom('audio', 'audio', 'audio', 'video'),
    port: fc.constantFrom(0, 1, 4000, 65_535),
    protocol: fc.constantFrom('RTP/AVP', 'RTP/AVP', 'RTP/AVP', 'RTP/SAVP', 'UDP/TLS/RTP/SAVPF'),
    types: fc.uniqueArray(fc.integer({ min: 0, max: 127 }), { minLength: 1, maxLength: 8 }),
    maps: fc.array(fc.constantFrom(...names), { minLength: 8, maxLength: 8 }),
    extra: fc.array(
      fc.constantFrom(
        'a=sendonly',
        'a=inactive',
        'a=ptime:30',
        'a=maxptime:10',
        'a=rtcp:9',
        'c=IN IP4 0.0.0.0',
        'a=x:y',
      ),
      { maxLength: 3 },
    ),
  })
  .map(({ kind, port, protocol, types, maps, extra }) => [
    `m=${kind} ${port} ${protocol} ${types.join(' ')}`,
    ...extra.filter((line) => line.startsWith('c=')).slice(0, 1),
    ...types.map((type, i) => `a=rtpmap:${type} ${maps[i]}`),
    ...extra.filter((line) => !line.startsWith('c=')),
  ]);
const offerText = fc
  .array(stream, { minLength: 0, maxLength: 6 })
  .map((streams) => sdp('v=0', 'o=- 1 1 IN IP4 192.0.2.1', 's=-', 'c=IN IP4 192.0.2.1', 't=0 0', ...streams.flat()));

/** A valid body with some of its characters replaced, removed or doubled. */
const mutated = fc
  .tuple(
    offerText,
    fc.array(fc.record({ at: fc.nat(), cut: fc.nat(3), put: fc.string({ unit: 'binary', maxLength: 4 }) }), {
      maxLength: 6,
    }),
  )
  .map(([text, edits]) =>
    edits.reduce((old, { at, cut, put }) => {
      const i = at % (old.length + 1);
      return old.slice(0, i) + put + old.slice(i + cut);
    }, text),
  );

describe('for any input', () => {
  it('parse, answer and accept never throw, and what is parsed can be printed and is a fixed point', () => {
    const offer = createOffer({ origin, local, codecs: ours });
    fc.assert(
      fc.property(fc.oneof(mutated, fc.string({ unit: 'binary' })), (text) => {
        const session = parseSdp(text);
        if (!session.ok) return;
        const printed = printSdp(session.value);
        const again = parseSdp(printed);
        expect(again.ok).toBe(true);
        if (again.ok) expect(printSdp(again.value)).toBe(printed);
        createAnswer(session.value, { origin, local, codecs: ours });
        acceptAnswer(offer, session.value);
      }),
      { numRuns: 500 },
    );
  });

  it('bytes never throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        parseSdp(bytes);
      }),
    );
  });
});

describe('for any offer', () => {
  it('the answer has its streams in order, at most one active, with payload types of the offer', () => {
    let answered = 0;
    fc.assert(
      fc.property(offerText, (text) => {
        const offer = parseSdp(text);
        if (!offer.ok) throw new Error(offer.error);
        const result = createAnswer(offer.value, { origin, local, codecs: ours });
        if (!result.ok) return;
        answered++;
        const { answer, audio } = result.value;
        expect(answer.media.map((m) => [m.kind, m.protocol])).toEqual(
          offer.value.media.map((m) => [m.kind, m.protocol]),
        );
        const active = answer.media.flatMap((m, i) => (m.port === 0 ? [] : [i]));
        expect(active).toHaveLength(1);
        const [index = -1] = active;
        expect(offer.value.media[index]?.port).not.toBe(0);
        expect(offer.value.media[index]?.formats).toEqual(expect.arrayContaining([...answer.media[index]!.formats]));
        for (const [i, media] of answer.media.entries())
          if (i !== index) expect(media.formats).toEqual(offer.value.media[i]?.formats);
        expect(audio.receivePayloadTypes).toContainEqual(audio.codec);
        expect(structuredClone(audio)).toEqual(audio);
        // What we answered is an answer by our own reading of it.
        const wire = parseSdp(printSdp(answer));
        expect(wire).toEqual({ ok: true, value: answer });
      }),
      { numRuns: 300 },
    );
    expect(answered).toBeGreaterThan(50);
  });

  it('both sides settle on the same codec, and one may send what the other receives', () => {
    fc.assert(
      fc.property(
        fc.shuffledSubarray(['PCMU', 'PCMA', 'L16', 'L16/16000'], { minLength: 1 }),
        fc.shuffledSubarray(['PCMU', 'PCMA', 'L16', 'L16/16000'], { minLength: 1 }),
        (a, b) => {
          const offer = createOffer({ origin, local, codecs: codecs(...a, 'telephone-event') });
          const result = createAnswer(offer, { origin, local, codecs: codecs(...b, 'telephone-event') });
          expect(result.ok).toBe(a.some((name) => b.includes(name)));
          if (!result.ok) return;
          const accepted = acceptAnswer(offer, result.value.answer);
          expect(accepted.ok).toBe(true);
          if (!accepted.ok) return;
          expect(accepted.value.codec).toEqual(result.value.audio.codec);
          expect(accepted.value.receivePayloadTypes).toContainEqual(result.value.audio.codec);
          expect(accepted.value.telephoneEvent).toEqual(result.value.audio.telephoneEvent);
        },
      ),
    );
  });

  it('takes the largest hostile body in linear time', () => {
    // Bounded by size: each of these is near 64 kB, and a quadratic reader would need minutes for the lot.
    const head = 'v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\n';
    const bodies = [
      `${head}m=audio 4000 RTP/AVP${' 0'.repeat(32_000)}\r\n`,
      `${head}m=audio 4000 RTP/AVP 0\r\n${'a=rtpmap:0 PCMU/8000\r\n'.repeat(2900)}`,
      `${head}m=audio 4000 RTP/AVP 0\r\na=rtpmap:96${' '.repeat(65_000)}`,
      `${head}${'a=sendonly\r\n'.repeat(5000)}${'m=audio 4000 RTP/AVP 18\r\n'.repeat(120)}`,
      `${head}m=audio 4000 RTP/AVP 0\r\na=rtcp:${' '.repeat(65_000)}x`,
      `${head}m=audio 4000 RTP/AVP 0\r\na=fmtp:0 ${';='.repeat(32_000)}`,
    ];
    for (const body of bodies) {
      const parsed = parseSdp(body);
      expect(parsed.ok).toBe(true);
      if (parsed.ok) createAnswer(parsed.value, { origin, local, codecs: ours });
    }
  });
});

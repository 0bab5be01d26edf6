import { describe, expect, it } from 'vitest';
import { maxSdpBytes, maxSdpMedia, parseSdp } from '../../../media/sdp/parse.ts';
import { printSdp } from '../../../media/sdp/print.ts';
import { parsed, sdp } from './helpers.ts';

const full = sdp(
  'v=0',
  'o=alice 2890844526 99999999999999999999 IN IP6 2001:db8::1',
  's=A call',
  'i=about it',
  'c=IN IP6 2001:db8::1',
  'b=AS:64',
  't=0 0',
  'a=recvonly',
  'a=x-unknown:some value: with colon',
  'm=audio 49170/2 RTP/AVP 0 96',
  'c=IN IP4 192.0.2.7',
  'a=rtpmap:96 L16/16000',
  'm=video 0 RTP/AVP 31',
);

describe('parseSdp', () => {
  it('reads every line and prints them back unchanged', () => {
    const session = parsed(full);
    expect(session.origin).toMatchObject({ username: 'alice', version: '99999999999999999999', addressType: 'IP6' });
    expect(session.connection?.address).toBe('2001:db8::1');
    expect(session.attributes).toEqual([
      { name: 'recvonly', value: undefined },
      { name: 'x-unknown', value: 'some value: with colon' },
    ]);
    expect(session.media).toMatchObject([
      { kind: 'audio', port: 49170, portCount: 2, formats: ['0', '96'], connection: { address: '192.0.2.7' } },
      { kind: 'video', port: 0, formats: ['31'] },
    ]);
    expect(printSdp(session)).toBe(full);
  });

  it('takes bytes, bare LF, empty lines, and neither s= nor t=', () => {
    const text = 'v=0\no=- 1 1 IN IP4 127.0.0.1\n\nc=IN IP4 127.0.0.1\nm=audio 4000 RTP/AVP 0\n';
    const session = parsed(new TextEncoder().encode(text));
    expect(printSdp(session)).toBe(
      sdp('v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0', 'm=audio 4000 RTP/AVP 0'),
    );
  });

  const head = 'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\n';
  it.each([
    ['an empty body', '', /empty/],
    ['another version', 'v=1\r\n', /v=0/],
    ['no o=', 'v=0\r\ns=-\r\n', /no o=/],
    ['a second v=', `${head}v=0\r\n`, /second v=/],
    ['a line that is no line', `${head}hello\r\n`, /letter/],
    ['a CR inside a line', `${head}a=x\ra=y\r\n`, /CR or NUL/],
    ['a NUL', `${head}a=x\0y\r\n`, /CR or NUL/],
    ['a short c=', `${head}c=IN IP4\r\n`, /c= line/],
    ['a port that is too large', `${head}m=audio 65536 RTP/AVP 0\r\n`, /m= line/],
    ['a port that is no number', `${head}m=audio 1e3 RTP/AVP 0\r\n`, /m= line/],
    ['no format', `${head}m=audio 4000 RTP/AVP\r\n`, /m= line/],
    ['too many streams', head + 'm=audio 4000 RTP/AVP 0\r\n'.repeat(maxSdpMedia + 1), /more than/],
    ['too many bytes', head + 'a=x\r\n'.repeat(maxSdpBytes / 5), /larger than/],
  ])('refuses %s', (_, text, message) => {
    const result = parseSdp(text);
    expect(result).toEqual({ ok: false, error: expect.stringMatching(message) });
  });
});

describe('printSdp', () => {
  it.each(['\r\n', '\n', '\r', '\0'])('never writes %j inside a value', (bad) => {
    const session = parsed(full);
    expect(() => printSdp({ ...session, name: `x${bad}a=sendonly` })).toThrow(
      expect.objectContaining({ code: 'ERR_SDP' }),
    );
    const attributes = [{ name: 'tool', value: `x${bad}a=y` }];
    expect(() => printSdp({ ...session, attributes })).toThrow(expect.objectContaining({ code: 'ERR_SDP' }));
  });
});

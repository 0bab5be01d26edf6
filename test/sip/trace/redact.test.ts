import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { redact } from '../../../src/sip/trace/redact.ts';
import { write } from '../lab.ts';

const digest =
  'Digest username="bob", realm="example.com", nonce="N0NCE", uri="sip:example.com", response="R3SPONSE", ' +
  'algorithm=MD5, cnonce=CN0NCE, nc=00000001, qop=auth, opaque="op"';
const secrets = /N0NCE|R3SPONSE|CN0NCE|S3CRET/;

describe('redaction', () => {
  it.each([
    ['Authorization', [`Authorization: ${digest}`]],
    ['Proxy-Authorization in capitals', [`PROXY-AUTHORIZATION : ${digest}`]],
    ['a folded field', [`Authorization: ${digest.replaceAll(', ', ',\r\n ')}`]],
    ['two of them', [`Authorization: ${digest}`, `Proxy-Authorization: ${digest}`]],
    ['Bearer', ['Authorization: Bearer S3CRET']],
    ['Basic, folded', ['Authorization: Basic\r\n S3CRET']],
    ['no quotes and blanks', ['Authorization: Digest response = R3SPONSE,nonce= N0NCE']],
  ])('takes the secret out of %s and leaves the rest', (_name, headers) => {
    const text = write({ headers: ['X-Before: 1', ...headers, 'X-After: nonce="kept"'] });
    const clean = redact(text);
    expect(text).toMatch(secrets);
    expect(clean).not.toMatch(secrets);
    expect(clean).toContain('***');
    expect(clean).toContain('X-Before: 1\r\n');
    expect(clean).toContain('X-After: nonce="kept"\r\n');
    if (text.includes('username')) expect(clean).toContain('username="bob"');
  });

  it.each([
    [
      'SRTP keys',
      'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:S3CRET|2^20|1:4;inline:S3CRET2|2^20|2:4 FEC_ORDER=FEC_SRTP',
    ],
    ['the key of SDP', 'k=base64:S3CRET'],
    ['the password of ICE', 'a=ice-pwd:S3CRET'],
    ['MIKEY', 'a=key-mgmt:mikey S3CRET'],
  ])('takes %s out of SDP', (_name, line) => {
    const clean = redact(write({ body: `v=0\r\nm=audio 4000 RTP/SAVP 0\r\n${line}\r\na=sendrecv\r\n` }));
    expect(clean).not.toMatch(secrets);
    expect(clean).toMatch(/m=audio 4000 RTP\/SAVP 0\r\n[ak]=[^\r]*\*\*\*.*\r\na=sendrecv\r\n$/s);
  });

  it('takes digits out of INFO', () => {
    const info = (type: string, body: string): string =>
      write({ method: 'INFO' }).replace('\r\n\r\n', `\r\nContent-Type: ${type}\r\n\r\n${body}`);
    expect(redact(info('application/dtmf-relay', 'Signal= 7\r\nDuration=160\r\n'))).toMatch(
      /\r\n\r\nSignal= \*\*\*\r\nDuration=160\r\n$/,
    );
    expect(redact(info('application/dtmf', '7'))).toMatch(/\r\n\r\n\*\*\*$/);
  });

  it('leaves a message without secrets as it is', () => {
    const text = write({ body: 'v=0\r\nm=audio 4000 RTP/AVP 0\r\n', headers: ['WWW-Authenticate: Digest nonce="1"'] });
    expect(redact(text)).toBe(text);
  });

  it('takes any text, and is done with it soon', () => {
    const piece = fc.constantFrom(
      'Authorization:',
      ' Digest ',
      'nonce="',
      'response=',
      '"',
      '\r\n',
      ' ',
      ',',
      'x',
      '=',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 200 }), (pieces) => {
        expect(typeof redact(pieces.join(''))).toBe('string');
      }),
    );
    for (const one of ['nonce="', 'nonce=', 'a=crypto:1 ', 'signal', '\r\n ', 'k=', 'inline:'])
      redact(`Authorization: Digest ${one.repeat(4000)}\r\n\r\n${`${one}\r\n`.repeat(8000)}`);
  });
});

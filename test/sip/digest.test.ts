import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { answerChallenge, type DigestChallenge, parseChallenges, strongest } from '../../src/sip/digest-answer.ts';
import { noBody } from '../../src/sip/message.ts';

function challenge(...values: string[]): DigestChallenge {
  return strongest(values.flatMap(parseChallenges)) ?? expect.fail('there is no challenge that we can answer');
}

/** The parameters of an answer by name, quotes removed. */
function params(answer: string): Record<string, string> {
  expect(answer.startsWith('Digest ')).toBe(true);
  return Object.fromEntries(
    [...answer.slice(7).matchAll(/([\w]+)=("(?:[^"\\]|\\.)*"|[^,]*)(?:, )?/g)].map(([, name, value]) => [
      name,
      value!.replace(/^"|"$/g, ''),
    ]),
  );
}

describe('answerChallenge', () => {
  // RFC 7616 §3.9.1
  const http = {
    method: 'GET',
    uri: '/dir/index.html',
    username: 'Mufasa',
    secret: { password: 'Circle of Life' },
    body: noBody,
    integrity: false,
    cnonce: 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ',
    nc: 1,
  };
  const line = (algorithm: string) =>
    `Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=${algorithm}, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`;

  test.each([
    ['MD5', '8ca523f5e9506fed4657c9700eebdbec'],
    ['SHA-256', '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1'],
  ])('gives the answer of RFC 7616 §3.9.1 for %s', (algorithm, response) => {
    expect(params(answerChallenge({ ...http, challenge: challenge(line(algorithm)) }))).toEqual({
      username: 'Mufasa',
      realm: 'http-auth@example.org',
      nonce: '7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v',
      uri: '/dir/index.html',
      response,
      algorithm,
      qop: 'auth',
      nc: '00000001',
      cnonce: http.cnonce,
      opaque: 'FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS',
    });
  });

  // The corrected example of RFC 2069 §2.4 (erratum 749).
  test('answers as RFC 2069 where the server offers no qop', () => {
    const answer = answerChallenge({
      challenge: challenge(
        'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc"',
      ),
      method: 'GET',
      uri: '/dir/index.html',
      username: 'Mufasa',
      secret: { password: 'CircleOfLife' },
      body: noBody,
      integrity: false,
      cnonce: 'unused',
      nc: 1,
    });
    expect(params(answer)).toEqual({
      username: 'Mufasa',
      realm: 'testrealm@host.com',
      nonce: 'dcd98b7102dd2f0e8b11d0f600bfb0c093',
      uri: '/dir/index.html',
      response: '1949323746fe6a43ef61f9606e7febea',
      opaque: '5ccc',
    });
  });

  test('takes the client nonce into the key for -sess', () => {
    const plain = params(answerChallenge({ ...http, challenge: challenge(line('MD5')) }));
    const sess = params(answerChallenge({ ...http, challenge: challenge(line('MD5-sess')) }));
    const other = params(answerChallenge({ ...http, challenge: challenge(line('MD5-sess')), cnonce: 'x' }));
    expect(new Set([plain.response, sess.response, other.response]).size).toBe(3);
    expect(sess).toMatchObject({ algorithm: 'MD5-sess', cnonce: http.cnonce });
  });

  test('counts the uses of a nonce in eight hex digits', () => {
    expect(answerChallenge({ ...http, challenge: challenge(line('MD5')), nc: 255 })).toContain('nc=000000ff');
  });

  test('escapes what a quoted string must not hold', () => {
    const answer = answerChallenge({
      ...http,
      challenge: challenge('Digest realm="a\\"b\\\\c", nonce="n"'),
      username: 'x"y\\z',
    });
    expect(answer).toContain('username="x\\"y\\\\z", realm="a\\"b\\\\c"');
  });
});

describe('the challenge that is answered', () => {
  const md5 = 'Digest realm="r", nonce="md5"';
  const sha = 'Digest realm="r", nonce="sha", algorithm=SHA-256, qop="auth"';

  test('picks the strongest, from one line or several', () => {
    expect(challenge(md5, sha).nonce).toBe('sha');
    expect(challenge(sha, md5).nonce).toBe('sha');
    expect(challenge(`${md5}, ${sha}`).nonce).toBe('sha');
    expect(challenge(`Basic realm="x", ${sha}`, md5).nonce).toBe('sha');
  });

  test('takes the first of equals', () => {
    expect(challenge(md5, 'Digest realm="r", nonce="second"').nonce).toBe('md5');
  });

  test('reads names and values in any case, with blanks and without quotes', () => {
    expect(challenge('dIGEST  REALM = "r" ,nonce=n,, Stale=TRUE, algorithm="sha-256", QOP=Auth')).toEqual({
      realm: 'r',
      nonce: 'n',
      algorithm: 'SHA-256',
      algorithmNamed: true,
      qop: ['auth'],
      opaque: undefined,
      stale: true,
    });
  });

  test.each([
    [''],
    ['Basic realm="x"'],
    ['Bearer abc.def=='],
    ['Digest realm="r"'],
    ['Digest nonce="n"'],
    ['Digest realm="r", nonce="n", algorithm=AKAv1-MD5'],
    ['Digest realm="r", nonce="n", qop="auth-conf"'],
    ['Digest realm="r", nonce="n'],
    ['Digest realm="r", nonce="n", nonce="m"'],
    ['Digest realm="r" nonce="n"'],
    ['="r"'],
  ])('cannot answer %j', (value) => {
    expect(strongest(parseChallenges(value))).toBeUndefined();
  });

  test('never throws', () => {
    const piece = fc.constantFrom(
      'Digest ',
      'realm',
      'nonce',
      'algorithm',
      'MD5',
      '=',
      '"',
      ',',
      ' ',
      '\\',
      'x',
      'qop',
      'auth',
    );
    fc.assert(fc.property(fc.array(piece, { maxLength: 40 }), (list) => Array.isArray(parseChallenges(list.join('')))));
  });
});

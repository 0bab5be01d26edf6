import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { emptyPayload, encodeKey, signed } from '../../src/recordings/aws-signature.ts';

// The examples of "Signature Calculations for the Authorization Header" in the Amazon S3 API Reference.
const credentials = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  region: 'us-east-1',
};
const at = Date.UTC(2013, 4, 24);
const host = 'https://examplebucket.s3.amazonaws.com';
const signatureOf = (headers: Readonly<Record<string, string>>) =>
  /Signature=(\w+)$/.exec(headers.authorization ?? '')?.[1];

describe('the signature of a request to S3', () => {
  it('is that of the example GET object', () => {
    const request = { method: 'GET', url: new URL(`${host}/test.txt`), headers: { range: 'bytes=0-9' } };
    expect(signatureOf(signed({ ...request, payload: emptyPayload }, credentials, at))).toBe(
      'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
    );
  });

  it('is that of the example PUT object', () => {
    const payload = createHash('sha256').update('Welcome to Amazon S3.').digest('hex');
    const headers = { date: 'Fri, 24 May 2013 00:00:00 GMT', 'x-amz-storage-class': 'REDUCED_REDUNDANCY' };
    const url = new URL(`${host}/${encodeKey('test$file.text')}`);
    expect(signatureOf(signed({ method: 'PUT', url, headers, payload }, credentials, at))).toBe(
      '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
    );
  });

  it.each([
    ['?lifecycle', 'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543'],
    ['?max-keys=2&prefix=J', '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7'],
  ])('is that of the example with the query %s', (query, signature) => {
    const request = { method: 'GET', url: new URL(`${host}/${query}`), headers: {}, payload: emptyPayload };
    expect(signatureOf(signed(request, credentials, at))).toBe(signature);
  });

  it('encodes a name byte by byte, and leaves its slashes', () => {
    expect(encodeKey("2024/a b/+49(30)'ü*~.wav")).toBe('2024/a%20b/%2B49%2830%29%27%C3%BC%2A~.wav');
  });
});

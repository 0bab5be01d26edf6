/** Requests that Amazon S3 and its like take: Signature Version 4, in the header Authorization. */
import { createHash, createHmac } from 'node:crypto';
import { isoTime } from '../base/node-iso-time.ts';

export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly region: string;
}

export interface AwsRequest {
  readonly method: string;
  /** Its path is encoded as S3 wants it: see `encodeKey`. */
  readonly url: URL;
  /** Names in small letters; `host` is made of the URL. */
  readonly headers: Readonly<Record<string, string>>;
  /** SHA-256 of the body, in hexadecimal. */
  readonly payload: string;
}

/** SHA-256 of nothing. */
export const emptyPayload = createHash('sha256').digest('hex');

/**
 * @param at Unix ms
 * @returns all headers of the request but `host`
 */
export function signed(
  { method, url, headers, payload }: AwsRequest,
  { accessKeyId, secretAccessKey, sessionToken, region }: AwsCredentials,
  at: number,
): Readonly<Record<string, string>> {
  const time = amzDate(at);
  const day = time.slice(0, 8);
  const own: Record<string, string> = {
    ...headers,
    'x-amz-content-sha256': payload,
    'x-amz-date': time,
    ...(sessionToken === undefined ? {} : { 'x-amz-security-token': sessionToken }),
  };
  const all = Object.entries({ ...own, host: url.host }).sort(([a], [b]) => (a < b ? -1 : 1));
  const names = all.map(([name]) => name).join(';');
  const lines = all.map(([name, value]) => `${name}:${value.trim().replace(/\s+/g, ' ')}\n`).join('');
  const request = [method, url.pathname, query(url), lines, names, payload].join('\n');
  const scope = `${day}/${region}/s3/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', time, scope, createHash('sha256').update(request).digest('hex')].join('\n');
  const key = [day, region, 's3', 'aws4_request'].reduce<string | Buffer>(hmac, `AWS4${secretAccessKey}`);
  const signature = hmac(key, text).toString('hex');
  return {
    ...own,
    authorization: `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope},SignedHeaders=${names},Signature=${signature}`,
  };
}

/** An object's name as part of a path: each byte but letters, digits, `-._~` and `/` is encoded. */
export function encodeKey(key: string): string {
  return key.split('/').map(encoded).join('/');
}

function encoded(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
}

function query({ searchParams }: URL): string {
  const pairs = [...searchParams].map(([name, value]) => `${encoded(name)}=${encoded(value)}`);
  return pairs.sort().join('&');
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

/** `20130524T000000Z` */
function amzDate(at: number): string {
  return isoTime(at).replace(/[:-]|\.\d+/g, '');
}

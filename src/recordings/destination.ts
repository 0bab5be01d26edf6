/** Where recordings are sent to: S3-compatible storage, or a URL. */
import { createHash } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { TandemError } from '../base/errors.ts';
import { isoTime } from '../base/node-iso-time.ts';
import { type AwsCredentials, emptyPayload, encodeKey, signed } from './aws-signature.ts';
import type { HttpAnswer, HttpRequest, HttpSend } from './http.ts';
import type { RecordingNote } from './note.ts';
import type { S3Options, UploadOptions, UrlOptions } from './options.ts';

/** Most that S3 takes at once, bytes: 43 hours of stereo WAV at 8 kHz. */
export const longestObject = 5 * 1024 ** 3;

export interface Item {
  readonly name: string;
  readonly note: RecordingNote;
  readonly length: number;
  readonly sealed: boolean;
  /** The same each time. */
  readonly body: () => AsyncIterable<Uint8Array>;
}

export interface Destination {
  /**
   * Resolves when it is there for good.
   * @returns where it is
   * @throws TandemError ERR_UPLOAD, or of the body
   */
  send(item: Item, signal: AbortSignal): Promise<string>;
}

export interface DestinationPorts {
  readonly clock: Pick<Clock, 'wallclock'>;
  readonly send: HttpSend;
}

/** @param options checked */
export function destinationOf({ s3, url, metadata = 'headers' }: UploadOptions, ports: DestinationPorts): Destination {
  const withJson = metadata === 'json';
  if (s3) return s3Destination(s3, withJson, ports);
  if (url) return urlDestination(url, withJson, ports);
  throw new TandemError('ERR_CONFIG', 'recordings.upload goes to one place: say s3 or url');
}

function s3Destination(options: S3Options, withJson: boolean, { clock, send }: DestinationPorts): Destination {
  const { bucket, region = 'us-east-1', prefix = '', endpoint } = options;
  const credentials: AwsCredentials = { ...options, region };
  const base = endpoint
    ? `${endpoint.replace(/\/+$/, '')}/${encodeKey(bucket)}`
    : `https://${bucket}.s3.${region}.amazonaws.com`;
  const ask = (request: Omit<HttpRequest, 'url'> & { readonly key: string; readonly payload: string }) => {
    const url = new URL(`${base}/${encodeKey(request.key)}`);
    const headers = signed({ ...request, url }, credentials, clock.wallclock());
    return send({ ...request, url, headers });
  };

  async function put(key: string, item: Omit<Item, 'name' | 'sealed'>, type: string, signal: AbortSignal) {
    const { sha256, md5 } = await digests(item);
    const headers = { 'content-type': type, ...metadata('x-amz-meta-', item.note) };
    const request = { method: 'PUT', key, headers, payload: sha256, ...item, signal };
    const { etag } = taken(await ask(request)).headers;
    // The MD5 of what was stored, unless the storage encrypts with a key of its own: then its size has to do.
    if (etag?.replaceAll('"', '').toLowerCase() === md5) return;
    const nothing = { headers: {}, payload: emptyPayload, length: 0, body: none };
    const size = taken(await ask({ method: 'HEAD', key, ...nothing, signal })).headers['content-length'];
    if (size !== String(item.length))
      throw failed(`the storage has ${size} bytes of it, and not ${item.length}`, { status: undefined });
  }

  return {
    async send(item, signal) {
      if (item.length > longestObject) throw failed(`it is longer than ${longestObject} bytes`, { tooLong: true });
      const key = prefix + objectName(item);
      await put(key, item, typeOf(item), signal);
      if (withJson) await put(`${prefix}${item.name}.json`, jsonOf(item), 'application/json', signal);
      return `s3://${bucket}/${key}`;
    },
  };
}

function urlDestination(
  { url: template, method = 'PUT', authorization }: UrlOptions,
  withJson: boolean,
  { send }: DestinationPorts,
): Destination {
  const urlOf = (name: string): URL => {
    const path = encodeKey(name);
    if (template.includes('{name}')) return new URL(template.replaceAll('{name}', path));
    const url = new URL(template);
    url.pathname = `${url.pathname.replace(/\/+$/, '')}/${path}`;
    return url;
  };
  return {
    async send(item, signal) {
      const name = objectName(item);
      const url = urlOf(name);
      const own = authorization === undefined ? {} : { authorization };
      const about = metadata('x-recording-', item.note);
      const headers = { 'content-type': typeOf(item), 'x-recording-name': encodeKey(name), ...about, ...own };
      taken(await send({ method, url, headers, length: item.length, body: item.body, signal }));
      if (withJson) {
        const json = { 'content-type': 'application/json', 'x-recording-name': `${encodeKey(item.name)}.json`, ...own };
        taken(await send({ method, url: urlOf(`${item.name}.json`), headers: json, ...jsonOf(item), signal }));
      }
      // What is behind `?` may be a secret.
      return url.origin + url.pathname;
    },
  };
}

function objectName({ name, sealed }: Item): string {
  return sealed ? `${name}.sealed` : name;
}

function typeOf({ name, sealed }: Item): string {
  if (sealed) return 'application/octet-stream';
  return /\.wav$/i.test(name) ? 'audio/wav' : 'audio/ogg';
}

/** Of a header; S3 takes 2 kB of them all. */
const longestValue = 300;

/** In ASCII: other characters are percent-encoded. */
function metadata(prefix: string, note: RecordingNote): Record<string, string> {
  const { callId, from, to, direction, conference, startedAt, endedAt, durationMs, end, consent } = note;
  const values = {
    ...{ 'call-id': callId, from, to, direction, conference, end, consent },
    'started-at': isoTime(startedAt),
    'ended-at': endedAt === undefined ? undefined : isoTime(endedAt),
    'duration-ms': durationMs === undefined ? undefined : String(Math.round(durationMs)),
  };
  const known = Object.entries(values).filter((pair): pair is [string, string] => !!pair[1]);
  return Object.fromEntries(known.map(([name, value]) => [prefix + name, ascii(value).slice(0, longestValue)]));
}

function ascii(text: string): string {
  return text.replace(/[^!-~]|%/gu, (one) => encodeURIComponent(one.isWellFormed() ? one : '?'));
}

function jsonOf({ name, note }: Item): Omit<Item, 'name' | 'sealed'> {
  const { version: _, uploaded: __, ...known } = note;
  const bytes = Buffer.from(JSON.stringify({ name, ...known }));
  return { note, length: bytes.length, body: () => only(bytes) };
}

async function* only(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
  yield bytes;
}

async function* none(): AsyncGenerator<Uint8Array, void, void> {}

async function digests({ body, length }: Pick<Item, 'body' | 'length'>): Promise<{ sha256: string; md5: string }> {
  const [sha256, md5] = [createHash('sha256'), createHash('md5')];
  let size = 0;
  for await (const piece of body()) {
    sha256.update(piece);
    md5.update(piece);
    size += piece.length;
  }
  if (size !== length) throw new TandemError('ERR_FILE', `the recording has ${size} bytes and not ${length}`);
  return { sha256: sha256.digest('hex'), md5: md5.digest('hex') };
}

/** @throws TandemError ERR_UPLOAD */
function taken(answer: HttpAnswer): HttpAnswer {
  const { status, text } = answer;
  if (status >= 200 && status < 300) return answer;
  // As S3 says it: <Code>AccessDenied</Code>
  const code = /<Code>([\w.]{1,64})<\/Code>/.exec(text)?.[1];
  throw failed(`HTTP ${status}${code === undefined ? '' : ` ${code}`}`, { status });
}

function failed(why: string, facts: Readonly<Record<string, unknown>>): TandemError {
  return new TandemError('ERR_UPLOAD', why, { facts });
}

/** Where records of calls go, beside the database: a file of JSON lines, and a web hook. */
import type { Clock } from '../base/clock.ts';
import { ConfigError } from '../base/errors.ts';
import type { Fetch } from '../base/io.ts';
import { nodeLineFile } from '../base/node-line-file.ts';
import { postSigned, secretKey } from '../base/signed-post.ts';
import type { Cdr } from './cdr.ts';
import { FileSink } from './file-sink.ts';
import type { CdrSink } from './outbox.ts';

export interface CdrWebhookOptions {
  /** `http:` or `https:` */
  readonly url: string;
  /** Text, or base64 with `whsec_` before it. */
  readonly secret: string;
}

/** Signed as https://www.standardwebhooks.com says; `webhook-id` is the id of the record. @throws ConfigError */
export function webhookSink({ url, secret }: CdrWebhookOptions, clock: Clock, fetch: Fetch): CdrSink {
  const parsed = URL.parse(url);
  if (!parsed || !/^https?:$/.test(parsed.protocol)) throw new ConfigError(`cdr.webhook: "${url}" is no http(s) URL`);
  const key = secretKey(secret);
  if (key.length === 0) throw new ConfigError(`cdr.webhook: ${parsed.host} needs a secret`);
  if (!fetch.post) throw new ConfigError('cdr.webhook needs a fetch that can post');
  const abort = new AbortController();
  return {
    name: 'webhook',
    atOnce: 8,
    send: (cdr) =>
      postSigned(fetch, {
        ...{ url: parsed, key, id: cdr.id },
        seconds: Math.floor(clock.wallclock() / 1000),
        body: JSON.stringify({ type: 'call.cdr', data: cdr }),
        signal: abort.signal,
        about: cdr.legs[0]?.callId,
      }),
    close: async () => abort.abort(),
  };
}

export interface CdrOptions {
  /** A file for JSON lines. */
  readonly file?: string;
  readonly webhook?: CdrWebhookOptions;
  /** More of them. */
  readonly sinks?: readonly CdrSink[];
}

/** @param writeCdr of the database, if there is one */
export function cdrSinks(
  { file, webhook, sinks = [] }: CdrOptions,
  { clock, fetch, writeCdr }: { clock: Clock; fetch: Fetch; writeCdr: ((cdr: Cdr) => Promise<void>) | undefined },
): readonly CdrSink[] {
  return [
    ...(writeCdr ? [{ name: 'database', atOnce: 1000, send: writeCdr }] : []),
    ...(file === undefined ? [] : [new FileSink(nodeLineFile(file))]),
    ...(webhook ? [webhookSink(webhook, clock, fetch)] : []),
    ...sinks,
  ];
}

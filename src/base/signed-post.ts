/** HTTP POST that its receiver can trust, signed as https://www.standardwebhooks.com says. */
import { createHmac } from 'node:crypto';
import { TandemError } from './errors.ts';
import type { Fetch } from './io.ts';

/** How long a receiver may take, ms. */
const answerMs = 10_000;

export interface SignedPost {
  readonly url: URL;
  readonly key: Uint8Array;
  /** The same when it is sent again: by it the receiver knows that. */
  readonly id: string;
  /** Unix time. */
  readonly seconds: number;
  /** JSON */
  readonly body: string;
  readonly signal: AbortSignal;
  /** Call-ID of the call that it is about. */
  readonly about?: string | undefined;
}

/** @param secret text, or base64 with `whsec_` before it */
export function secretKey(secret: string): Buffer {
  return secret.startsWith('whsec_') ? Buffer.from(secret.slice(6), 'base64') : Buffer.from(secret);
}

/** @param seconds Unix time */
export function signature(key: Uint8Array, id: string, seconds: number, body: string): string {
  return `v1,${createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64')}`;
}

/** @throws TandemError ERR_FETCH, whose text has no secret of the URL, when it was not taken */
export async function postSigned(
  fetch: Fetch,
  { url, key, id, seconds, body, signal, about }: SignedPost,
): Promise<void> {
  let status: number | undefined;
  try {
    status = await fetch.post?.(url.href, {
      body,
      headers: {
        'content-type': 'application/json',
        'webhook-id': id,
        'webhook-timestamp': String(seconds),
        'webhook-signature': signature(key, id, seconds, body),
      },
      signal,
      timeoutMs: answerMs,
      ...(about === undefined ? {} : { about }),
    });
  } catch (error) {
    const text = (error instanceof Error ? error.message : String(error)).replaceAll(url.href, url.host);
    throw new TandemError('ERR_FETCH', text, { cause: error });
  }
  if (status === undefined || status < 200 || status >= 300) throw new TandemError('ERR_FETCH', `HTTP ${status}`);
}

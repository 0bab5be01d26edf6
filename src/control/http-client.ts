/** Asks a control server one command over HTTP: JSON-RPC 2.0, which carries lists of any length. */
import { messageOf, TandemError } from '../base/errors.ts';
import { type JsonValue, recordsOf } from './binrpc/json.ts';
import type { Answer } from './binrpc/packet.ts';
import type { RpcScalar } from './rpc/value.ts';

export interface HttpAskOptions {
  readonly method: string;
  readonly args: readonly RpcScalar[];
  /** For the whole exchange. */
  readonly timeoutMs: number;
  readonly token?: string;
}

/**
 * @param url of the server, as http://127.0.0.1:8080; `/RPC` is added where it has no path
 * @throws TandemError ERR_CONTROL when there is no answer
 */
export async function askHttp(url: URL, { method, args, timeoutMs, token }: HttpAskOptions): Promise<Answer> {
  const target = url.pathname === '/' ? new URL('/RPC', url) : url;
  const failed = (why: string, cause?: unknown): TandemError =>
    new TandemError('ERR_CONTROL', `no answer from ${target.origin}: ${why}`, { cause });
  let response: Response;
  let body: unknown;
  try {
    response = await fetch(target, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify({ jsonrpc: '2.0', method, params: args, id: 1 }),
      signal: AbortSignal.timeout(timeoutMs),
    });
    body = await response.json().catch(() => undefined);
  } catch (error) {
    const { cause } = error as Error;
    throw failed(messageOf(cause ?? error), cause ?? error);
  }
  const answer = answerOf(body);
  if (answer) return answer;
  if (response.status === 401) throw failed('it wants a token (TANDEM_HTTP_TOKEN)');
  throw failed(`what it sent is no answer (HTTP status ${response.status})`);
}

function answerOf(body: unknown): Answer | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  const { result, error } = body as { result?: JsonValue; error?: { code?: unknown; message?: unknown } };
  if (result !== undefined) return { records: recordsOf(result) };
  if (typeof error?.code !== 'number') return undefined;
  return { fault: { code: error.code, text: String(error.message) } };
}

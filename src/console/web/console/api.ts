/** What the page asks of the server by HTTP. Addresses are relative: the console may lie under a path of a proxy. */
import type { CallDetail, FinishedPage, SessionInfo, VoicemailPage } from '../../protocol.ts';

/** Says what a person can do about it. */
export class ApiError extends Error {
  readonly status: number;

  constructor(message: string, status: number) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
  }
}

/** Where the sound of a recording is, relative to the page. */
export function recordingPath(id: string): string {
  return `console/recordings/${encodeURIComponent(id)}`;
}

/** As `recordingPath`, of a message in a mailbox. */
export function messagePath(box: string, id: string): string {
  return `console/voicemail/${encodeURIComponent(box)}/${encodeURIComponent(id)}`;
}

export type Credentials = { readonly user: string; readonly password: string } | { readonly token: string };

export class Api {
  #csrf = '';
  #request = 0;

  async session(): Promise<SessionInfo> {
    return this.#keep(await this.#ask<SessionInfo>('console/session'));
  }

  async login(credentials: Credentials): Promise<SessionInfo> {
    await this.#ask('console/login', credentials);
    return this.session();
  }

  async logout(): Promise<void> {
    await this.#ask('console/logout', {});
  }

  /** @param before `next` of the page before. */
  finished(search: string, before?: string, signal?: AbortSignal): Promise<FinishedPage> {
    const query = new URLSearchParams({ search, limit: '50' });
    if (before !== undefined) query.set('before', before);
    return this.#ask(`console/finished?${query}`, undefined, signal);
  }

  finishedCall(id: string, signal: AbortSignal): Promise<CallDetail> {
    return this.#ask(`console/finished/${encodeURIComponent(id)}`, undefined, signal);
  }

  voicemail(signal: AbortSignal): Promise<VoicemailPage> {
    return this.#ask('console/voicemail', undefined, signal);
  }

  /** @throws ApiError with what the server said. */
  async rpc(
    method: string,
    params: Readonly<Record<string, unknown>> | readonly unknown[],
    signal?: AbortSignal,
  ): Promise<unknown> {
    this.#request += 1;
    const body = { jsonrpc: '2.0', id: this.#request, method, params };
    const answer = await this.#ask<{ result?: unknown; error?: { message?: string } }>('RPC', body, signal);
    if (answer.error) throw new ApiError(answer.error.message ?? 'The server refused.', 200);
    return answer.result;
  }

  #keep(session: SessionInfo): SessionInfo {
    this.#csrf = session.csrf;
    return session;
  }

  async #ask<T>(path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
    let response: Response;
    try {
      response = await fetch(new URL(path, document.baseURI), {
        method: body === undefined ? 'GET' : 'POST',
        credentials: 'same-origin',
        ...(signal && { signal }),
        ...(body !== undefined && {
          headers: { 'content-type': 'application/json', 'x-tandem-csrf': this.#csrf },
          body: JSON.stringify(body),
        }),
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new ApiError('The server cannot be reached.', 0);
    }
    const text = await response.text();
    const value = parsed(text) as { error?: unknown } | undefined;
    if (!response.ok) throw new ApiError(reason(response.status, value?.error), response.status);
    return value as T;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function reason(status: number, said: unknown): string {
  if (status === 429) return 'Too many attempts. Wait a minute and try again.';
  const text = typeof said === 'string' ? said : (said as { message?: unknown } | undefined)?.message;
  if (typeof text === 'string' && text !== '') return text;
  if (status === 401) return 'You are not logged in.';
  return status === 403 ? 'This is not allowed.' : `The server answered ${status}.`;
}

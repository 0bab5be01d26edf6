/** An HTTP request with a long body, as recordings are sent. `node-send.ts` makes it. */

export interface HttpRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Bytes of the body. */
  readonly length: number;
  /** Called once. */
  readonly body: () => AsyncIterable<Uint8Array>;
  readonly signal: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The first few kilobytes of the body. */
  readonly text: string;
}

/** Follows no redirection; gives up when nothing moves. Rejects when there is no answer. */
export type HttpSend = (request: HttpRequest) => Promise<HttpAnswer>;

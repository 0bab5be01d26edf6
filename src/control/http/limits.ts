/** What one client, and all of them together, can take of the server. */
export interface HttpLimits {
  /** Of a request, bytes; default 65,535, as BINRPC. */
  readonly bodyBytes: number;
  /** Commands and scrapes that run at the same time; more get 503. Default 64. */
  readonly requests: number;
  /** Default 1,024. */
  readonly connections: number;
  /** Clients of `/events`; more get 503. Default 200. */
  readonly followers: number;
  /** ms for a request to come in; default 10,000. */
  readonly requestMs: number;
  /** ms that a client may take for one piece of an answer; default 30,000. */
  readonly stallMs: number;
  /** ms between signs of life to a client of `/events`; default 15,000. */
  readonly pingMs: number;
  /** Written to a client of `/events` but not yet taken by it, bytes; default 262,144. */
  readonly unread: number;
  /** Commands that run at the same time for one WebSocket; default 1,024. */
  readonly commands: number;
  /** Of a reply over a WebSocket, characters; default 1,048,576. */
  readonly replyLength: number;
}

export const defaultLimits: HttpLimits = {
  bodyBytes: 65_535,
  requests: 64,
  connections: 1_024,
  followers: 200,
  requestMs: 10_000,
  stallMs: 30_000,
  pingMs: 15_000,
  unread: 262_144,
  commands: 1_024,
  replyLength: 1_048_576,
};

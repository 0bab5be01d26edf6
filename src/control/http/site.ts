/** What other parts of the house have served over HTTP, without knowing what serves it. */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Duplex, Readable } from 'node:stream';
import type { Admission, Admitted, Visitor } from './access.ts';

export interface SiteRequest {
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** Of a POST. */
  readonly body: string;
  /** By TLS. */
  readonly secure: boolean;
  readonly visitor: Visitor;
  /** Who may not come in is refused before, but on an `open` way. */
  readonly admission: Admission;
}

export interface SiteReply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object is sent as JSON. */
  readonly body?: object | string | Uint8Array | Readable;
}

export interface SiteRoute {
  readonly method: 'GET' | 'POST';
  /** Whole, or with `*` at its end for all that begins so. */
  readonly path: string;
  /** Anybody may ask; `admission` tells who it is. */
  readonly open?: boolean;
  answer(request: SiteRequest): SiteReply | Promise<SiteReply>;
}

/** A way that is asked for by WebSocket. */
export interface SiteSocket {
  readonly path: string;
  /** Nobody more is taken. */
  readonly full: boolean;
  take(request: IncomingMessage, socket: Duplex, head: Buffer, who: Admitted): void;
}

export interface Site {
  readonly routes: readonly SiteRoute[];
  readonly sockets: readonly SiteSocket[];
  /** Whoever is connected is told. Idempotent. */
  close(): void;
}

/** What a reader of the log needs to know who did it. */
export function whoIs(admission: Admission, { address }: Visitor): { readonly user: string; readonly from: string } {
  return { user: 'role' in admission ? admission.who : '', from: address };
}

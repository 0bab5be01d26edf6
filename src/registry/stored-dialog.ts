/** A call as a store keeps it: the columns of Kamailio's `dialog` and `dialog_vars` by their meaning. */
import type { DialogState } from './states.ts';

/** One end of it: what a request to this peer is made of. */
export interface StoredEnd {
  readonly uri: string;
  readonly tag: string;
  /** Where requests to it go. */
  readonly contact: string;
  /** CSeq of its last request. */
  readonly cseq: number;
  /** URIs on the way to it, in the order of a Route header. */
  readonly routeSet: readonly string[];
  /** The server's socket towards it: `udp:192.0.2.1:5060`. */
  readonly socket: string;
}

export interface StoredDialog {
  readonly hEntry: number;
  readonly hId: number;
  readonly callId: string;
  readonly caller: StoredEnd;
  readonly callee: StoredEnd;
  readonly requestUri: string;
  readonly state: DialogState;
  /** Unix seconds. */
  readonly startTs: number;
  /** Unix seconds; 0 is never. */
  readonly timeout: number;
  /** Flags of the script. */
  readonly sflags: number;
  readonly iflags: number;
  readonly toRouteName: string | undefined;
  readonly variables: ReadonlyMap<string, string>;
  readonly profiles: readonly { readonly name: string; readonly value: string }[];
}

/** What the registry tells of calls: the callbacks of Kamailio's dialog module, and the routes of its scripts. */
import type { EndCause } from '../session/errors.ts';
import type { DialogRecord } from './record.ts';

/** Which way a message went: `downstream` came from the caller. */
export type DialogDirection = 'downstream' | 'upstream';

export interface DialogEvent {
  readonly dialog: DialogRecord;
  /** Unix milliseconds. */
  readonly at: number;
}

export interface DialogMessageEvent extends DialogEvent {
  readonly direction: DialogDirection;
  readonly method: string;
  /** Of a response. */
  readonly status?: number;
}

export interface DialogResponseEvent extends DialogEvent {
  readonly status: number;
}

export interface DialogEndEvent extends DialogEvent {
  readonly cause: EndCause;
}

export interface DialogRegistryEvents {
  /** A call began. */
  created: DialogEvent;
  /** An INVITE of ours came back to us for somebody else: it belongs to the call that it was sent for. */
  spiraled: DialogEvent;
  /** Each provisional response. */
  early: DialogResponseEvent;
  /** Answered. */
  confirmedNa: DialogEvent;
  /** Its ACK is in. */
  confirmed: DialogEvent;
  /** A response to the caller's INVITE. */
  responseForwarded: DialogResponseEvent;
  /** A request in the call, other than ACK and BYE. */
  requestWithin: DialogMessageEvent;
  responseWithin: DialogMessageEvent;
  /** It was not answered. */
  failed: DialogEndEvent;
  /** Its time was up, and nobody was told (`sendBye: false`). */
  expired: DialogEvent;
  /** It was hung up. */
  terminated: DialogEndEvent;
  /** Both sides know. */
  terminatedConfirmed: DialogEndEvent;
  /** It was read from a store. */
  loaded: DialogEvent;
  /** It is not followed any more (`track(false)`), and goes on. */
  untracked: DialogEvent;
  /** It is forgotten. */
  destroyed: DialogEvent;
  /** Somebody asks for it with its context: what listeners put into `context` is shown. */
  rpcContext: DialogEvent & { readonly context: Record<string, string | number> };
  /** State, variables, profiles, flags or its time changed. */
  changed: DialogEvent;
  /** Routes of a script: answered, ended, not answered, its time is up. */
  'dialog:start': DialogEvent;
  'dialog:end': DialogEndEvent;
  'dialog:failed': DialogEndEvent;
  'dialog:timeout': DialogEvent;
}

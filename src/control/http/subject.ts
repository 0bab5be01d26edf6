/** What HTTP serves: as little of a Tandem and of its registry as it needs, so that either may change behind it. */
import type { Observer } from '../../base/events.ts';
import type { DialogRegistry } from '../../registry/registry.ts';
import type { TandemEvents } from '../../session/events.ts';
import type { SipStats } from '../../sip/endpoint.ts';
import type { RemoteControl } from '../remote/remote-control.ts';
import type { RpcMethods } from '../rpc/methods.ts';

export interface HttpSubject {
  readonly tandem: ObservedTandem;
  /** Without it `/RPC` knows no command. */
  readonly methods?: RpcMethods;
  /** Without it there are no `dialog:` events, and no figures of the registry. */
  readonly registry?: ObservedRegistry | undefined;
  /** Without it there are no `operation:` events. */
  readonly remote?: Pick<RemoteControl, 'observer'>;
}

/** A `DialogRegistry` is one. */
export type ObservedRegistry = Pick<DialogRegistry, 'statistics' | 'on'>;

/** A `Tandem` is one. */
export interface ObservedTandem {
  readonly observer: Pick<Observer<TandemEvents>, 'on'>;
  check(): Promise<TandemReport>;
}

/** Of `CheckReport` what is served. */
export interface TandemReport {
  readonly listeners: readonly unknown[];
  readonly calls: number;
  readonly bindings: number;
  readonly draining: boolean;
  readonly sip: SipStats;
  /** How many legs, bridges, … there are. */
  readonly media: object;
  readonly registrations: readonly { readonly state: string }[];
  /** Whether one more call is taken. */
  readonly admission?: {
    readonly maxCalls: number;
    readonly load: object | undefined;
    readonly refusing: string | undefined;
    readonly refused: object;
  };
  /** The journal from which calls go on, where there is one. */
  readonly recovery?:
    | { readonly recovered: number; readonly lost: number; readonly problem: string | undefined }
    | undefined;
  /** Where records of calls go. */
  readonly cdrs?: readonly {
    readonly name: string;
    readonly waiting: number;
    readonly sent: number;
    readonly dropped: number;
  }[];
  /** The database of the calls, where there is one. */
  readonly store?:
    | {
        readonly required: boolean;
        readonly state: string;
        readonly error: string | undefined;
        readonly pending: number;
        readonly cdrs: number;
        readonly dropped: number;
        readonly losses: number;
      }
    | undefined;
  readonly trunks: readonly { readonly name: string; readonly state: string; readonly calls: number }[];
}

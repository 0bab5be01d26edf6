/** What HTTP serves: as little of a Tandem and of its registry as it needs, so that either may change behind it. */
import type { Observer, Unsubscribe } from '../../base/events.ts';
import type { TandemEvents } from '../../session/events.ts';
import type { SipStats } from '../../sip/endpoint.ts';
import type { RpcMethods } from '../rpc/methods.ts';

export interface HttpSubject {
  readonly tandem: ObservedTandem;
  /** Without it `/RPC` knows no command. */
  readonly methods?: RpcMethods;
  /** Without it there are no `dialog:` events and no figures of the registry. */
  readonly dialogs?: ObservedDialogs;
}

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
  readonly trunks: readonly { readonly name: string; readonly state: string; readonly calls: number }[];
}

/** The dialog registry. */
export interface ObservedDialogs {
  stats(): DialogStats;
  /** @param listener is given plain data, with the `callId` */
  on(name: DialogEventName, listener: (event: object) => void): Unsubscribe;
}

/** Kamailio's `active_dialogs`, `early_dialogs`, … */
export interface DialogStats {
  readonly active: number;
  readonly early: number;
  readonly processed: number;
  readonly expired: number;
  readonly failed: number;
}

/** As Kamailio's DLGCB_* callbacks, but for that of an RPC command's context. Outside they are `dialog:created`, … */
export const dialogEventNames = [
  'created',
  'early',
  'confirmedNa',
  'confirmed',
  'requestWithin',
  'responseWithin',
  'responseForwarded',
  'failed',
  'expired',
  'terminated',
  'terminatedConfirmed',
  'spiraled',
  'loaded',
  'destroyed',
] as const;
export type DialogEventName = (typeof dialogEventNames)[number];

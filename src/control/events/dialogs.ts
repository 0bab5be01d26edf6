/** The registry's events as plain data: a record is alive, and says something else a moment later. */
import type { DialogEvent, DialogRegistryEvents } from '../../registry/events.ts';
import type { DialogRecord } from '../../registry/record.ts';

/** `rpcContext` is a question, `changed` comes with every variable; `dialog:failed` is `failed`. */
type LeftOut = 'rpcContext' | 'changed' | 'dialog:failed';

/** What they are called outside. */
export const dialogEventNames: Readonly<Record<Exclude<keyof DialogRegistryEvents, LeftOut>, string>> = {
  created: 'dialog:created',
  spiraled: 'dialog:spiraled',
  early: 'dialog:early',
  confirmedNa: 'dialog:confirmedNa',
  confirmed: 'dialog:confirmed',
  requestWithin: 'dialog:requestWithin',
  responseWithin: 'dialog:responseWithin',
  responseForwarded: 'dialog:responseForwarded',
  failed: 'dialog:failed',
  expired: 'dialog:expired',
  terminated: 'dialog:terminated',
  terminatedConfirmed: 'dialog:terminatedConfirmed',
  loaded: 'dialog:loaded',
  untracked: 'dialog:untracked',
  destroyed: 'dialog:destroyed',
  'dialog:start': 'dialog:start',
  'dialog:end': 'dialog:end',
  'dialog:timeout': 'dialog:timeout',
};

export function dialogEventData({ dialog, ...event }: DialogEvent): object {
  return { callId: dialog.callId, ...event, dialog: describe(dialog) };
}

function describe(dialog: DialogRecord): object {
  const { hEntry, hId, state, direction, fromUri, toUri, initTs, startTs, endTs, duration, endedBy } = dialog;
  return { hEntry, hId, state, direction, fromUri, toUri, initTs, startTs, endTs, duration, endedBy };
}

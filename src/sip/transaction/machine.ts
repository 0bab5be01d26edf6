/**
 * What the four transaction machines have in common. A machine is a table: for a state and an input
 * the next state and what is to be done. It knows no message, no socket and no clock; the layer
 * (`client.ts`, `server.ts`) does what the effects say.
 */
import type { TimerName } from './timers.ts';

export type Effect =
  /** Send the message at hand: the request, or the response of the user. */
  | { readonly do: 'send' }
  /** Send the last message again, byte for byte. */
  | { readonly do: 'resend' }
  /** Send the ACK of a non-2xx response (the same one for each copy of the response). */
  | { readonly do: 'ack' }
  /** Send the automatic 100 Trying. */
  | { readonly do: 'trying' }
  /** Hand the message to the user. */
  | { readonly do: 'deliver' }
  /** Tell the user: no response (client), no ACK (server). */
  | { readonly do: 'timeout' }
  /** Tell the user: it takes too long to become final. The user ends it. */
  | { readonly do: 'expire' }
  /** Tell the user: the message cannot be sent. */
  | { readonly do: 'fail' }
  | { readonly do: 'arm'; readonly timer: TimerName }
  | { readonly do: 'disarm'; readonly timer: TimerName };

export interface Step<State extends string> {
  readonly to: State;
  readonly effects: readonly Effect[];
}

/** An input that a state does not list is ignored in it. */
export type Machine<State extends string, Input extends string> = Readonly<
  Record<State, Readonly<Partial<Record<Input, Step<State>>>>>
>;

export const send: Effect = { do: 'send' };
export const resend: Effect = { do: 'resend' };
export const ack: Effect = { do: 'ack' };
export const trying: Effect = { do: 'trying' };
export const deliver: Effect = { do: 'deliver' };
export const timeout: Effect = { do: 'timeout' };
export const expire: Effect = { do: 'expire' };
export const failed: Effect = { do: 'fail' };

export function arm(timer: TimerName): Effect {
  return { do: 'arm', timer };
}

export function disarm(timer: TimerName): Effect {
  return { do: 'disarm', timer };
}

/** A step into `to`. Whatever enters `terminated` loses all its timers. */
export function go<State extends string>(to: State, ...effects: readonly Effect[]): Step<State> {
  return { to, effects };
}

/** What a response is to a machine, in whichever direction. */
export function responseInput(method: string, status: number): string {
  if (method !== 'INVITE') return status < 200 ? '1xx' : '200-699';
  if (status === 100) return '100';
  return status < 200 ? '1xx' : status < 300 ? '2xx' : '300-699';
}

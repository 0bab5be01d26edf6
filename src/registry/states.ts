/**
 * The states of a call and what changes them: Kamailio's `next_state_dlg`, with what a B2BUA knows better. It has both
 * transactions itself, so that nothing out of order is taken for a change, and a second 2xx never brings back a call
 * that is over.
 */
export const unconfirmed = 1;
export const early = 2;
/** Answered, no ACK yet. */
export const confirmedNa = 3;
export const confirmed = 4;
export const deleted = 5;

export type DialogState = 1 | 2 | 3 | 4 | 5;

/** `tdel`: the transaction of the INVITE is gone without an answer. */
export type StateInput = 'tdel' | '1xx' | '2xx' | '3xx-6xx' | 'prack' | 'ack' | 'bye' | 'request';

type Row = Readonly<Record<StateInput, DialogState | undefined>>;

/** State before → input → state after; undefined: cannot be, nothing changes. */
const table: Readonly<Record<DialogState, Row>> = {
  1: {
    tdel: 5,
    '1xx': 2,
    '2xx': 3,
    '3xx-6xx': 5,
    prack: undefined,
    ack: undefined,
    bye: undefined,
    request: undefined,
  },
  2: { tdel: 5, '1xx': 2, '2xx': 3, '3xx-6xx': 5, prack: 2, ack: undefined, bye: 2, request: 2 },
  3: { tdel: 3, '1xx': undefined, '2xx': 3, '3xx-6xx': undefined, prack: 3, ack: 4, bye: 5, request: 3 },
  4: { tdel: 4, '1xx': undefined, '2xx': 4, '3xx-6xx': undefined, prack: undefined, ack: 4, bye: 5, request: 4 },
  5: { tdel: 5, '1xx': undefined, '2xx': 5, '3xx-6xx': undefined, prack: 5, ack: 5, bye: 5, request: 5 },
};

/** @returns undefined for what cannot happen in that state */
export function nextState(state: DialogState, input: StateInput): DialogState | undefined {
  return table[state][input];
}

const names: ReadonlyMap<string, DialogState> = new Map([
  ['unconfirmed', unconfirmed],
  ['early', early],
  ['answered', confirmedNa],
  ['confirmed', confirmed],
  ['deleted', deleted],
] as const);

/** Of a number, or of Kamailio's name for it. */
export function stateNamed(name: string): DialogState | undefined {
  return names.get(name) ?? [...names.values()].find((state) => String(state) === name);
}

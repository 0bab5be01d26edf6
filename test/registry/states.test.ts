import { describe, expect, it } from 'vitest';
import { type DialogState, nextState, type StateInput, stateNamed } from '../../src/registry/states.ts';

/**
 * Kamailio's `next_state_dlg` (dlg_hash.c). `-`: cannot be, nothing changes. The deviation of a B2BUA is marked: it has
 * the transaction itself, and a 2xx after the end gets ACK and BYE instead of bringing the call back.
 */
const table: readonly (readonly [StateInput, ...(DialogState | '-')[]])[] = [
  // in state  1    2    3    4    5
  ['tdel', 5, 5, 3, 4, 5],
  ['1xx', 2, 2, '-', '-', '-'],
  ['2xx', 3, 3, 3, 4, 5 /* Kamailio: 3, unless a BYE was seen */],
  ['3xx-6xx', 5, 5, '-', '-', '-'],
  ['ack', '-', '-', 4, 4, 5],
  ['bye', '-', 2, 5, 5, 5],
  ['prack', '-', 2, 3, '-', 5],
  ['request', '-', 2, 3, 4, 5],
];

describe('the states of a call', () => {
  for (const [input, ...row] of table)
    for (const [index, expected] of row.entries()) {
      const state = (index + 1) as DialogState;
      it(`${input} in ${state} leads to ${expected}`, () => {
        expect(nextState(state, input) ?? '-').toBe(expected);
      });
    }

  it.each([
    ['unconfirmed', 1],
    ['early', 2],
    ['answered', 3],
    ['confirmed', 4],
    ['deleted', 5],
    ['4', 4],
    ['6', undefined],
    ['toString', undefined],
    ['', undefined],
  ])('%s is called %s', (name, state) => {
    expect(stateNamed(name)).toBe(state);
  });
});

import { expect, it } from 'vitest';
import { hashSlot } from '../../src/registry/hash.ts';

/** What Kamailio 5.6.3 printed as h_entry, with 4,096 slots. */
it.each([
  ['1-16363@127.0.0.1', 1573],
  ['1-27942@127.0.0.1', 189],
  ['1-29049@127.0.0.1', 27],
])('puts %s into the slot of Kamailio', (callId, slot) => {
  expect(hashSlot(callId, 4096)).toBe(slot);
});

it('fills the slots evenly, and takes any text', () => {
  const size = 256;
  const counts = new Array<number>(size).fill(0);
  for (let n = 0; n < 25_600; n++) counts[hashSlot(`${n}-${n * 7919}@192.0.2.1`, size)]!++;
  expect(Math.max(...counts)).toBeLessThan(200);
  for (const text of ['', 'a', 'ab', 'abc', 'abcd', 'ü€😀', '\0'.repeat(5)]) {
    const slot = hashSlot(text, size);
    expect(Number.isInteger(slot) && slot >= 0 && slot < size).toBe(true);
  }
  expect(hashSlot('anything', 1)).toBe(0);
});

/** Which of the newest numbers there were: one bit each, 32 to a word, at `number % (32 · words)`. */

/** Signed words, which are small enough to lie in the array itself. */
export type BitWindow = number[];

export function createWindow(bits: number): BitWindow {
  return new Array<number>(bits / 32).fill(0);
}

export function hasBit(window: BitWindow, number: number): boolean {
  return ((window[(number >>> 5) % window.length]! >> (number & 31)) & 1) !== 0;
}

export function setBit(window: BitWindow, number: number): void {
  const word = (number >>> 5) % window.length;
  window[word] = window[word]! | (1 << (number & 31));
}

export function clearBit(window: BitWindow, number: number): void {
  const word = (number >>> 5) % window.length;
  window[word] = window[word]! & ~(1 << (number & 31));
}

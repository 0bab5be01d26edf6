/**
 * Randomness as an argument. The default is cryptographic (`node.ts`); the test lab seeds it.
 */
export interface Random {
  /** `length` random bytes. */
  bytes(length: number): Uint8Array;
  /** An integer in 0 … 2^32 − 1. */
  uint32(): number;
}

/** A lower-case hexadecimal token of `bytes` random bytes: tags, branches, Call-IDs (RFC 3261 §19.3). */
export function token(random: Random, bytes = 8): string {
  let text = '';
  for (const byte of random.bytes(bytes)) text += byte.toString(16).padStart(2, '0');
  return text;
}

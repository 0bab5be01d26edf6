/** Kamailio's hash of a Call-ID (`core_hash`): who knows the Call-ID finds the slot that `dlg.list` prints. */

/** @param size a power of two @returns 0 to size - 1 */
export function hashSlot(callId: string, size: number): number {
  return coreHash(Buffer.from(callId, 'utf8')) & (size - 1);
}

function coreHash(bytes: Uint8Array): number {
  let hash = 0;
  let at = 0;
  for (; at + 4 <= bytes.length; at += 4) {
    const word =
      (((bytes[at] as number) << 24) |
        ((bytes[at + 1] as number) << 16) |
        ((bytes[at + 2] as number) << 8) |
        (bytes[at + 3] as number)) >>>
      0;
    hash = (hash + (word ^ (word >>> 3))) >>> 0;
  }
  let rest = 0;
  for (; at < bytes.length; at++) rest = ((rest << 8) | (bytes[at] as number)) >>> 0;
  hash = (hash + (rest ^ (rest >>> 3))) >>> 0;
  return (hash + (hash >>> 11) + ((hash >>> 13) + (hash >>> 23))) >>> 0;
}

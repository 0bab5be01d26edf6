/** What an Opus packet says of itself in its first two bytes (RFC 6716 §3.1, §3.2). */

const ticksPerMs = 48;
/** §3.4, R5: more than that is no packet. */
const longestMs = 120;

/** Duration of a packet in ticks of 48 kHz; 0 for what is none. */
export function opusTicks(buffer: Uint8Array, offset: number, length: number): number {
  if (length < 1) return 0;
  const toc = buffer[offset]!;
  const code = toc & 3;
  if (code === 3 && length < 2) return 0;
  const frames = code === 0 ? 1 : code < 3 ? 2 : buffer[offset + 1]! & 63;
  const ms = frames * frameMs(toc >> 3);
  return ms > longestMs ? 0 : ms * ticksPerMs;
}

/** Table 2. */
function frameMs(config: number): number {
  if (config >= 16) return 2.5 * 2 ** (config & 3);
  if (config >= 12) return (config & 1) === 0 ? 10 : 20;
  return (config & 3) === 0 ? 10 : 20 * (config & 3);
}

/** The kernel gives out ports of its ephemeral range to anybody; RTP must keep out of it. */
import { ConfigError } from '../../src/base/errors.ts';
import type { Files } from '../../src/base/io.ts';

const path = '/proc/sys/net/ipv4/ip_local_port_range';

/**
 * Does nothing where the kernel does not say what its range is.
 * @throws ConfigError when the ranges overlap
 */
export async function checkEphemeralRange(
  range: { readonly min: number; readonly max: number },
  files: Files,
): Promise<void> {
  let text: string;
  try {
    text = new TextDecoder().decode(await files.read(path));
  } catch {
    return;
  }
  const [low, high] = text.trim().split(/\s+/).map(Number);
  if (low === undefined || high === undefined || Number.isNaN(low) || Number.isNaN(high)) return;
  if (range.min <= high && range.max >= low)
    throw new ConfigError(
      `media.rtpPorts ${range.min}–${range.max} overlaps the kernel's ephemeral ports ${low}–${high}; ` +
        `choose a range outside of it`,
      { facts: { ...range, ephemeral: [low, high] } },
    );
}

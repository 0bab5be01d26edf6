/** A `Media` on this machine, on a range of ports nobody else has. */
import { Media, type MediaOptions, type MediaPorts } from '../../../media/index.ts';
import type { Logger } from '../../../src/base/log.ts';
import { createNodeRandom, nodeClock, nodeFetch, nodeFiles } from '../../../src/base/node.ts';
import { withRtpPorts } from '../../helpers/rtp-ports.ts';
import { ios } from '../net/ios.ts';

/** Each number of media threads with each way to read RTP sockets that there is here. */
export const hosts = ios.flatMap(([io]) => [0, 1, 2].map((workers) => [workers, io] as const));

export const silentLogger: Logger = {
  trace: () => {},
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLogger,
};

export const machine: MediaPorts = {
  clock: nodeClock,
  random: createNodeRandom(),
  files: nodeFiles,
  fetch: nodeFetch,
  logger: silentLogger,
};

/** @param ports how many ports the range has */
export async function openMedia(
  options: MediaOptions = {},
  overrides: Partial<MediaPorts> = {},
  ports = 64,
): Promise<Media> {
  return withRtpPorts(ports, async (rtpPorts) => {
    const media = new Media({ rtpPorts, ...options }, { ...machine, ...overrides });
    try {
      await media.open();
      return media;
    } catch (error) {
      await media.close();
      throw error;
    }
  });
}

/** Reproducible bytes, different at every place. */
export function noise(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

export function concat(chunks: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(chunks));
}

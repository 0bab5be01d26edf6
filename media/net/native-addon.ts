/** The addon of `native/udp-io.c`: where it lies and what it offers. It is optional. */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { messageOf } from '../../src/base/errors.ts';

/** Sockets of one thread, moved in batches. Of both tables `datagramWords` words are one entry. */
export interface NativeSockets {
  /** @returns the socket's number, or a negative errno */
  bind(address: string, port: number, bufferBytes: number): number;
  /** Where it is bound. */
  port(socket: number): number;
  /** Closes it; the number finds nobody any more. */
  release(socket: number): void;
  /** Sends the first `count` entries of the table; what the network refuses is lost. */
  send(count: number): void;
  /** Once, in `ms` milliseconds or fractions; a new alarm replaces the one before. */
  alarm(ms: number): void;
  /** Closes every socket; `ready` is not called any more. */
  close(): void;
}

/** Of the addon this code was written for. */
const layout = 3;

export interface NativeAddon {
  readonly layout: number;
  readonly Io: new (
    received: Uint8Array,
    receivedTable: Uint8Array,
    sent: Uint8Array,
    sentTable: Uint8Array,
    /** So many datagrams have come and are in the table. @param rang the time of the alarm has come */
    ready: (count: number, rang: boolean) => void,
  ) => NativeSockets;
  /**
   * Writes a sockaddr of `sockaddrWords` words.
   * @param wide for a socket of IPv6: IPv4 is mapped into it
   * @returns false when it is no IP address
   */
  parse(address: string, port: number, wide: boolean, into: Uint8Array): boolean;
  /** @returns the IP address in a sockaddr; one that is mapped into IPv6 as IPv4 */
  print(from: Uint8Array): string;
  /**
   * How long the calling thread wants to run at a time, in nanoseconds: who wants little is let in before who wants much.
   * @returns false where the scheduler does not ask (Linux before 6.12)
   */
  slice(nanoseconds: number): boolean;
}

export type Loaded =
  | { readonly ok: true; readonly addon: NativeAddon }
  /** Why not, in a line. */
  | { readonly ok: false; readonly reason: string };

/** The compiled addon: in `native/` of a clone, and of the published package, whose code is in `dist/`. */
export const addonPath = fileURLToPath(
  new URL(
    import.meta.url.endsWith('.ts') ? '../../native/udp-io.node' : '../../../native/udp-io.node',
    import.meta.url,
  ),
);

/** Never throws: an addon that is missing, or made for another system, is none. */
export function loadAddon(path = addonPath): Loaded {
  try {
    const addon = createRequire(import.meta.url)(path) as NativeAddon;
    return addon.layout === layout ? { ok: true, addon } : { ok: false, reason: 'it is of another version' };
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND';
    return { ok: false, reason: missing ? 'it is not built' : (messageOf(error).split('\n')[0] as string) };
  }
}

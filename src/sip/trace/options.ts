/** What of the SIP on the wire is kept, and where else it goes. */
import { ConfigError } from '../../base/errors.ts';
import { addressFamily } from '../transport/address.ts';

export interface TraceOptions {
  /**
   * Calls whose messages are kept when they are over: `failed` (a final response of 400 or more other than 487, a
   * timeout or an error), `all` or `none`. Default `failed`.
   */
  readonly keep?: 'failed' | 'all' | 'none';
  /** Calls kept; the oldest goes first. Default 1,000. */
  readonly maxCalls?: number;
  /** For how long, ms. Default 3,600,000. */
  readonly keepFor?: number;
  /** Bytes of all messages together, half of them for calls that run. Default 33,554,432. */
  readonly maxBytes?: number;
  /** Where every message is sent as HEP version 3, such as Homer: `udp:host:port`. */
  readonly hep?: string | undefined;
  /** Names this server there. Default 2001. */
  readonly captureId?: number;
  /** As the collector wants it. */
  readonly password?: string | undefined;
}

/** Where HEP goes. */
export interface HepTarget {
  readonly host: string;
  readonly port: number;
}

export type TraceSettings = Required<Omit<TraceOptions, 'hep' | 'password'>> & {
  readonly hep: HepTarget | undefined;
  readonly password: string | undefined;
};

/** @throws ConfigError for a collector that is none, and for a number that cannot be */
export function traceSettings({ hep, password, ...given }: TraceOptions = {}): TraceSettings {
  const settings = {
    keep: 'failed' as const,
    maxCalls: 1_000,
    keepFor: 3_600_000,
    maxBytes: 33_554_432,
    captureId: 2001,
    ...given,
  };
  for (const name of ['maxCalls', 'keepFor', 'maxBytes', 'captureId'] as const)
    if (!(settings[name] >= 0 && settings[name] <= 0xffffffff))
      throw new ConfigError(`trace.${name} is not a number from 0 to 4294967295`);
  return { ...settings, password, hep: hep === undefined ? undefined : target(hep) };
}

function target(text: string): HepTarget {
  const match = /^udp:(\[[0-9a-fA-F:.]+\]|[^\s:[\]]+):(\d{1,5})$/.exec(text);
  const host = match?.[1]?.replace(/^\[(.*)\]$/, '$1') ?? '';
  const port = Number(match?.[2]);
  const isBad = !match || port < 1 || port > 65_535 || (host.includes(':') && addressFamily(host) === 0);
  if (isBad) throw new ConfigError(`trace.hep: "${text}" is no collector: write udp:host:port, as udp:homer:9060`);
  return { host, port };
}

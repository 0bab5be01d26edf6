/** What the defence can be told, and what it does when it is told nothing. */
import { ConfigError } from '../../base/errors.ts';
import { type Cidr, parseCidr } from '../cidr.ts';
import { knownScanners } from './fingerprints.ts';

export interface DefenceOptions {
  /** Networks that are never limited or banned, as your trunks: `203.0.113.0/24`. Default: this machine. */
  readonly exempt?: readonly string[] | undefined;
  /** Failures that one source may go on with, per second. Default 10. */
  readonly rate?: number;
  /** And at once. Default 100. */
  readonly burst?: number;
  /** More failures than these within ten minutes ban a source; 0 bans nobody. Default 200. */
  readonly banAfter?: number;
  /** How long the first ban of a source is, ms; each further one is twice as long, a day at most. Default 600,000. */
  readonly banFor?: number;
  /** Parts of the User-Agent of those that are banned at their first request. Default: known scanners. */
  readonly scanners?: readonly string[] | undefined;
  /** New INVITEs per second from one source, and as many at once; more get 503. Default 0: no limit. */
  readonly callRate?: number;
  /** Dialogs at once, in both directions; an INVITE too many gets 503. Default 100,000. */
  readonly maxDialogs?: number;
  /** Dialogs that one source began. Default 50,000. */
  readonly maxDialogsPerSource?: number;
  /** Requests of peers that are kept for their copies (RFC 3261 §17.2); more get 503. Default 200,000. */
  readonly maxTransactions?: number;
  /** Default 100,000. */
  readonly maxTransactionsPerSource?: number;
  /** Default 8,192. */
  readonly maxConnections?: number;
  /** Default 2,048. */
  readonly maxConnectionsPerSource?: number;
}

type Numbers = Required<Omit<DefenceOptions, 'exempt' | 'scanners'>>;
export type DefenceSettings = Numbers & { readonly exempt: readonly Cidr[]; readonly scanners: readonly string[] };

// A proxy on the same machine stands for everybody behind it.
const thisMachine = ['127.0.0.0/8', '::1'];
const everybody = ['0.0.0.0/0', '::/0'];

const defaults: Numbers = {
  rate: 10,
  burst: 100,
  banAfter: 200,
  banFor: 600_000,
  callRate: 0,
  maxDialogs: 100_000,
  maxDialogsPerSource: 50_000,
  maxTransactions: 200_000,
  maxTransactionsPerSource: 100_000,
  maxConnections: 8_192,
  maxConnectionsPerSource: 2_048,
};

/**
 * @param options false: everybody is exempt, and only the limits of all together hold
 * @throws ConfigError for what is no network, and for a number that cannot be
 */
export function defenceSettings(options: DefenceOptions | false = {}): DefenceSettings {
  const { exempt = thisMachine, scanners = knownScanners, ...given } = options || { exempt: everybody };
  const numbers = { ...defaults, ...given };
  for (const [name, value] of Object.entries(numbers))
    if (!(value >= 0)) throw new ConfigError(`defence.${name} is not a number from 0 up`);
  for (const name of ['rate', 'burst'] as const)
    if (numbers[name] < 1) throw new ConfigError(`defence.${name} must be 1 or more; defence: false turns it off`);
  return { ...numbers, scanners, exempt: exempt.map(network) };
}

function network(text: string): Cidr {
  const parsed = parseCidr(text);
  if (!parsed.ok) throw new ConfigError(`defence.exempt: ${parsed.error}`);
  return parsed.value;
}

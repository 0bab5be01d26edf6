/**
 * Where a SIP URI leads (RFC 3263): transport, addresses and ports in the order to try. Names are asked for NAPTR,
 * then SRV, then A and AAAA records; a `sips` URI leads nowhere but over TLS.
 */
import { messageOf, TandemError } from '../base/errors.ts';
import type { NaptrRecord, Resolver, SrvRecord } from '../base/io.ts';
import type { Random } from '../base/random.ts';
import { addressFamily } from './transport/address.ts';
import type { Target } from './transport/flow.ts';
import { isTransportName, kinds, type SipTransportName } from './transport/kinds.ts';
import { parseUri } from './uri.ts';

/** `error.status`: what the request's user gets as a local response. */
export type Resolution =
  | { readonly ok: true; readonly targets: readonly Target[]; readonly explicit: boolean }
  | { readonly ok: false; readonly error: TandemError };

/** The URI is right, but its host has no address. */
export function isUnresolved(resolution: Resolution): boolean {
  return !resolution.ok && resolution.error.code === 'ERR_RESOLVE';
}

export interface LocateOptions {
  readonly resolver: Resolver;
  /** For the weights of SRV. */
  readonly random: Random;
  /** What we can send by. */
  readonly transports: readonly SipTransportName[];
}

/** What is asked for, once the URI is read. */
interface Wanted {
  readonly uri: string;
  readonly host: string;
  readonly port: number | undefined;
  readonly secure: boolean;
  /** Said by the URI or its user; undefined: whatever the records say. */
  readonly transport: SipTransportName | undefined;
}

/** Addresses that one request is sent to, one after the other. */
const maxTargets = 32;

/** NAPTR services (RFC 3263 §4.1, RFC 7118 §8). */
const services: Readonly<Record<string, SipTransportName>> = {
  'SIP+D2U': 'udp',
  'SIP+D2T': 'tcp',
  'SIPS+D2T': 'tls',
  'SIP+D2W': 'ws',
  'SIPS+D2W': 'wss',
};
/** SRV names (RFC 3263 §4.1), in the order in which we prefer what is found. */
const srvNames: readonly (readonly [SipTransportName, string])[] = [
  ['udp', '_sip._udp'],
  ['tcp', '_sip._tcp'],
  ['tls', '_sips._tcp'],
];

/**
 * Answers at once for a numeric host.
 * @param transport overrides the URI's transport parameter
 */
export function locate(
  text: string,
  transport: SipTransportName | undefined,
  options: LocateOptions,
): Resolution | Promise<Resolution> {
  const wanted = read(text, transport);
  if (wanted instanceof TandemError) return { ok: false, error: wanted };
  const { host, port, secure } = wanted;
  const chosen = wanted.transport ?? (secure ? 'tls' : 'udp');
  const explicit = wanted.transport !== undefined;
  if (addressFamily(host) !== 0) {
    const target = { transport: chosen, address: host, port: port ?? kinds[chosen].port, name: host };
    return { ok: true, targets: [target], explicit };
  }
  // RFC 6761 §6.4: no need to ask.
  if (host.endsWith('.invalid'))
    return { ok: false, error: refusal(503, 'ERR_RESOLVE', `the host ${host} has no address`, text) };
  return look(wanted, options).then(
    (targets): Resolution =>
      targets.length > 0
        ? { ok: true, targets: targets.slice(0, maxTargets), explicit }
        : { ok: false, error: refusal(503, 'ERR_RESOLVE', `the host ${host} has no address`, text) },
    (cause: unknown): Resolution => {
      const message = `cannot find the host ${host}: ${messageOf(cause)}`;
      return { ok: false, error: refusal(503, 'ERR_RESOLVE', message, text, cause) };
    },
  );
}

function read(text: string, transport: SipTransportName | undefined): Wanted | TandemError {
  const parsed = parseUri(text);
  if (!parsed.ok) return refusal(416, 'ERR_URI', `cannot call this address: ${parsed.error}`, text);
  const { scheme, host, port, params } = parsed.value;
  if (scheme !== 'sip' && scheme !== 'sips')
    return refusal(416, 'ERR_URI_SCHEME', `cannot send to a ${scheme} address here: use a sip address`, text);
  const secure = scheme === 'sips';
  const name = transport ?? params.transport?.toLowerCase();
  // RFC 3261 §19.1.1: maddr takes the place of the host.
  const wanted = { uri: text, host: params.maddr ?? host, port, secure };
  if (name === undefined) return { ...wanted, transport: undefined };
  if (!isTransportName(name))
    return refusal(
      503,
      'ERR_TRANSPORT',
      `the transport "${name}" is not available: use udp, tcp, tls, ws or wss`,
      text,
    );
  const kind = secure ? secured(name) : name;
  if (kind === undefined) return refusal(503, 'ERR_TRANSPORT', `a sips address cannot be reached over ${name}`, text);
  return { ...wanted, transport: kind };
}

/** The transport parameter of a `sips` URI names what TLS stands on (RFC 3261 §26.2.2). */
function secured(name: SipTransportName): SipTransportName | undefined {
  if (kinds[name].secure) return name;
  return name === 'tcp' ? 'tls' : name === 'ws' ? 'wss' : undefined;
}

async function look(wanted: Wanted, options: LocateOptions): Promise<Target[]> {
  const { host, port, secure, transport } = wanted;
  const fallback = transport ?? (secure ? 'tls' : 'udp');
  if (port !== undefined) return addressesOf(host, fallback, port, host, options);
  const named = transport === undefined ? await byNaptr(wanted, options) : [];
  if (named.length > 0) return named;
  const served = await bySrv(wanted, options);
  if (served.length > 0) return served;
  return addressesOf(host, fallback, kinds[fallback].port, host, options);
}

/** §4.1: of the services that we can use, the ones that the domain prefers first. */
async function byNaptr({ host, secure }: Wanted, options: LocateOptions): Promise<Target[]> {
  const records = await quietly(options.resolver.naptr?.(host));
  const usable = records
    .filter(({ service }) => {
      const transport = serviceOf(service);
      return transport !== undefined && options.transports.includes(transport) && (!secure || kinds[transport].secure);
    })
    .toSorted((a, b) => a.order - b.order || a.preference - b.preference)
    .slice(0, Object.keys(services).length);
  const targets: Target[] = [];
  for (const record of usable) targets.push(...(await byRecord(record, host, options)));
  return targets;
}

async function byRecord(record: NaptrRecord, domain: string, options: LocateOptions): Promise<Target[]> {
  const transport = serviceOf(record.service) as SipTransportName;
  const { replacement } = record;
  if (record.flags.toLowerCase() === 'a')
    return addressesOf(replacement, transport, kinds[transport].port, domain, options).catch(() => []);
  if (record.flags.toLowerCase() !== 's') return [];
  return served(await quietly(options.resolver.srv?.(replacement)), transport, domain, options);
}

function serviceOf(service: string): SipTransportName | undefined {
  const name = service.toUpperCase();
  return Object.hasOwn(services, name) ? services[name] : undefined;
}

async function bySrv({ host, secure, transport }: Wanted, options: LocateOptions): Promise<Target[]> {
  const { resolver, transports } = options;
  const asked = srvNames.filter(([name]) =>
    transport ? name === transport : transports.includes(name) && (!secure || kinds[name].secure),
  );
  const found = await Promise.all(
    asked.map(async ([name, prefix]) =>
      served(await quietly(resolver.srv?.(`${prefix}.${host}`)), name, host, options),
    ),
  );
  return found.flat();
}

/** The addresses of SRV records, in the order of RFC 2782. */
async function served(
  records: readonly SrvRecord[],
  transport: SipTransportName,
  domain: string,
  options: LocateOptions,
): Promise<Target[]> {
  const targets: Target[] = [];
  for (const { name, port } of inOrder(records, options.random)) {
    // "." says that there is no such service.
    if (name === '' || name === '.') continue;
    targets.push(...(await addressesOf(name, transport, port, domain, options).catch(() => [])));
  }
  return targets;
}

/** The lowest priority first; of one priority by chance, as often as the weights say (RFC 2782). */
export function inOrder(records: readonly SrvRecord[], random: Random): SrvRecord[] {
  const ordered: SrvRecord[] = [];
  const priorities = [...new Set(records.map(({ priority }) => priority))].sort((a, b) => a - b);
  for (const priority of priorities) {
    // Those of weight 0 come first in the list, so that they have a small chance.
    const left = records.filter((record) => record.priority === priority).sort((a, b) => a.weight - b.weight);
    while (left.length > 0) {
      const sum = left.reduce((total, { weight }) => total + weight, 0);
      let point = random.uint32() % (sum + 1);
      let index = 0;
      while (point > (left[index] as SrvRecord).weight) point -= (left[index++] as SrvRecord).weight;
      ordered.push(...left.splice(index, 1));
    }
  }
  return ordered;
}

async function addressesOf(
  host: string,
  transport: SipTransportName,
  port: number,
  domain: string,
  { resolver }: LocateOptions,
): Promise<Target[]> {
  if (addressFamily(host) !== 0) return [{ transport, address: host, port, name: domain }];
  const found = await resolver.lookup(host);
  return found
    .filter(({ address }) => addressFamily(address) !== 0)
    .map(({ address }) => ({ transport, address, port, name: domain }));
}

/** No answer is no record: the next kind of record is asked for. */
async function quietly<T>(records: Promise<readonly T[]> | undefined): Promise<readonly T[]> {
  try {
    return (await records) ?? [];
  } catch {
    return [];
  }
}

function refusal(status: number, code: string, message: string, uri: string, cause?: unknown): TandemError {
  return new TandemError(code, message, { status, facts: { uri }, cause });
}

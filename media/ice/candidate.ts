/** Candidates as SDP writes them (RFC 8839 §5.1), and their priorities (RFC 8445 §5.1.2). */
import { canonicalAddress } from '../rtp/address.ts';
import { ipFamily } from '../stun/ip.ts';
import type { IceCandidate, IceCandidateType } from './types.ts';

/** RFC 8445 §5.1.2.2. */
const typePreferences: Readonly<Record<IceCandidateType, number>> = { host: 126, prflx: 110, srflx: 100, relay: 0 };
const longestLine = 1024;
const grammar =
  /^([A-Za-z0-9+/]{1,32}) ([0-9]{1,3}) ([A-Za-z0-9-]{1,16}) ([0-9]{1,10}) ([^ ]{1,255}) ([0-9]{1,5}) typ ([a-z]+)((?: [^ ]+ [^ ]*)*)$/i;

/** @param localPreference 0 to 65535, the highest for the only address of a host */
export function candidatePriority(type: IceCandidateType, localPreference = 0xffff, component: 1 | 2 = 1): number {
  return typePreferences[type] * 2 ** 24 + localPreference * 2 ** 8 + (256 - component);
}

/**
 * A host candidate of ours.
 * @param index of the address among ours: those in front are preferred
 */
export function hostCandidate(address: string, port: number, index = 0): IceCandidate {
  return {
    foundation: String(index + 1),
    component: 1,
    transport: 'udp',
    priority: candidatePriority('host', 0xffff - index),
    address,
    port,
    type: 'host',
  };
}

/**
 * Reads the value of `a=candidate` (as trickle carries it, `candidate:` may stand in front of it).
 * @returns undefined for what is none, and for those that are of no use to us: other transports than UDP, and names, such
 * as the `.local` ones that browsers hide their address behind. Checks of such a peer show where it is.
 */
export function parseCandidate(value: string): IceCandidate | undefined {
  if (value.length > longestLine) return undefined;
  const found = grammar.exec(value.trim().replace(/^(?:a=)?candidate:/i, ''));
  if (!found) return undefined;
  const [, foundation = '', component, transport = '', priority, written = '', port, typ = '', rest = ''] = found;
  const type = typ.toLowerCase();
  const address = readAddress(written);
  const candidate = {
    foundation,
    component: Number(component),
    priority: Number(priority),
    port: Number(port),
  };
  if (transport.toLowerCase() !== 'udp' || !address || !isType(type)) return undefined;
  if (candidate.component !== 1 && candidate.component !== 2) return undefined;
  // RFC 8445 §5.1.2: 1 to 2^31 − 1.
  if (candidate.priority < 1 || candidate.priority > 0x7fffffff) return undefined;
  if (candidate.port < 1 || candidate.port > 0xffff) return undefined;
  const related = type === 'host' ? {} : readRelated(rest);
  return { ...candidate, component: candidate.component, transport: 'udp', address, type, ...related };
}

/** The value of `a=candidate`. */
export function printCandidate(candidate: IceCandidate): string {
  const { foundation, component, priority, address, port, type, relatedAddress, relatedPort } = candidate;
  const related = relatedAddress === undefined ? '' : ` raddr ${relatedAddress} rport ${relatedPort ?? 0}`;
  return `${foundation} ${component} udp ${priority} ${address} ${port} typ ${type}${related}`;
}

function isType(type: string): type is IceCandidateType {
  return Object.hasOwn(typePreferences, type);
}

/** An address that something can be sent to, in the kernel's form. */
function readAddress(text: string): string | undefined {
  if (ipFamily(text) === undefined) return undefined;
  const address = canonicalAddress(text);
  return address === '0.0.0.0' || address === '::' ? undefined : address;
}

/** For the record only: nothing is ever sent there, and what cannot be read is left out. */
function readRelated(extensions: string): Pick<IceCandidate, 'relatedAddress' | 'relatedPort'> {
  const address = / raddr ([^ ]+)/i.exec(extensions)?.[1];
  const port = Number(/ rport ([0-9]{1,5})(?: |$)/i.exec(extensions)?.[1] ?? 0);
  if (address === undefined || ipFamily(address) === undefined || port > 0xffff) return {};
  return { relatedAddress: canonicalAddress(address), relatedPort: port };
}

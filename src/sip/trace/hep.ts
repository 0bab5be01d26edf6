/**
 * HEP version 3, also called EEP: how a SIP message is told to a capture server such as Homer.
 *
 *     "HEP3" | length (2) | chunk …          chunk: vendor (2) | type (2) | length with these six bytes (2) | value
 */
import { addressBytes, isMapped } from '../cidr.ts';
import type { WireMessage } from './call-trace.ts';

export interface HepSource {
  readonly captureId: number;
  readonly password: string | undefined;
}

/** Chunk types of vendor 0. */
const chunkType = {
  family: 1,
  protocol: 2,
  sourceIpv4: 3,
  targetIpv4: 4,
  sourceIpv6: 5,
  targetIpv6: 6,
  sourcePort: 7,
  targetPort: 8,
  seconds: 9,
  microseconds: 10,
  payloadType: 11,
  captureId: 12,
  password: 14,
  payload: 15,
  correlationId: 17,
} as const;

const families = { ipv4: 2, ipv6: 10 } as const;
const protocols = { udp: 17, tcp: 6 } as const;
const sip = 1;
const headerLength = 6;
/** What the field for the length, and a datagram, can say and hold. */
const maxLength = 65_507;

const unknownAddress = new Uint8Array(16);

type Chunk = readonly [type: number, value: Uint8Array];

/** @returns undefined for what does not fit */
export function encodeHep(
  message: WireMessage,
  callId: string,
  payload: Uint8Array,
  { captureId, password }: HepSource,
): Uint8Array | undefined {
  const { at, direction, transport } = message;
  // A listener on all addresses with a name to the outside has none that could be told.
  const local = addressBytes(message.localAddress) ?? unknownAddress;
  const remote = addressBytes(message.address) ?? unknownAddress;
  const [source, target] = direction === 'in' ? [remote, local] : [local, remote];
  const [sourcePort, targetPort] =
    direction === 'in' ? [message.port, message.localPort] : [message.localPort, message.port];
  // A wildcard listener of one family has peers of that family.
  const isIpv4 = isMapped(remote);
  const whole = Math.floor(at / 1000);
  const chunks: Chunk[] = [
    [chunkType.family, byte(isIpv4 ? families.ipv4 : families.ipv6)],
    [chunkType.protocol, byte(transport === 'udp' ? protocols.udp : protocols.tcp)],
    [isIpv4 ? chunkType.sourceIpv4 : chunkType.sourceIpv6, isIpv4 ? source.subarray(12) : source],
    [isIpv4 ? chunkType.targetIpv4 : chunkType.targetIpv6, isIpv4 ? target.subarray(12) : target],
    [chunkType.sourcePort, short(sourcePort)],
    [chunkType.targetPort, short(targetPort)],
    [chunkType.seconds, long(whole)],
    [chunkType.microseconds, long(Math.floor((at - whole * 1000) * 1000))],
    [chunkType.payloadType, byte(sip)],
    [chunkType.captureId, long(captureId)],
    ...(password === undefined ? [] : [[chunkType.password, Buffer.from(password)] as const]),
    [chunkType.correlationId, Buffer.from(callId, 'latin1')],
    [chunkType.payload, payload],
  ];
  const length = chunks.reduce((sum, [, value]) => sum + headerLength + value.length, headerLength);
  return length > maxLength ? undefined : packet(length, chunks);
}

function packet(length: number, chunks: readonly Chunk[]): Uint8Array {
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  bytes.set(Buffer.from('HEP3'));
  view.setUint16(4, length);
  let at = headerLength;
  for (const [type, value] of chunks) {
    view.setUint16(at + 2, type);
    view.setUint16(at + 4, headerLength + value.length);
    bytes.set(value, at + headerLength);
    at += headerLength + value.length;
  }
  return bytes;
}

function byte(value: number): Uint8Array {
  return new Uint8Array([value]);
}

function short(value: number): Uint8Array {
  return new Uint8Array([value >> 8, value]);
}

function long(value: number): Uint8Array {
  return new Uint8Array([value >> 24, value >> 16, value >> 8, value]);
}

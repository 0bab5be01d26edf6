/** Keys and packets for the tests of SRTP. */
import type { SrtpMasterKey } from '../../../media/srtp/profiles.ts';
import type { SrtpSender } from '../../../media/srtp/sender.ts';

export function hex(text: string): Buffer;
export function hex(bytes: Uint8Array): string;
export function hex(value: string | Uint8Array): Buffer | string {
  return typeof value === 'string' ? Buffer.from(value, 'hex') : Buffer.from(value).toString('hex');
}

/** @param bytes key and salt in hexadecimal */
export function master(bytes: string, more: Partial<SrtpMasterKey> = {}): SrtpMasterKey {
  return { inline: hex(bytes).toString('base64'), mki: '', lifetime: undefined, ...more };
}

/** The protected packet in hexadecimal; '' when it was refused. */
export function sealed(sender: SrtpSender, kind: 'rtp' | 'rtcp', packet: Uint8Array): string {
  const out = sender[kind](packet, 0, packet.length);
  return out ? hex(out.subarray(0, sender.length)) : '';
}

export function rtpPacket(
  sequence: number,
  ssrc: number,
  payload: Uint8Array,
  { csrcs = 0, extension = false }: { readonly csrcs?: number; readonly extension?: boolean } = {},
): Buffer {
  const header = Buffer.alloc(12 + 4 * csrcs);
  header[0] = 0x80 | csrcs | (extension ? 0x10 : 0);
  header.writeUInt16BE(sequence & 0xffff, 2);
  header.writeUInt32BE((sequence * 160) >>> 0, 4);
  header.writeUInt32BE(ssrc, 8);
  for (let i = 0; i < csrcs; i++) header.writeUInt32BE(i + 1, 12 + 4 * i);
  return Buffer.concat([header, extension ? hex('bede000110aa0000') : hex(''), payload]);
}

/** The cipher of a profile, and how much it adds to a packet. */
import type { SrtpCipher } from './cipher.ts';
import { CounterModeCipher } from './counter-mode.ts';
import { GcmCipher } from './gcm.ts';
import { type SrtpMasterKey, type SrtpProfile, srtpProfiles } from './profiles.ts';

/** RFC 3711 §9.2: what one master key may be used for at the most. */
export const maxRtpPackets = 2 ** 48;
export const maxRtcpIndex = 2 ** 31 - 1;

/**
 * How many SSRCs one key serves. None is ever forgotten: what it has used could be used, and what it has
 * heard be played, a second time.
 */
export const maxSources = 64;

export function createCipher(profile: SrtpProfile, master: SrtpMasterKey): SrtpCipher {
  return srtpProfiles[profile].mode === 'gcm' ? new GcmCipher(profile, master) : new CounterModeCipher(profile, master);
}

/** Bytes of the header of an RTP packet, with CSRCs and extension; 0 for what is none. */
export function rtpHeaderLength(buffer: Uint8Array, offset: number, length: number): number {
  if (length < 12 || buffer[offset]! >> 6 !== 2) return 0;
  const extension = (buffer[offset]! & 0x10) !== 0;
  let header = 12 + (buffer[offset]! & 0x0f) * 4;
  if (extension) {
    if (header + 4 > length) return 0;
    header += 4 + 4 * ((buffer[offset + header + 2]! << 8) | buffer[offset + header + 3]!);
  }
  return header > length ? 0 : header;
}

/** From the codec an SDP exchange settled to the code that handles its payloads. */
import type { Codec } from '../sdp/types.ts';
import type { AudioCodec } from './codec.ts';
import { pcma, pcmu } from './g711.ts';
import { l16 } from './l16.ts';

/** @returns undefined for a codec that has no implementation here, or more than one channel. */
export function codecFor(codec: Pick<Codec, 'name' | 'clockRate' | 'channels'>): AudioCodec | undefined {
  if (codec.channels !== 1) return undefined;
  switch (codec.name.toUpperCase()) {
    case 'PCMU':
      return pcmu(codec.clockRate);
    case 'PCMA':
      return pcma(codec.clockRate);
    case 'L16':
      return l16(codec.clockRate);
    default:
      return undefined;
  }
}

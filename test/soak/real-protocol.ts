/** What the two processes of `npm run soak -- --media-real` say to each other. */
import type { Codec } from '../../media/index.ts';
import { pcmu } from '../media/support/phone.ts';
import type { RecordedSides } from './marks.ts';

const opus: Codec = {
  name: 'OPUS',
  payloadType: 111,
  clockRate: 48_000,
  channels: 2,
  fmtp: 'useinbandfec=1',
};
/** Of a group: two legs that are bridged, two that are converted, one that is played to, one that is recorded, too. */
export const groupCodecs: readonly Codec[] = [pcmu, pcmu, opus, pcmu, pcmu, pcmu];

export type Request =
  /** @param ports where the peers of a group hear */
  | { readonly do: 'add'; readonly ports: readonly number[] }
  /** Begins the recording of the whole time. */
  | { readonly do: 'record' }
  | { readonly do: 'sample' }
  | { readonly do: 'end' };

export interface Sample {
  readonly heapMb: number;
  readonly rssMb: number;
  readonly handles: number;
  readonly cpuMs: number;
  readonly legs: number;
}

export interface End {
  /** What was left, and what failed. */
  readonly wrong: readonly string[];
  /** Recordings that became files. */
  readonly files: number;
  readonly sides: RecordedSides;
}

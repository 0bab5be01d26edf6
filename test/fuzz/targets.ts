/** What `npm run fuzz` can do instead of SIP, each by the flag of its name. */
import { fuzzAudio } from './audio.ts';
import { fuzzBinrpc } from './binrpc.ts';
import type { FuzzOptions } from './fuzz.ts';
import { fuzzJsonRpc } from './json-rpc.ts';
import { fuzzMedia } from './media.ts';

export type FuzzTarget = (seed: number, options: FuzzOptions) => Promise<unknown>;

export const targets: Readonly<Record<string, FuzzTarget>> = {
  /** RTP and RTCP to the sockets of a call. */
  rtp: fuzzMedia,
  /** Ogg-Opus, MP3 and WAV files. */
  audio: fuzzAudio,
  /** Packets for the control server. */
  binrpc: fuzzBinrpc,
  /** Bodies of JSON-RPC. */
  'json-rpc': fuzzJsonRpc,
};

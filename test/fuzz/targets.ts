/** What `npm run fuzz` can do instead of SIP, each by the flag of its name. */
import { fuzzAudio } from './audio.ts';
import { fuzzBinrpc } from './binrpc.ts';
import { fuzzConsole } from './console.ts';
import { fuzzDtls } from './dtls.ts';
import type { FuzzOptions } from './fuzz.ts';
import { fuzzIce } from './ice.ts';
import { fuzzJournal } from './journal.ts';
import { fuzzJsonRpc } from './json-rpc.ts';
import { fuzzMedia, mediaTargets } from './media.ts';
import { fuzzWav } from './wav.ts';

export type FuzzTarget = (seed: number, options: FuzzOptions) => Promise<unknown>;

export const targets: Readonly<Record<string, FuzzTarget>> = {
  /** What comes to the sockets of a call: RTP, RTCP, both under SRTP, STUN and its like. */
  ...Object.fromEntries(
    mediaTargets.map((name): [string, FuzzTarget] => [name, (seed, options) => fuzzMedia(name, seed, options)]),
  ),
  /** What pages send: messages of the console's stream, and headers and queries of HTTP. */
  console: fuzzConsole,
  /** STUN between two ICE agents, by somebody who has not their passwords. */
  ice: fuzzIce,
  /** Handshakes of DTLS. */
  dtls: fuzzDtls,
  wav: fuzzWav,
  /** Ogg-Opus, MP3 and WAV files. */
  audio: fuzzAudio,
  /** Packets for the control server. */
  binrpc: fuzzBinrpc,
  /** Bodies of JSON-RPC. */
  'json-rpc': fuzzJsonRpc,
  /** Logs of calls that a process left behind. */
  journal: fuzzJournal,
};

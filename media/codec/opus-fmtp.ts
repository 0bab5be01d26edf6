/** What a peer says of the Opus it wants (RFC 7587 §6.1) as settings of our encoder. */
import { fmtpParameters } from '../sdp/codecs.ts';

export interface OpusSettings {
  /** The most it may be, bit/s. */
  readonly bitrate: number;
  /** Nothing is sent in silence. */
  readonly dtx: boolean;
  /** Packets may also hold the one before, coarsely: worth its bits where packets are lost. */
  readonly fec: boolean;
  /** Hz of audio that the peer can play; what is above is not encoded. */
  readonly playbackRate: number;
}

/** RFC 7587 §3.1.1 has 28 to 40 kbit/s for full-band speech; narrow-band speech is transparent then. */
const speechBitrate = 32_000;
/** RFC 7587 §6.1, maxaveragebitrate. */
const leastBitrate = 6000;

/**
 * Stereo and `sprop-…` change nothing here: what we send is mono, what comes is decoded as its packets say. `cbr` is
 * kept by prompts, and a call that is transcoded takes the freedom that its absence gives.
 */
export function opusSettings(fmtp: string | undefined): OpusSettings {
  const given = fmtpParameters(fmtp);
  const bitrate = number(given.get('maxaveragebitrate')) ?? speechBitrate;
  return {
    bitrate: Math.min(speechBitrate, Math.max(leastBitrate, bitrate)),
    dtx: given.get('usedtx') === '1',
    fec: given.get('useinbandfec') === '1',
    playbackRate: number(given.get('maxplaybackrate')) ?? 48_000,
  };
}

function number(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

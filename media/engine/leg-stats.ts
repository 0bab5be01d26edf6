/** What `MediaLeg.stats` tells, out of the state of a leg. */
import type { LegStats } from '../handle/types.ts';
import { encodingOf } from '../protocol.ts';
import { mos } from '../rtp/quality.ts';
import type { RtcpState } from '../rtp/rtcp-session.ts';
import type { RtpSender } from '../rtp/sender.ts';
import type { NegotiatedAudio } from '../sdp/types.ts';
import type { Incoming } from './incoming.ts';
import type { LegSecurity } from './leg-security.ts';

/** ms that a jitter buffer we know nothing of is taken to keep audio: twice the jitter, and this at least. */
const usualDelayMs = 40;

export function legStats(
  audio: NegotiatedAudio | undefined,
  { receiver, latch, playout }: Incoming,
  sender: RtpSender,
  rtcp: RtcpState,
  security: LegSecurity,
  level: LegStats['level'],
  ice: LegStats['ice'],
): LegStats {
  const { packets, octets, outOfOrder, duplicates, invalid, ssrc, gaps } = receiver.state;
  const { roundTripMs, remoteLost, remoteJitterMs, remoteExpected } = rtcp;
  const rate = audio?.codec.clockRate ?? 8000;
  const codec = audio && encodingOf(audio.codec);
  const jitterMs = (receiver.jitter * 1000) / rate;
  const jitterBuffer = playout?.stats;
  const quality = (lost: number, expected: number, burst: number, bufferMs: number): number | undefined => {
    if (!audio || codec === undefined || expected <= 0) return undefined;
    const delayMs = (roundTripMs ?? 0) / 2 + audio.ptime + bufferMs;
    return mos({ encoding: codec, loss: lost / expected, burst, delayMs });
  };
  return {
    codec,
    level,
    latched: latch.latched && latch.source ? { ...latch.source } : undefined,
    received: {
      packets,
      octets,
      lost: receiver.lost,
      jitterMs,
      outOfOrder,
      duplicates,
      invalid,
      ssrc,
      mos: quality(
        receiver.lost + (jitterBuffer?.late ?? 0),
        receiver.expected,
        receiver.lost / Math.max(1, gaps),
        jitterBuffer?.delayMs ?? Math.max(usualDelayMs, 2 * jitterMs),
      ),
      jitterBuffer,
    },
    sent: {
      packets: sender.state.packets,
      octets: sender.state.octets,
      ssrc: sender.state.ssrc,
      sequence: sender.state.sequence,
      timestamp: sender.state.timestamp,
      skippedTicks: sender.state.skippedTicks,
      mos: quality(remoteLost ?? 0, remoteExpected ?? 0, 1, Math.max(usualDelayMs, 2 * (remoteJitterMs ?? 0))),
    },
    rtcp: {
      roundTripMs,
      remoteLost,
      remoteJitterMs,
      cname: rtcp.remoteCname,
      voipMetrics: rtcp.voipMetrics,
      sent: rtcp.sent,
      received: rtcp.received,
    },
    srtp: security.stats,
    ice,
  };
}

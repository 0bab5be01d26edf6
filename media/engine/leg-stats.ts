/** What `MediaLeg.stats` tells, out of the state of a leg. */
import type { LegStats } from '../handle/types.ts';
import { encodingOf } from '../protocol.ts';
import type { RtcpState } from '../rtp/rtcp-session.ts';
import type { RtpSender } from '../rtp/sender.ts';
import type { NegotiatedAudio } from '../sdp/types.ts';
import type { Incoming } from './incoming.ts';
import type { LegSecurity } from './leg-security.ts';

export function legStats(
  audio: NegotiatedAudio | undefined,
  { receiver, latch }: Incoming,
  sender: RtpSender,
  rtcp: RtcpState,
  security: LegSecurity,
): LegStats {
  const { packets, octets, outOfOrder, duplicates, invalid, ssrc } = receiver.state;
  const { roundTripMs, remoteLost, remoteJitterMs } = rtcp;
  const rate = audio?.codec.clockRate ?? 8000;
  return {
    codec: audio && encodingOf(audio.codec),
    latched: latch.latched && latch.source ? { ...latch.source } : undefined,
    received: {
      packets,
      octets,
      lost: receiver.lost,
      jitterMs: (receiver.jitter * 1000) / rate,
      outOfOrder,
      duplicates,
      invalid,
      ssrc,
    },
    sent: {
      packets: sender.state.packets,
      octets: sender.state.octets,
      ssrc: sender.state.ssrc,
      sequence: sender.state.sequence,
      timestamp: sender.state.timestamp,
      skippedTicks: sender.state.skippedTicks,
    },
    rtcp: { roundTripMs, remoteLost, remoteJitterMs, sent: rtcp.sent, received: rtcp.received },
    srtp: security.stats,
  };
}

/** What a leg tells in its extended reports of how it hears the peer (RFC 3611 §4.7). */
import type { JitterBufferOptions } from '../jitter/delay-estimate.ts';
import { encodingOf } from '../protocol.ts';
import { burstMetrics } from '../rtp/bursts.ts';
import { mos, rating } from '../rtp/quality.ts';
import type { RtcpState, XrOptions } from '../rtp/rtcp-session.ts';
import type { NegotiatedAudio } from '../sdp/types.ts';
import type { Incoming } from './incoming.ts';

/** Undefined where none were agreed. From now on bursts are counted for them. */
export function xrReports(
  audio: NegotiatedAudio,
  incoming: Incoming,
  rtcp: RtcpState,
  jitterBuffer: JitterBufferOptions,
): (() => XrOptions) | undefined {
  const { rtcpXr } = audio;
  if (!rtcpXr) return undefined;
  const { voipMetrics, receiverRtt } = rtcpXr;
  if (voipMetrics) incoming.receiver.countBursts();
  return () => ({ metrics: voipMetrics ? metricsOf(audio, incoming, rtcp, jitterBuffer) : undefined, receiverRtt });
}

function metricsOf(
  audio: NegotiatedAudio,
  { receiver, playout }: Incoming,
  rtcp: RtcpState,
  jitterBuffer: JitterBufferOptions,
): XrOptions['metrics'] {
  const { bursts, gaps } = receiver.state;
  if (!bursts || receiver.expected === 0) return undefined;
  const { delayMs = 0, targetMs = 0, late = 0 } = playout?.stats ?? {};
  const heard = playout !== undefined;
  const lossRate = receiver.lost / receiver.expected;
  const discardRate = Math.min(1, late / receiver.expected);
  const roundTripMs = rtcp.roundTripMs ?? 0;
  const endSystemDelayMs = audio.ptime + delayMs;
  const impairments = {
    encoding: encodingOf(audio.codec),
    loss: lossRate + discardRate,
    burst: receiver.lost / Math.max(1, gaps),
    delayMs: roundTripMs / 2 + endSystemDelayMs,
  };
  return {
    lossRate,
    discardRate,
    ...burstMetrics(bursts, audio.ptime),
    roundTripMs,
    endSystemDelayMs,
    signalLevel: undefined,
    noiseLevel: undefined,
    echoReturnLoss: undefined,
    rFactor: rating(impairments),
    mosLq: mos({ ...impairments, delayMs: 0 }),
    mosCq: mos(impairments),
    // A bridge that forwards keeps nothing.
    jitterBufferMs: targetMs,
    jitterBufferMaxMs: heard ? jitterBuffer.max : 0,
    adaptive: jitterBuffer.mode === 'adaptive',
  };
}

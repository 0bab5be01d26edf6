/** RTCP of one leg without sockets or timers: what to report, and what the peer's reports say. */

import type { RtpReceiver } from './receiver.ts';
import type { CompoundOptions, ReceivedRtcp } from './rtcp.ts';
import type { RtpSender } from './sender.ts';
import { addTimestamp, type Ssrc } from './sequence.ts';
import type { ReceivedXr, VoipMetrics, XrBlocks } from './xr.ts';

/** Seconds from 1900 to 1970. */
const ntpEpoch = 2_208_988_800;

/** Plain data: part of a leg's snapshot. */
export interface RtcpState {
  readonly cname: string;
  sent: number;
  received: number;
  /** Packets sent at the time of the last report. */
  sentBefore: number;
  /** Middle 32 bits of the NTP time of the peer's last sender report. */
  lastSenderReport: number;
  /** ms on the engine's clock when it came. */
  lastSenderReportAt: number;
  roundTripMs: number | undefined;
  remoteLost: number | undefined;
  remoteJitterMs: number | undefined;
  /** Packets of ours that the peer had been sent when it reported `remoteLost`. */
  remoteExpected: number | undefined;
  /** CNAME of the peer (RFC 3550 §6.5.1). */
  remoteCname: string | undefined;
  /** Middle 32 bits of the peer's last reference time (RFC 3611 §4.4), and ms on the engine's clock when it came. */
  reference: number;
  referenceAt: number;
  /** How the peer hears us, by its extended reports. */
  voipMetrics: VoipMetrics | undefined;
}

/** What extended reports we send (RFC 3611). */
export interface XrOptions {
  /** How we hear the peer. */
  readonly metrics: Omit<NonNullable<XrBlocks['metrics']>, 'ssrc'> | undefined;
  /** References to time, and answers to those of the peer. */
  readonly receiverRtt: boolean;
}

export function createRtcpState(cname: string): RtcpState {
  return {
    cname,
    sent: 0,
    received: 0,
    sentBefore: 0,
    lastSenderReport: 0,
    lastSenderReportAt: 0,
    roundTripMs: undefined,
    remoteLost: undefined,
    remoteJitterMs: undefined,
    remoteExpected: undefined,
    remoteCname: undefined,
    reference: 0,
    referenceAt: 0,
    voipMetrics: undefined,
  };
}

/**
 * The next compound: a sender report if packets went out since the one before last, else a receiver report.
 * @param now ms on the engine's clock; @param unixMs the same moment; @param rate the RTP clock
 */
export function nextReport(
  state: RtcpState,
  sender: RtpSender,
  receiver: RtpReceiver,
  now: number,
  unixMs: number,
  rate: number,
  bye: boolean,
  xr?: XrOptions,
): CompoundOptions {
  const { timestamp, at, ssrc } = sender.state;
  const packets = sender.state.packets - sender.state.packetsBefore;
  const octets = sender.state.octets - sender.state.octetsBefore;
  const active = packets > 0 && (packets !== state.sentBefore || bye);
  state.sentBefore = packets;
  state.sent++;
  const block = receiver.report();
  const remote = receiver.state.ssrc;
  const delay = delaySince(state.lastSenderReportAt, now);
  return {
    ssrc,
    cname: state.cname,
    bye,
    ...(xr && !bye ? { xr: extended(state, xr, remote, active, now, unixMs) } : {}),
    ...(active
      ? {
          sender: {
            ntp: ntpTime(unixMs),
            timestamp: Number.isNaN(at) ? timestamp : addTimestamp(timestamp, Math.round(((now - at) * rate) / 1000)),
            packets,
            octets,
          },
        }
      : {}),
    ...(block && remote !== undefined
      ? {
          report: {
            ...block,
            ssrc: remote,
            lastSenderReport: state.lastSenderReport,
            delay: state.lastSenderReport === 0 ? 0 : delay,
          },
        }
      : {}),
  };
}

/** A sender report holds a reference already: only who sends none adds one of its own (RFC 3611 §4.4). */
function extended(
  state: RtcpState,
  { metrics, receiverRtt }: XrOptions,
  remote: Ssrc | undefined,
  active: boolean,
  now: number,
  unixMs: number,
): XrBlocks {
  const answers = receiverRtt && state.reference !== 0 && remote !== undefined;
  return {
    reference: receiverRtt && !active ? ntpTime(unixMs) : undefined,
    since: answers
      ? { ssrc: remote, reference: state.reference, delay: delaySince(state.referenceAt, now) }
      : undefined,
    metrics: metrics && remote !== undefined ? { ...metrics, ssrc: remote } : undefined,
  };
}

/** In 1/65536 s. */
function delaySince(at: number, now: number): number {
  return Math.min(0xffffffff, Math.max(0, Math.round(((now - at) * 65536) / 1000)));
}

/** Takes in what the peer reported. */
export function takeReport(
  state: RtcpState,
  received: ReceivedRtcp,
  sender: RtpSender,
  now: number,
  unixMs: number,
  rate: number,
): void {
  state.received++;
  state.remoteCname = received.cname ?? state.remoteCname;
  if (received.ntp !== undefined) {
    state.lastSenderReport = received.ntp;
    state.lastSenderReportAt = now;
  }
  for (const report of received.reports) {
    if (report.ssrc !== sender.state.ssrc) continue;
    state.remoteLost = report.lost;
    state.remoteExpected = sender.state.packets - sender.state.packetsBefore;
    state.remoteJitterMs = (report.jitter * 1000) / rate;
    takeRoundTrip(state, report.lastSenderReport, report.delay, unixMs);
  }
  if (received.xr) takeExtended(state, received.xr, sender.state.ssrc, now, unixMs);
}

function takeExtended(state: RtcpState, xr: ReceivedXr, own: Ssrc, now: number, unixMs: number): void {
  if (xr.reference !== undefined) {
    state.reference = xr.reference;
    state.referenceAt = now;
  }
  for (const { ssrc, reference, delay } of xr.since) if (ssrc === own) takeRoundTrip(state, reference, delay, unixMs);
  for (const { ssrc, metrics } of xr.metrics) if (ssrc === own) state.voipMetrics = metrics;
}

/** RFC 3550 §6.4.1: A − LSR − DLSR, in 1/65536 s. */
function takeRoundTrip(state: RtcpState, reference: number, delay: number, unixMs: number): void {
  if (reference === 0) return;
  const middle = Number((ntpTime(unixMs) >> 16n) & 0xffffffffn);
  const trip = (middle - reference - delay) | 0;
  if (trip >= 0) state.roundTripMs = (trip * 1000) / 65536;
}

function ntpTime(unixMs: number): bigint {
  const seconds = Math.floor(unixMs / 1000);
  const fraction = Math.floor(((unixMs - seconds * 1000) / 1000) * 4294967296);
  return (BigInt(seconds + ntpEpoch) << 32n) | BigInt(fraction);
}

/**
 * RTCP (RFC 3550 §6): the only file that knows werift-rtp. That reads and writes the bodies of SR, RR
 * and SDES; it throws on short input and knows neither BYE nor extended reports (`xr.ts`), so the walk over a
 * compound, every length check and BYE are here.
 */
import {
  RtcpReceiverInfo,
  RtcpRrPacket,
  RtcpSenderInfo,
  RtcpSourceDescriptionPacket,
  RtcpSrPacket,
  SourceDescriptionChunk,
  SourceDescriptionItem,
} from 'werift-rtp';
import { readUint32, writeUint32 } from './packet.ts';
import type { ReportBlock } from './receiver.ts';
import type { RtpTimestamp, Ssrc } from './sequence.ts';
import { extendedReport, type ReceivedXr, readXr, writeXr, type XrBlocks } from './xr.ts';

const senderReport = 200;
const receiverReport = 201;
const sourceDescription = 202;
const goodbye = 203;
/** RFC 3550 §12.2. */
const cnameItem = 1;

export interface ReceivedReport {
  /** Whom it is about. */
  readonly ssrc: Ssrc;
  /** Since the report before, in 1/256. */
  readonly fractionLost: number;
  readonly lost: number;
  /** In timestamp units. */
  readonly jitter: number;
  /** Middle 32 bits of the NTP time of the last sender report they had; 0 if none. */
  readonly lastSenderReport: number;
  /** 1/65536 s between having it and sending this. */
  readonly delay: number;
}

/** What a compound said, as far as a leg wants to know it. */
export interface ReceivedRtcp {
  readonly ssrc: Ssrc;
  /** Middle 32 bits of the NTP time of a sender report; undefined for a receiver report. */
  readonly ntp: number | undefined;
  readonly reports: readonly ReceivedReport[];
  readonly cname: string | undefined;
  readonly xr: ReceivedXr | undefined;
  readonly bye: boolean;
}

export interface CompoundOptions {
  readonly ssrc: Ssrc;
  readonly cname: string;
  /** For a sender report; undefined makes a receiver report. */
  readonly sender?: {
    /** NTP time, 32.32 bits. */
    readonly ntp: bigint;
    readonly timestamp: RtpTimestamp;
    readonly packets: number;
    readonly octets: number;
  };
  readonly report?: ReportBlock & {
    readonly ssrc: Ssrc;
    readonly lastSenderReport: number;
    readonly delay: number;
  };
  readonly xr?: XrBlocks;
  readonly bye?: boolean;
}

/** SR or RR, SDES with the CNAME, extended reports, and a BYE if asked for. */
export function writeRtcp({ ssrc, cname, sender, report, xr, bye }: CompoundOptions): Uint8Array {
  const reports = report
    ? [
        new RtcpReceiverInfo({
          ssrc: report.ssrc,
          fractionLost: report.fractionLost,
          packetsLost: report.lost,
          highestSequence: report.highest,
          jitter: report.jitter,
          lsr: report.lastSenderReport,
          dlsr: report.delay,
        }),
      ]
    : [];
  const first = sender
    ? new RtcpSrPacket({
        ssrc,
        senderInfo: new RtcpSenderInfo({
          ntpTimestamp: sender.ntp,
          rtpTimestamp: sender.timestamp,
          packetCount: sender.packets >>> 0,
          octetCount: sender.octets >>> 0,
        }),
        reports,
      })
    : new RtcpRrPacket({ ssrc, reports });
  const description = new RtcpSourceDescriptionPacket({
    chunks: [
      new SourceDescriptionChunk({
        source: ssrc,
        // The list of items ends with a null octet (§6.5); werift pads, but writes none of its own.
        items: [
          new SourceDescriptionItem({ type: cnameItem, text: cname }),
          new SourceDescriptionItem({ type: 0, text: '' }),
        ],
      }),
    ],
  });
  const extended = xr && writeXr(ssrc, xr);
  return Buffer.concat([
    first.serialize(),
    description.serialize(),
    ...(extended ? [extended] : []),
    ...(bye ? [writeBye(ssrc)] : []),
  ]);
}

function writeBye(ssrc: Ssrc): Uint8Array {
  const bytes = new Uint8Array(8);
  bytes[0] = 0x81;
  bytes[1] = goodbye;
  bytes[3] = 1;
  writeUint32(bytes, 4, ssrc);
  return bytes;
}

/** RFC 3550 §A.2: a compound begins with SR or RR without padding, every part is of version 2, and the lengths add up. */
export function readRtcp(bytes: Uint8Array): ReceivedRtcp | undefined {
  if (bytes.length < 8 || (bytes[0]! & 0x20) !== 0 || (bytes[1] !== senderReport && bytes[1] !== receiverReport))
    return undefined;
  let ntp: number | undefined;
  let cname: string | undefined;
  let bye = false;
  let xr: ReceivedXr | undefined;
  const ssrc = readUint32(bytes, 4);
  const reports: ReceivedReport[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (at + 4 > bytes.length || bytes[at]! >> 6 !== 2) return undefined;
    const end = at + 4 + 4 * ((bytes[at + 2]! << 8) | bytes[at + 3]!);
    if (end > bytes.length) return undefined;
    const count = bytes[at]! & 0x1f;
    const body = Buffer.from(bytes.buffer, bytes.byteOffset + at + 4, end - at - 4);
    switch (bytes[at + 1]) {
      case senderReport: {
        if (body.length < 24 + 24 * count) return undefined;
        const { senderInfo, reports: blocks } = RtcpSrPacket.deSerialize(body, count);
        ntp = Number((BigInt(senderInfo.ntpTimestamp) >> 16n) & 0xffffffffn);
        reports.push(...blocks.map(fromBlock));
        break;
      }
      case receiverReport: {
        if (body.length < 4 + 24 * count) return undefined;
        reports.push(...RtcpRrPacket.deSerialize(body, count).reports.map(fromBlock));
        break;
      }
      case sourceDescription:
        cname ??= readCname(body, count);
        break;
      case goodbye:
        bye = true;
        break;
      case extendedReport:
        if (body.length >= 4 && readUint32(body, 0) === ssrc) xr ??= readXr(body.subarray(4));
        break;
      default: // APP, feedback: of no use here
    }
    at = end;
  }
  return { ssrc, ntp, reports, cname, xr, bye };
}

function fromBlock(block: RtcpReceiverInfo): ReceivedReport {
  return {
    ssrc: block.ssrc,
    fractionLost: block.fractionLost,
    lost: (block.packetsLost << 8) >> 8, // 24 bits, signed
    jitter: block.jitter,
    lastSenderReport: block.lsr,
    delay: block.dlsr,
  };
}

/** werift's reader runs past the end of a chunk that has none, and throws. */
function readCname(body: Buffer, count: number): string | undefined {
  if (count === 0) return undefined;
  try {
    const [chunk] = RtcpSourceDescriptionPacket.deSerialize(body, { count, length: body.length } as never).chunks;
    return chunk?.items.find((item) => item.type === cnameItem)?.text;
  } catch {
    return undefined;
  }
}

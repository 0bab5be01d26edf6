/** The keys in what was heard (RFC 4733): one for each timestamp of its packets. */
import type { RtpPacket } from '../../helpers/raw-phone.ts';

export function digitsOf(packets: readonly RtpPacket[], payloadType = 101): string {
  const events = packets.filter((packet) => packet.payloadType === payloadType);
  const keys = new Map(events.map(({ timestamp, payload }) => [timestamp, payload[0] ?? 0]));
  return [...keys.values()].map((event) => '0123456789*#ABCD'[event] ?? '?').join('');
}

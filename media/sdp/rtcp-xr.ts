/** Which extended RTCP reports a side wants to have (RFC 3611 §5): `a=rtcp-xr:rcvr-rtt=all voip-metrics`. */
import type { RtcpXr, SdpAttribute } from './types.ts';

const name = 'rtcp-xr';

export function rtcpXrAttribute({ voipMetrics, receiverRtt }: RtcpXr): SdpAttribute {
  return {
    name,
    value: [...(receiverRtt ? ['rcvr-rtt=all'] : []), ...(voipMetrics ? ['voip-metrics'] : [])].join(' '),
  };
}

/**
 * What we know of what is asked for: of the stream, else of the session (§5.1). Undefined when there is nothing.
 * Receivers that are not to send answers (`rcvr-rtt=sender`) are none that we could be.
 */
export function rtcpXrOf(media: readonly SdpAttribute[], session: readonly SdpAttribute[]): RtcpXr | undefined {
  const value = [...media, ...session].find((attribute) => attribute.name === name)?.value;
  const formats = new Set(value?.trim().toLowerCase().split(/\s+/, 32));
  const receiverRtt = [...formats].some((format) => /^rcvr-rtt=all(:\d+)?$/.test(format));
  const voipMetrics = formats.has('voip-metrics');
  return receiverRtt || voipMetrics ? { voipMetrics, receiverRtt } : undefined;
}

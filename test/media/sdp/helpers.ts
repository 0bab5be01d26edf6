import { codecsFor } from '../../../media/sdp/codecs.ts';
import { parseSdp } from '../../../media/sdp/parse.ts';
import type { Codec, SdpMedia, SdpSession } from '../../../media/sdp/types.ts';

export function sdp(...lines: string[]): string {
  return lines.map((line) => `${line}\r\n`).join('');
}

export function parsed(text: string | Uint8Array): SdpSession {
  const result = parseSdp(text);
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

/** An offer from 192.0.2.1 with these lines after t=. */
export function offerOf(...lines: string[]): SdpSession {
  return parsed(sdp('v=0', 'o=- 7 1 IN IP4 192.0.2.1', 's=-', 'c=IN IP4 192.0.2.1', 't=0 0', ...lines));
}

export function codecs(...names: string[]): Codec[] {
  const result = codecsFor(names);
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

export function values(media: SdpMedia | undefined, name: string): (string | undefined)[] {
  return (media?.attributes ?? []).filter((attribute) => attribute.name === name).map((attribute) => attribute.value);
}

export const local = { address: '127.0.0.1', port: 20_000 };
export const origin = { sessionId: '42', version: 1 };

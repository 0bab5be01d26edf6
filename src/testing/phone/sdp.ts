/** SDP as a lab phone writes and reads it: one audio stream. */

export type PhoneDirection = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

export interface PhonePayload {
  readonly payloadType: number;
  /** `PCMU`, `telephone-event`. */
  readonly name: string;
  readonly rate: number;
}

export interface PhoneSdp {
  readonly address: string;
  readonly port: number;
  readonly payloads: readonly PhonePayload[];
  readonly direction: PhoneDirection;
}

/** Payload types of RFC 3551. */
const known: readonly PhonePayload[] = [
  { payloadType: 0, name: 'PCMU', rate: 8000 },
  { payloadType: 8, name: 'PCMA', rate: 8000 },
];

/** What a phone can be told to speak, by name: `PCMU`, `PCMA`, `L16`, `L16/16000`, `telephone-event`. */
export function payloadsFor(names: readonly string[]): PhonePayload[] {
  let dynamic = 101;
  return names.map((full) => {
    const [name = full, rate = '8000'] = full.split('/');
    const fixed = known.find((one) => one.name === name.toUpperCase() && one.rate === Number(rate));
    return fixed ?? { payloadType: dynamic++, name, rate: Number(rate) };
  });
}

export function writeSdp({ address, port, payloads, direction }: PhoneSdp, version: number): string {
  const family = address.includes(':') ? 'IP6' : 'IP4';
  return [
    'v=0',
    `o=phone 1 ${version} IN ${family} ${address}`,
    's=-',
    `c=IN ${family} ${address}`,
    't=0 0',
    `m=audio ${port} RTP/AVP ${payloads.map(({ payloadType }) => payloadType).join(' ')}`,
    ...payloads.map(({ payloadType, name, rate }) => `a=rtpmap:${payloadType} ${name}/${rate}`),
    ...payloads.filter(({ name }) => name === 'telephone-event').map((one) => `a=fmtp:${one.payloadType} 0-16`),
    'a=ptime:20',
    `a=${direction}`,
    '',
  ].join('\r\n');
}

/** @returns undefined for what has no audio */
export function readSdp(text: string): PhoneSdp | undefined {
  const media = /^m=audio (\d+) \S+ ([\d ]+)/m.exec(text);
  if (!media) return undefined;
  const audio = text.slice(media.index);
  const session = text.slice(0, media.index);
  const address = (/^c=IN IP[46] (\S+)/m.exec(audio) ?? /^c=IN IP[46] (\S+)/m.exec(session))?.[1] ?? '';
  const direction = (/^a=(sendrecv|sendonly|recvonly|inactive)\s*$/m.exec(audio) ??
    /^a=(sendrecv|sendonly|recvonly|inactive)\s*$/m.exec(session))?.[1] as PhoneDirection | undefined;
  const payloads = (media[2] ?? '')
    .trim()
    .split(/\s+/)
    .map(Number)
    .flatMap((payloadType): PhonePayload[] => {
      const map = new RegExp(`^a=rtpmap:${payloadType} ([^/\\s]+)/(\\d+)`, 'm').exec(audio);
      if (map) return [{ payloadType, name: map[1] as string, rate: Number(map[2]) }];
      return known.filter((one) => one.payloadType === payloadType);
    });
  return { address, port: Number(media[1]), payloads, direction: direction ?? 'sendrecv' };
}

/** Of an offer what we speak too, in the order of the offer and with its payload types (RFC 3264 §6.1). */
export function commonPayloads(offered: readonly PhonePayload[], ours: readonly PhonePayload[]): PhonePayload[] {
  const spoken = (one: PhonePayload): boolean =>
    ours.some(({ name, rate }) => name.toLowerCase() === one.name.toLowerCase() && rate === one.rate);
  const common = offered.filter(spoken);
  const audio = common.find(({ name }) => name !== 'telephone-event');
  return common.filter((one) => one === audio || one.name === 'telephone-event');
}

/** Our answer to a direction of the peer, if we want `wanted`. */
export function answerDirection(offered: PhoneDirection, wanted: PhoneDirection): PhoneDirection {
  const sends = offered !== 'sendonly' && offered !== 'inactive' && wanted !== 'recvonly' && wanted !== 'inactive';
  const receives = offered !== 'recvonly' && offered !== 'inactive' && wanted !== 'sendonly' && wanted !== 'inactive';
  if (sends && receives) return 'sendrecv';
  if (sends) return 'sendonly';
  return receives ? 'recvonly' : 'inactive';
}

/** SDP as a lab phone writes and reads it: one audio stream. */

export type PhoneDirection = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

export interface PhonePayload {
  readonly payloadType: number;
  /** `PCMU`, `telephone-event`. */
  readonly name: string;
  readonly rate: number;
  /** Default 1. */
  readonly channels?: number;
}

export interface PhoneSdp {
  readonly address: string;
  /** 0: no audio. */
  readonly port: number;
  readonly payloads: readonly PhonePayload[];
  readonly direction: PhoneDirection;
}

/** Payload types of RFC 3551. */
const known: readonly PhonePayload[] = [
  { payloadType: 0, name: 'PCMU', rate: 8000 },
  { payloadType: 8, name: 'PCMA', rate: 8000 },
  { payloadType: 9, name: 'G722', rate: 8000 },
];
const firstDynamic = 101;

/** What a phone can be told to speak, by name: `PCMU`, `G722`, `L16/16000`, `opus/48000/2`, `telephone-event`. */
export function payloadsFor(names: readonly string[]): PhonePayload[] {
  let dynamic = firstDynamic;
  return names.map((full) => {
    const [name = full, rate = '8000', channels] = full.split('/');
    const fixed = known.find((one) => one.name === name.toUpperCase() && one.rate === Number(rate));
    return fixed ?? { payloadType: dynamic++, name, rate: Number(rate), ...channelsOf(channels) };
  });
}

function channelsOf(text = '1'): Pick<PhonePayload, 'channels'> {
  return text === '1' ? {} : { channels: Number(text) };
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
    ...payloads.map(
      ({ payloadType, name, rate, channels }) =>
        `a=rtpmap:${payloadType} ${name}/${rate}${channels === undefined ? '' : `/${channels}`}`,
    ),
    ...payloads.filter(isEvent).map((one) => `a=fmtp:${one.payloadType} 0-16`),
    'a=ptime:20',
    `a=${direction}`,
    '',
  ].join('\r\n');
}

/** @returns undefined for what has no audio */
export function readSdp(text: string): PhoneSdp | undefined {
  const media = /^m=audio (\d+) \S+ ([\d ]+)/m.exec(text);
  if (!media) return undefined;
  const session = text.slice(0, media.index);
  const [audio = ''] = text.slice(media.index).split(/^(?=m=)/m);
  const address = (/^c=IN IP[46] (\S+)/m.exec(audio) ?? /^c=IN IP[46] (\S+)/m.exec(session))?.[1] ?? '';
  const direction = (/^a=(sendrecv|sendonly|recvonly|inactive)\s*$/m.exec(audio) ??
    /^a=(sendrecv|sendonly|recvonly|inactive)\s*$/m.exec(session))?.[1] as PhoneDirection | undefined;
  const payloads = (media[2] ?? '')
    .trim()
    .split(/\s+/)
    .map(Number)
    .flatMap((payloadType): PhonePayload[] => {
      const map = new RegExp(`^a=rtpmap:${payloadType} ([^/\\s]+)/(\\d+)(?:/(\\d+))?`, 'm').exec(audio);
      if (map) return [{ payloadType, name: map[1] as string, rate: Number(map[2]), ...channelsOf(map[3]) }];
      return known.filter((one) => one.payloadType === payloadType);
    });
  return { address, port: Number(media[1]), payloads, direction: direction ?? 'sendrecv' };
}

/** A stream as it is spoken: one codec, and the telephone-events of its clock if there are any (RFC 4733 §2.1). */
export interface SpokenPayloads {
  readonly audio: PhonePayload;
  readonly events: PhonePayload | undefined;
}

/**
 * Of an offer or answer what we speak too: the first codec of its order, with its payload types (RFC 3264 §6.1).
 * @returns undefined when nothing is common
 */
export function commonPayloads(
  theirs: readonly PhonePayload[],
  ours: readonly PhonePayload[],
): SpokenPayloads | undefined {
  const common = theirs.filter((one) => ours.some((other) => isSame(one, other)));
  const audio = common.find((one) => !isEvent(one));
  return audio && { audio, events: common.find((one) => isEvent(one) && one.rate === audio.rate) };
}

/** What is to be offered, with no new meaning for a payload type that was agreed on (RFC 3264 §8.3.2). */
export function renumbered(wanted: readonly PhonePayload[], agreed: readonly PhonePayload[]): PhonePayload[] {
  const taken = [...agreed];
  return wanted.map((one) => {
    const known = taken.find((other) => isSame(one, other));
    if (known) return known;
    let { payloadType } = one;
    while (taken.some((other) => other.payloadType === payloadType))
      payloadType = Math.max(firstDynamic, payloadType + 1);
    const payload = { ...one, payloadType };
    taken.push(payload);
    return payload;
  });
}

export function isSame(a: PhonePayload, b: PhonePayload): boolean {
  return a.name.toLowerCase() === b.name.toLowerCase() && a.rate === b.rate && a.channels === b.channels;
}

export function isEvent({ name }: PhonePayload): boolean {
  return name.toLowerCase() === 'telephone-event';
}

/** Our answer to a direction of the peer, if we want `wanted` (RFC 3264 §6.1). */
export function answerDirection(offered: PhoneDirection, wanted: PhoneDirection): PhoneDirection {
  const sends = offered !== 'sendonly' && offered !== 'inactive' && wanted !== 'recvonly' && wanted !== 'inactive';
  const receives = offered !== 'recvonly' && offered !== 'inactive' && wanted !== 'sendonly' && wanted !== 'inactive';
  if (sends && receives) return 'sendrecv';
  if (sends) return 'sendonly';
  return receives ? 'recvonly' : 'inactive';
}

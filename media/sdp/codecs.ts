/** Payload formats: which ones we name, what a payload type means, and when two of them are the same. */
import { fail, ok, type Result } from '../../src/base/errors.ts';
import type { Codec, SdpMedia } from './types.ts';

export const telephoneEventName = 'telephone-event';
/** The events of RFC 4733 we send and understand: 0–9 * # A–D, and 16 (flash). */
const telephoneEventFmtp = '0-16';
const firstDynamic = 96;
const lastDynamic = 127;

/** RFC 3551 §6, audio. A payload type in here needs no `a=rtpmap`. */
const staticFormats: Readonly<Record<number, readonly [name: string, clockRate: number, channels: number]>> = {
  0: ['PCMU', 8000, 1],
  3: ['GSM', 8000, 1],
  4: ['G723', 8000, 1],
  5: ['DVI4', 8000, 1],
  6: ['DVI4', 16000, 1],
  7: ['LPC', 8000, 1],
  8: ['PCMA', 8000, 1],
  9: ['G722', 8000, 1],
  10: ['L16', 44100, 2],
  11: ['L16', 44100, 1],
  12: ['QCELP', 8000, 1],
  13: ['CN', 8000, 1],
  14: ['MPA', 90000, 1],
  15: ['G728', 8000, 1],
  16: ['DVI4', 11025, 1],
  17: ['DVI4', 22050, 1],
  18: ['G729', 8000, 1],
};

/** The names `codecsFor` takes; a rate may follow: `L16/16000`. */
export const supportedCodecs = [
  'PCMU',
  'PCMA',
  'G722',
  'L16',
  'opus',
  'G729',
  'AMR',
  'AMR-WB',
  telephoneEventName,
] as const;
const audioRates: readonly number[] = [8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000];
/** What a name may be followed by, the default first: clock rates and channels. */
const forms: Readonly<Record<string, readonly [clockRates: readonly number[], channels: readonly number[]]>> = {
  PCMU: [audioRates, [1]],
  PCMA: [audioRates, [1]],
  G722: [[8000], [1]], // RFC 3551 §4.5.2
  L16: [audioRates, [1, 2]],
  OPUS: [[48_000], [2]], // RFC 7587 §7: always so, whatever is in it
  G729: [[8000], [1]],
  AMR: [[8000], [1]],
  'AMR-WB': [[16_000], [1]],
};
/** Payloads that nothing here decodes or encodes: they can only be passed on. */
const passedThrough: readonly string[] = ['G729', 'AMR', 'AMR-WB'];
/** Ours (RFC 7587 §6.1): packets from 10 ms on are taken, and a lost frame is looked for in the next packet. */
const opusFmtp = 'minptime=10;useinbandfec=1';

/**
 * Format parameters that change the bits of a payload, with the value that counts when one is absent.
 * Formats that are not listed have none: PCMU, PCMA, L16 and telephone-event payloads do not depend on fmtp.
 */
const bitstreamParameters: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  G723: { annexa: 'yes' }, // RFC 4856 §2.1.9
  G729: { annexb: 'yes' }, // RFC 4856 §2.1.13
  ILBC: { mode: '30' }, // RFC 3952 §5
  AMR: { 'octet-align': '0', crc: '0', 'robust-sorting': '0', interleaving: '' }, // RFC 4867 §8.1
  'AMR-WB': { 'octet-align': '0', crc: '0', 'robust-sorting': '0', interleaving: '' }, // RFC 4867 §8.2
};

/** Comfort noise (RFC 3389) beside codecs of 8000 Hz; a payload type of its own everywhere. */
export const comfortNoise: Codec = { name: 'CN', payloadType: 13, clockRate: 8000, channels: 1, fmtp: undefined };

export function isComfortNoise({ name }: Pick<Codec, 'name'>): boolean {
  return name.toUpperCase() === comfortNoise.name;
}

/** True for a codec that is heard, not one that only goes along with such. */
export function isAudio(codec: Pick<Codec, 'name'>): boolean {
  return !isTelephoneEvent(codec) && !isComfortNoise(codec);
}

export function isTelephoneEvent(codec: Pick<Codec, 'name'>): boolean {
  return codec.name.toLowerCase() === telephoneEventName;
}

/**
 * True when a payload of one is a payload of the other: encoding name, clock rate, channels and
 * bitstream-changing format parameters agree. Payload type and ptime may differ.
 */
export function sameCodec(a: Codec, b: Codec): boolean {
  return encodingOf(a) === encodingOf(b);
}

/**
 * Names what the payloads of a codec are: two codecs of one name have interchangeable payloads. `PCMU/8000`,
 * `OPUS/48000/2`, and with what an fmtp changes in the bits: `AMR/8000;octet-align=1`.
 */
export function encodingOf(codec: {
  readonly name: string;
  readonly clockRate: number;
  readonly channels: number;
  readonly fmtp?: string | undefined;
}): string {
  const name = codec.name.toUpperCase();
  const encoding = `${name}/${codec.clockRate}${codec.channels === 1 ? '' : `/${codec.channels}`}`;
  const parameters = Object.hasOwn(bitstreamParameters, name) ? bitstreamParameters[name] : undefined;
  if (!parameters || codec.fmtp === undefined) return encoding;
  const given = fmtpParameters(codec.fmtp);
  const changed = Object.entries(parameters).flatMap(([key, value]) => {
    const is = given.get(key) ?? value;
    return is === value ? [] : [`;${key}=${is}`];
  });
  return encoding + changed.join('');
}

/**
 * True when a codec of a peer is what ours stands for: the same, or, where nothing here looks into the payload and
 * ours says no more, any variant of it.
 */
export function acceptsCodec(ours: Codec, theirs: Codec): boolean {
  const any = isPassedThrough(ours) && ours.fmtp === undefined;
  return sameCodec(ours, any ? { ...theirs, fmtp: undefined } : theirs);
}

/** True for a codec whose payloads are passed on unseen: nothing can be played in it, recorded or converted. */
export function isPassedThrough({ name }: Pick<Codec, 'name'>): boolean {
  return passedThrough.includes(name.toUpperCase());
}

export function isOpus({ name }: Pick<Codec, 'name'>): boolean {
  return name.toUpperCase() === 'OPUS';
}

/** The `a=fmtp` of a peer's codec in an answer of ours. Opus parameters each side says of itself (RFC 7587 §7.1). */
export function answeredFmtp(theirs: Codec): string | undefined {
  return isOpus(theirs) ? opusFmtp : theirs.fmtp;
}

/** The parameters of an `a=fmtp`, in lower case. */
export function fmtpParameters(fmtp: string | undefined): Map<string, string> {
  const map = new Map<string, string>();
  for (const part of (fmtp ?? '').split(';')) {
    const equals = part.indexOf('=');
    if (equals !== -1)
      map.set(
        part.slice(0, equals).trim().toLowerCase(),
        part
          .slice(equals + 1)
          .trim()
          .toLowerCase(),
      );
  }
  return map;
}

/**
 * The codecs of a configuration, in its order, with the payload types to offer. `telephone-event` becomes
 * one entry per clock rate in use (RFC 4733 §2.1: events run on the clock of their audio).
 */
export function codecsFor(names: readonly string[]): Result<Codec[]> {
  const audio: Codec[] = [];
  let events = false;
  for (const text of names) {
    const [word = '', rateText, channelText, ...more] = text.split('/');
    const name = supportedCodecs.find((known) => known.toLowerCase() === word.trim().toLowerCase());
    if (!name || more.length > 0) return fail(`unknown codec '${text}': use ${supportedCodecs.join(', ')}`);
    if (name === telephoneEventName) {
      events = true;
      continue;
    }
    const [rates, counts] = forms[name.toUpperCase()] ?? [[], []];
    const clockRate = rateText === undefined ? (rates[0] ?? 0) : Number(rateText);
    const channels = channelText === undefined ? (counts[0] ?? 0) : Number(channelText);
    if (!rates.includes(clockRate) || !counts.includes(channels))
      return fail(`codec '${text}' must be at ${rates.join(', ')} Hz with ${counts.join(' or ')} channel(s)`);
    const codec: Codec = {
      name: name.toUpperCase(),
      payloadType: staticType(name, clockRate, channels) ?? -1,
      clockRate,
      channels,
      fmtp: name === 'opus' ? opusFmtp : undefined,
    };
    if (audio.some((other) => sameCodec(other, codec))) return fail(`codec '${text}' is named twice`);
    audio.push(codec);
  }
  if (audio.length === 0) return fail(`no audio codec is named: use ${supportedCodecs.join(', ')}`);
  const all = [...audio];
  if (events) {
    for (const clockRate of new Set(audio.map((codec) => codec.clockRate))) {
      const payloadType = clockRate === 8000 ? 101 : -1;
      all.push({ name: telephoneEventName, payloadType, clockRate, channels: 1, fmtp: telephoneEventFmtp });
    }
  }
  return ok(assignPayloadTypes(all, []));
}

function staticType(name: string, clockRate: number, channels: number): number | undefined {
  const found = Object.entries(staticFormats).find(
    ([, format]) => format[0] === name && format[1] === clockRate && format[2] === channels,
  );
  return found && Number(found[0]);
}

/**
 * Gives every codec a payload type of its own. One that the session used before keeps it, and no other
 * codec may ever take it over (RFC 3264 §8.3.2).
 */
export function assignPayloadTypes(codecs: readonly Codec[], before: readonly Codec[]): Codec[] {
  const taken = new Set(before.map((codec) => codec.payloadType));
  const assigned = codecs.map((codec): Codec | undefined => {
    const known = before.find((other) => sameCodec(other, codec));
    if (known) return { ...codec, payloadType: known.payloadType };
    if (codec.payloadType < 0 || codec.payloadType > lastDynamic || taken.has(codec.payloadType)) return undefined;
    taken.add(codec.payloadType);
    return codec;
  });
  let next = firstDynamic;
  return codecs.flatMap((codec, index) => {
    const done = assigned[index];
    if (done) return [done];
    while (taken.has(next)) next++;
    if (next > lastDynamic) return []; // all 32 dynamic types are in use: what we like least is not offered
    taken.add(next);
    return [{ ...codec, payloadType: next }];
  });
}

/** The formats of an RTP stream that can be understood, in its order; each payload type once. */
export function mediaCodecs(media: SdpMedia): Codec[] {
  const maps = new Map<number, string>();
  const fmtps = new Map<number, string>();
  for (const { name, value } of media.attributes) {
    if (value === undefined || (name !== 'rtpmap' && name !== 'fmtp')) continue;
    const match = /^[ \t]*(\d{1,3})[ \t]+(\S.*)$/.exec(value);
    const target = name === 'rtpmap' ? maps : fmtps;
    const type = Number(match?.[1]);
    if (match?.[2] !== undefined && !target.has(type)) target.set(type, match[2].trimEnd());
  }
  const codecs = new Map<number, Codec>();
  for (const format of media.formats) {
    const payloadType = /^\d{1,3}$/.test(format) ? Number(format) : 128;
    if (payloadType > lastDynamic || codecs.has(payloadType)) continue;
    const codec = codecOf(payloadType, maps.get(payloadType), fmtps.get(payloadType));
    if (codec) codecs.set(payloadType, codec);
  }
  return [...codecs.values()];
}

function codecOf(payloadType: number, rtpmap: string | undefined, fmtp: string | undefined): Codec | undefined {
  if (rtpmap === undefined) {
    const known = staticFormats[payloadType];
    return known && { name: known[0], payloadType, clockRate: known[1], channels: known[2], fmtp };
  }
  const match = /^([^/\s]+)\/(\d{1,6})(?:\/(\d{1,3}))?$/.exec(rtpmap);
  const [clockRate, channels] = [Number(match?.[2]), Number(match?.[3] ?? 1)];
  if (match?.[1] === undefined || clockRate === 0 || channels === 0) return undefined;
  const name = isTelephoneEvent({ name: match[1] }) ? telephoneEventName : match[1].toUpperCase();
  return { name, payloadType, clockRate, channels, fmtp };
}

/** Our `a=fmtp` for the events in an answer: 16 only if the offer has it (RFC 4733 §2.4.1: default 0-15). */
export function answeredEvents(offered: string | undefined): string {
  const has16 = (offered ?? '0-15').split(',').some((range) => {
    const [low, high = low] = range.split('-').map(Number);
    return low !== undefined && high !== undefined && low <= 16 && high >= 16;
  });
  return has16 ? telephoneEventFmtp : '0-15';
}

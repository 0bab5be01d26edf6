/**
 * Keys of SRTP in SDP (RFC 4568): `a=crypto:<tag> <suite> inline:<key and salt>|<lifetime>|<MKI>:<length> …`.
 * Lines that ask for what we do not do are passed over, as §5.1.2 wants it.
 */
import { fail, ok, type Result } from '../../src/base/errors.ts';
import {
  masterBytes,
  type SrtpMasterKey,
  type SrtpParameters,
  type SrtpProfile,
  srtpProfiles,
} from '../srtp/profiles.ts';
import { dtlsProtocol, isDtls } from './dtls.ts';
import type { SdpAttribute, SdpMedia } from './types.ts';

/**
 * `optional`: with whoever can; `required`: with nobody else; `dtls`: with keys from a handshake (RFC 5764), and with
 * nobody else. Whatever it is, who offers keys by a handshake gets them so.
 */
export type SrtpMode = 'off' | 'optional' | 'required' | 'dtls';

export const srtpModes: readonly SrtpMode[] = ['off', 'optional', 'required', 'dtls'];

export interface LocalSrtp {
  readonly mode: SrtpMode;
  /** Our master key for a suite, in base64; the same one as long as the session lasts. */
  readonly keyFor: (profile: SrtpProfile) => string;
}

interface CryptoLine {
  readonly tag: string;
  /** As it was written. */
  readonly suite: string;
  readonly profile: SrtpProfile;
  readonly keys: readonly SrtpMasterKey[];
}

export const plainProtocol = 'RTP/AVP';
export const secureProtocol = 'RTP/SAVP';
/** RFC 5124: with feedback of RTCP, which nobody has to send. */
const feedbackProtocol = 'RTP/SAVPF';

/** More lines, and more keys in one, than anybody offers. */
const maxLines = 32;
const maxKeys = 8;

/**
 * What we offer, the one first that everybody has (RFC 4568 §6.2.1) and that costs least here. The suites with
 * short tags are taken, not asked for.
 */
const offered: readonly SrtpProfile[] = [
  'AES_CM_128_HMAC_SHA1_80',
  'AEAD_AES_128_GCM',
  'AES_256_CM_HMAC_SHA1_80',
  'AEAD_AES_256_GCM',
];

/** Names that were in use before RFC 6188 had others. */
const aliases: Readonly<Record<string, SrtpProfile>> = {
  AES_CM_256_HMAC_SHA1_80: 'AES_256_CM_HMAC_SHA1_80',
  AES_CM_256_HMAC_SHA1_32: 'AES_256_CM_HMAC_SHA1_32',
};

/** Over what our offer goes. @param before the stream as it was described last: what worked once works again */
export function offeredProtocol(mode: SrtpMode, before: SdpMedia | undefined): string {
  if (mode === 'off') return plainProtocol;
  if (mode === 'dtls') return before && isDtls(before) ? before.protocol : dtlsProtocol;
  if (before && namesKeys(before)) return before.protocol;
  return mode === 'required' ? secureProtocol : plainProtocol;
}

export function offeredCrypto({ mode, keyFor }: LocalSrtp): SdpAttribute[] {
  if (mode === 'off' || mode === 'dtls') return [];
  return offered.map((profile, index) => cryptoAttribute(String(index + 1), profile, keyFor(profile)));
}

export interface AnsweredCrypto {
  readonly attribute: SdpAttribute;
  readonly parameters: SrtpParameters;
}

/** The first line of the offer that we can use; undefined for plain RTP. Fails when neither will do. */
export function answerCrypto(media: SdpMedia, { mode, keyFor }: LocalSrtp): Result<AnsweredCrypto | undefined> {
  if (mode === 'off') return ok(undefined);
  if (mode === 'dtls') return fail('keys by DTLS are required here, the offer has none');
  const [line] = cryptoLines(media);
  if (!line) {
    if (isSecure(media)) return fail('the offer has no a=crypto line that can be used here');
    return mode === 'required' ? fail('SRTP is required here, the offer has none') : ok(undefined);
  }
  const { tag, suite, profile, keys } = line;
  const inline = keyFor(profile);
  return ok({
    attribute: cryptoAttribute(tag, suite, inline),
    parameters: { profile, local: { inline, mki: '', lifetime: undefined }, remote: keys },
  });
}

/** What an answer to our offer settles (RFC 4568 §5.1.3); undefined for plain RTP. */
export function acceptCrypto(own: SdpMedia, answer: SdpMedia): Result<SrtpParameters | undefined> {
  const ours = cryptoLines(own);
  if (ours.length === 0 || !namesKeys(answer)) {
    if (isSecure(own)) return fail('the answer has no a=crypto line, we offered SRTP');
    return isSecure(answer) ? fail('the answer is for SRTP and names no key') : ok(undefined);
  }
  const [line] = cryptoLines(answer);
  const chosen = line && ours.find(({ tag, profile }) => tag === line.tag && profile === line.profile);
  const local = chosen?.keys[0];
  if (!line || !local) return fail('the a=crypto line of the answer is none that we offered');
  return ok({ profile: line.profile, local, remote: line.keys });
}

export function namesKeys({ attributes }: SdpMedia): boolean {
  return attributes.some(({ name }) => name === 'crypto');
}

export function isSecure({ protocol }: SdpMedia): boolean {
  return [secureProtocol, feedbackProtocol].includes(protocol.toUpperCase());
}

function cryptoAttribute(tag: string, suite: string, inline: string): SdpAttribute {
  return { name: 'crypto', value: `${tag} ${suite} inline:${inline}` };
}

/** The lines of a stream that can be used, in its order. */
export function cryptoLines(media: SdpMedia): CryptoLine[] {
  const values = media.attributes.flatMap(({ name, value }) =>
    name === 'crypto' && value !== undefined ? [value] : [],
  );
  return values.slice(0, maxLines).flatMap((value) => cryptoLine(value) ?? []);
}

function cryptoLine(value: string): CryptoLine | undefined {
  const [tag = '', suite = '', keyText = '', ...session] = value.trim().split(/[ \t]+/);
  const profile = profileOf(suite);
  if (!/^\d{1,9}$/.test(tag) || !profile || !session.every(isHarmless)) return undefined;
  const texts = keyText.split(';', maxKeys + 1);
  if (texts.length > maxKeys) return undefined;
  const keys = texts.flatMap((text) => masterKey(text, profile) ?? []);
  // RFC 4568 §6.1: several keys are told apart by MKIs, all of one length.
  const [first] = keys;
  const identifiers = new Set(keys.map(({ mki }) => mki));
  if (!first || keys.length !== texts.length || identifiers.size !== keys.length) return undefined;
  return keys.every(({ mki }) => mki.length === first.mki.length) ? { tag, suite, profile, keys } : undefined;
}

function profileOf(suite: string): SrtpProfile | undefined {
  if (Object.hasOwn(aliases, suite)) return aliases[suite];
  return Object.hasOwn(srtpProfiles, suite) ? (suite as SrtpProfile) : undefined;
}

/**
 * Session parameters (RFC 4568 §6.3) that ask nothing of us: a hint for the window, and what may be ignored by its
 * `-`. Keys that are derived anew, packets without encryption or tag, and FEC are not to be had.
 */
function isHarmless(parameter: string): boolean {
  return parameter.startsWith('-') || /^WSH=\d{2,5}$/.test(parameter);
}

function masterKey(text: string, profile: SrtpProfile): SrtpMasterKey | undefined {
  const match = /^inline:([A-Za-z0-9+/]{1,128}={0,2})(?:\|(\d{1,15}|2\^\d{1,2}))?(?:\|(\d{1,309}):(\d{1,3}))?$/i.exec(
    text,
  );
  if (!match) return undefined;
  const [, base64 = '', life, mki, mkiLength] = match;
  const bytes = Buffer.from(base64, 'base64');
  const lifetime = life === undefined ? undefined : packets(life);
  const identifier = mki === undefined ? '' : mkiOf(mki, Number(mkiLength));
  if (bytes.length !== masterBytes(profile) || identifier === undefined) return undefined;
  if (lifetime !== undefined && (lifetime < 1 || lifetime > 2 ** 48)) return undefined;
  return { inline: bytes.toString('base64'), mki: identifier, lifetime };
}

function packets(life: string): number {
  return life.startsWith('2^') ? 2 ** Number(life.slice(2)) : Number(life);
}

/** In hexadecimal, of 1 to 128 bytes (RFC 4568 §6.1). */
function mkiOf(value: string, bytes: number): string | undefined {
  const digits = BigInt(value).toString(16);
  return bytes >= 1 && bytes <= 128 && digits.length <= 2 * bytes ? digits.padStart(2 * bytes, '0') : undefined;
}

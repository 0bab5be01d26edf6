/** User names and passwords of ICE (RFC 8445 §5.3, RFC 8839 §5.4). */
import type { Random } from '../../src/base/random.ts';
import type { IceCredentials } from './types.ts';

/** ice-char (RFC 8839 §5.4): 64 of them, so that six random bits make one. */
const iceChars = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
/** 48 bits, twice what is asked for: who does not know it gets no further than a comparison. */
const ufragChars = 8;
/** 144 bits; 128 is the least. */
const pwdChars = 24;

export function newIceCredentials(random: Random): IceCredentials {
  return { ufrag: iceText(random, ufragChars), pwd: iceText(random, pwdChars) };
}

function iceText(random: Random, length: number): string {
  let text = '';
  for (const byte of random.bytes(length)) text += iceChars[byte & 63]!;
  return text;
}

/** What a peer may say (RFC 8839 §5.4). */
export function areIceCredentials({ ufrag, pwd }: IceCredentials): boolean {
  return /^[A-Za-z0-9+/]{4,256}$/.test(ufrag) && /^[A-Za-z0-9+/]{22,256}$/.test(pwd);
}

export function sameCredentials(one: IceCredentials | undefined, other: IceCredentials | undefined): boolean {
  return one?.ufrag === other?.ufrag && one?.pwd === other?.pwd;
}

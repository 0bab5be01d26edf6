/** What a call is like, in words: its state, how it is heard, how it is protected. No DOM in here. */
import type { CallLeg, CallRow } from '../../protocol.ts';

export type Tone = 'good' | 'warn' | 'bad' | 'accent' | '';

export interface Word {
  readonly text: string;
  readonly tone: Tone;
}

/** Bands of ITU-T G.107's mean opinion score. */
export function mosWord(mos: number): Word {
  if (mos >= 4) return { text: 'good', tone: 'good' };
  if (mos >= 3.6) return { text: 'fair', tone: 'warn' };
  return { text: 'poor', tone: 'bad' };
}

/** How the leg that is heard worst is heard. */
export function worstMos(call: CallRow): number | undefined {
  let worst: number | undefined;
  for (const { mos } of call.legs) if (mos !== undefined && (worst === undefined || mos < worst)) worst = mos;
  return worst;
}

export function isHeld(call: CallRow): boolean {
  return call.legs.some(({ held }) => held);
}

export function stateWord(call: CallRow): Word {
  switch (call.state) {
    case 'unconfirmed':
      return { text: 'Setting up', tone: 'accent' };
    case 'early':
      return { text: 'Ringing', tone: 'accent' };
    case 'confirmed_na':
      return { text: 'Answered', tone: 'good' };
    case 'confirmed':
      if (isHeld(call)) return { text: 'On hold', tone: 'warn' };
      return { text: call.conference === undefined ? 'Talking' : 'Conference', tone: 'good' };
    case 'deleted':
      return { text: 'Ended', tone: '' };
    default:
      return { text: call.state satisfies never, tone: '' };
  }
}

export const secureWords = {
  none: 'not encrypted',
  sdes: 'encrypted (SDES-SRTP)',
  dtls: 'encrypted (DTLS-SRTP)',
} as const satisfies Record<CallLeg['secure'], string>;

/** `all`, `part` of the legs, or `none` is encrypted. */
export function security(call: CallRow): 'all' | 'part' | 'none' {
  const safe = call.legs.filter(({ secure }) => secure !== 'none').length;
  return safe === 0 ? 'none' : safe === call.legs.length ? 'all' : 'part';
}

/** `PCMU/8000` → PCMU: rates say nothing that the name does not. */
export function codecName(codec: string): string {
  return codec.replace(/\/.*$/, '');
}

/** The codecs of both legs, once if they are the same. */
export function codecs(call: CallRow): string {
  return [...new Set(call.legs.flatMap(({ codec }) => (codec === undefined ? [] : codecName(codec))))].join(' · ');
}

/**
 * How a stream sounds, as a MOS: the E-model (ITU-T G.107) with its defaults for all that is not measured here, which
 * leaves delay, loss and codec.
 *
 *     R = 93.2 − Id(delay) − Ie,eff(loss)
 */

export interface Impairments {
  /** `PCMU/8000` */
  readonly encoding: string;
  /** Share of the packets that were not played, 0 … 1. */
  readonly loss: number;
  /** Packets lost in a row, on average; 1 and less is random loss. */
  readonly burst: number;
  /** ms from mouth to ear, one way. */
  readonly delayMs: number;
}

/** Equipment impairment and robustness to loss, with concealment (ITU-T G.113 Appendix I). */
const codecs: Readonly<Record<string, { readonly ie: number; readonly bpl: number }>> = {
  PCMU: { ie: 0, bpl: 25.1 },
  PCMA: { ie: 0, bpl: 25.1 },
  GSM: { ie: 20, bpl: 43 },
  'GSM-EFR': { ie: 5, bpl: 10 },
  AMR: { ie: 5, bpl: 10 },
  G723: { ie: 15, bpl: 16.1 },
  G729: { ie: 11, bpl: 19 },
};

/** For wideband codecs G.113 has no values on this scale: no worse than G.711, and as robust. */
const wideband = { ie: 0, bpl: 25.1 };

/** The rating R, 0 … 93.2. */
export function rating({ encoding, loss, burst, delayMs }: Impairments): number {
  const name = encoding.split('/', 1)[0] ?? '';
  const { ie, bpl } = Object.hasOwn(codecs, name) ? codecs[name]! : wideband;
  const percent = 100 * Math.min(1, Math.max(0, loss));
  // G.107 §3.5: mean length of bursts over that of random loss, 1 / (1 − loss).
  const burstRatio = Math.max(1, burst * (1 - percent / 100));
  const equipment = ie + ((95 - ie) * percent) / (percent / burstRatio + bpl);
  // The approximation of G.107's Id by Cole and Rosenbluth, for a path without echo.
  const late = Math.max(0, delayMs - 177.3);
  return Math.max(0, 93.2 - (0.024 * delayMs + 0.11 * late) - equipment);
}

/** 1 … 4.5, of the R (G.107 Annex B), rounded to hundredths. */
export function mos(impairments: Impairments): number {
  const r = rating(impairments);
  const value = 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6;
  return Math.round(Math.min(4.5, Math.max(1, value)) * 100) / 100;
}

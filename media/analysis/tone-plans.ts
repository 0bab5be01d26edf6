/** Call progress tones of countries (ITU-T E.180 supplement 2), and tones of fax machines (ITU-T T.30). */

export type ProgressKind = 'ringback' | 'busy' | 'congestion' | 'dial';
export type ToneKind = ProgressKind | 'cng' | 'ced' | 'beep';
export const toneKinds: readonly ToneKind[] = ['ringback', 'busy', 'congestion', 'dial', 'cng', 'ced', 'beep'];

export interface ProgressTone {
  readonly kind: ProgressKind;
  /** Hz; one or two. */
  readonly frequencies: readonly number[];
  /** ms on, off, …; empty: without a pause. */
  readonly cadence: readonly number[];
}

export type TonePlanName = 'etsi' | 'us' | 'uk';

export const tonePlans: Readonly<Record<TonePlanName, readonly ProgressTone[]>> = {
  etsi: [
    { kind: 'ringback', frequencies: [425], cadence: [1000, 4000] },
    { kind: 'busy', frequencies: [425], cadence: [500, 500] },
    { kind: 'congestion', frequencies: [425], cadence: [250, 250] },
    { kind: 'dial', frequencies: [425], cadence: [] },
  ],
  us: [
    { kind: 'ringback', frequencies: [440, 480], cadence: [2000, 4000] },
    { kind: 'busy', frequencies: [480, 620], cadence: [500, 500] },
    { kind: 'congestion', frequencies: [480, 620], cadence: [250, 250] },
    { kind: 'dial', frequencies: [350, 440], cadence: [] },
  ],
  uk: [
    { kind: 'ringback', frequencies: [400, 450], cadence: [400, 200, 400, 2000] },
    { kind: 'busy', frequencies: [400], cadence: [375, 375] },
    { kind: 'congestion', frequencies: [400], cadence: [400, 350, 225, 525] },
    { kind: 'dial', frequencies: [350, 440], cadence: [] },
  ],
};

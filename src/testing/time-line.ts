/** Everything that happens in a lab, in the order of its time: what a failed expectation shows. */

export type EntryKind =
  /** A SIP message, as seen where it was sent. */
  | 'sip'
  /** An RTP stream begins or stops. */
  | 'rtp'
  /** A digit that is sent or heard. */
  | 'dtmf'
  /** What a call or its media reports. */
  | 'call'
  /** A timer that did something. */
  | 'timer'
  /** What a phone does, or is told to. */
  | 'phone'
  /** What a phone has heard. */
  | 'hears'
  /** The network changed. */
  | 'network'
  /** A warning or error in the log. */
  | 'log';

export interface TimeLineEntry {
  /** Milliseconds since the lab's start. */
  readonly at: number;
  readonly kind: EntryKind;
  /** The host it happens at, or the sender. */
  readonly who: string;
  /** The receiver; `who ✗ to`: it never gets there. */
  readonly to?: string;
  readonly arrow?: string;
  readonly text: string;
  /** The whole message, and the like. */
  readonly detail?: string;
}

export interface TimeLineView {
  /** Milliseconds since the lab's start; default: all. */
  readonly from?: number;
  readonly until?: number;
  /** With every SIP message in full. */
  readonly full?: boolean;
  /** At most so many entries, the latest. */
  readonly last?: number;
  /** Only what these hosts sent, received or did. */
  readonly about?: readonly string[];
}

/** Entries kept; the oldest go first. */
const limit = 200_000;

export class TimeLine {
  readonly seed: number | string;
  #entries: TimeLineEntry[] = [];
  #dropped = 0;

  constructor(seed: number | string) {
    this.seed = seed;
  }

  /** The line that it begins with: the seed, and how to see it again. */
  get head(): string {
    return `time line of seed ${this.seed} (TANDEM_SEED=${this.seed} replays it)`;
  }

  add(entry: TimeLineEntry): void {
    if (this.#entries.length >= limit) {
      this.#dropped += limit / 2;
      this.#entries = this.#entries.slice(limit / 2);
    }
    this.#entries.push(entry);
  }

  /** In the order of their times. */
  entries({
    from = Number.NEGATIVE_INFINITY,
    until = Number.POSITIVE_INFINITY,
    about,
  }: TimeLineView = {}): TimeLineEntry[] {
    const concerns = ({ at, who, to = '' }: TimeLineEntry): boolean =>
      at >= from && at <= until && (about === undefined || about.includes(who) || about.includes(to));
    return this.#entries.filter(concerns).sort((a, b) => a.at - b.at);
  }

  /** One line for each entry, with a head that says how to see it again. */
  toString(view: TimeLineView = {}): string {
    const all = this.entries(view);
    const shown = all.slice(Math.max(0, all.length - (view.last ?? all.length)));
    const left = this.#dropped + all.length - shown.length;
    const names = shown.reduce((longest, entry) => Math.max(longest, nameOf(entry).length), 5);
    const lines = shown.map((entry) => line(entry, names, view.full ?? false));
    return [this.head, ...(left > 0 ? [`  … ${left} entries before`] : []), ...lines].join('\n');
  }
}

function nameOf({ who, to, arrow = '→' }: TimeLineEntry): string {
  return to === undefined ? who : `${who} ${arrow} ${to}`;
}

function line(entry: TimeLineEntry, names: number, full: boolean): string {
  const head = `${seconds(entry.at).padStart(11)}  ${nameOf(entry).padEnd(names)}  ${entry.text}`;
  if (!full || entry.detail === undefined) return head;
  const detail = entry.detail.trimEnd().split('\n');
  return [head, ...detail.map((text) => `      | ${text}`.trimEnd())].join('\n');
}

/** Seconds to the millisecond. */
export function seconds(ms: number): string {
  return (ms / 1000).toFixed(3);
}

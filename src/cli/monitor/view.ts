/** The monitor as text. Pure: what is known, what the user chose, and the size of the terminal → lines. */
import type { CallRow, Snapshot } from './calls.ts';

export const sortKeys = ['duration', 'state', 'from', 'to', 'codecs', 'mos'] as const;
export type SortKey = (typeof sortKeys)[number];

export interface View {
  readonly sort: SortKey;
  readonly reverse: boolean;
  /** Only calls with this in a URI, Call-ID, codec or state. */
  readonly filter: string;
  /** The call that keys are about. */
  readonly selected: number;
  /** The filter is being typed, or it is asked whether to end the call. */
  readonly asking: 'nothing' | 'filter' | 'end';
  /** Of the last thing that was done. */
  readonly note: string;
}

export const firstView: View = {
  sort: 'duration',
  reverse: false,
  filter: '',
  selected: 0,
  asking: 'nothing',
  note: '',
};

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

const states: Readonly<Record<number, string>> = { 1: 'calling', 2: 'ringing', 3: 'answered', 4: 'up', 5: 'over' };

/** Those that are shown, in order. */
export function shownCalls(calls: readonly CallRow[], { sort, reverse, filter }: View): readonly CallRow[] {
  const wanted = filter.toLowerCase();
  const found = calls.filter((call) => wanted === '' || searched(call).includes(wanted));
  const order = orders[sort];
  // The longest and the worst first.
  return found.sort((a, b) => (reverse ? -1 : 1) * order(a, b) || a.callId.localeCompare(b.callId));
}

function searched({ callId, from, to, codecs, state }: CallRow): string {
  return [callId, from, to, ...codecs, states[state] ?? ''].join(' ').toLowerCase();
}

const orders: Readonly<Record<SortKey, (a: CallRow, b: CallRow) => number>> = {
  duration: (a, b) => b.duration - a.duration,
  state: (a, b) => a.state - b.state,
  from: (a, b) => a.from.localeCompare(b.from),
  to: (a, b) => a.to.localeCompare(b.to),
  codecs: (a, b) => codecsOf(a).localeCompare(codecsOf(b)),
  mos: (a, b) => (a.mos ?? 5) - (b.mos ?? 5),
};

/** Lines of at most `columns` characters, at most `rows` of them. */
export function render(snapshot: Snapshot, view: View, size: Size): readonly string[] {
  const calls = shownCalls(snapshot.calls, view);
  const room = Math.max(1, size.rows - 4);
  const selected = Math.min(view.selected, Math.max(0, calls.length - 1));
  const first = Math.max(0, Math.min(selected - Math.floor(room / 2), calls.length - room));
  const rows = calls.slice(first, first + room);
  const lines = [
    headline(snapshot, calls.length),
    '',
    tableLine(heads(view), size.columns, ' '),
    ...rows.map((call, index) => tableLine(cellsOf(call), size.columns, first + index === selected ? '>' : ' ')),
    ...(calls.length === 0 ? [view.filter === '' ? '  no calls' : `  no call has "${view.filter}" in it`] : []),
  ];
  const all = [...lines.slice(0, Math.max(0, size.rows - 1)), footline(view, calls[selected])];
  return all.slice(-size.rows).map((line) => cut(line, size.columns));
}

/** Without a terminal: the head, and all calls. */
export function renderPlain(snapshot: Snapshot): readonly string[] {
  const calls = shownCalls(snapshot.calls, firstView);
  const columns = 120;
  return [
    headline(snapshot, calls.length),
    ...(calls.length > 0 ? [tableLine(heads(firstView), columns, ' ')] : []),
    ...calls.map((call) => tableLine(cellsOf(call), columns, ' ')),
  ].map((line) => line.trimEnd());
}

function headline({ totals, callsPerSecond, calls, hidden }: Snapshot, shown: number): string {
  const { active, early, processed, failed, expired } = totals;
  const rate = callsPerSecond === undefined ? '' : `, ${callsPerSecond.toFixed(1)} calls/s`;
  const listed = hidden > 0 ? `; the first ${calls.length} are shown, -s http://… has all` : '';
  const filtered = shown < calls.length ? `; ${shown} of ${calls.length} shown` : '';
  return `${active} active, ${early} ringing; ${processed} processed, ${failed} failed, ${expired} expired${rate}${listed}${filtered}`;
}

const columnKeys = ['state', 'duration', 'from', 'to', 'codecs', 'mos'] as const;
const titles: Readonly<Record<SortKey, string>> = {
  state: 'STATE',
  duration: 'TIME',
  from: 'FROM',
  to: 'TO',
  codecs: 'CODECS',
  mos: 'MOS',
};

/** Two characters for the mark, and two between columns. */
function tableLine(cells: readonly string[], columns: number, mark: string): string {
  const fixed = [8, 8, 0, 0, 14, 4];
  const left = columns - 2 - fixed.reduce((sum, width) => sum + width, 0) - 2 * (fixed.length - 1);
  const wide = Math.max(8, Math.floor(left / 2));
  return `${mark} ${cells.map((cell, index) => cut(cell, fixed[index] || wide).padEnd(fixed[index] || wide)).join('  ')}`;
}

function heads({ sort, reverse }: View): readonly string[] {
  return columnKeys.map((key) => (key === sort ? `${titles[key]}${reverse ? '▲' : '▼'}` : titles[key]));
}

function cellsOf(call: CallRow): readonly string[] {
  const { state, duration, from, to, mos } = call;
  return [
    states[state] ?? String(state),
    state >= 3 ? timeOf(duration) : '-',
    visible(from),
    visible(to),
    visible(codecsOf(call)),
    mos === undefined ? '-' : mos.toFixed(1),
  ];
}

function codecsOf({ codecs }: CallRow): string {
  const [a, b] = codecs;
  return b === undefined || a === b ? (a ?? '-') : codecs.join(' ↔ ');
}

function timeOf(seconds: number): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const minutes = Math.floor(seconds / 60);
  const rest = `${two(minutes % 60)}:${two(Math.floor(seconds) % 60)}`;
  return seconds < 3600 ? rest : `${Math.floor(minutes / 60)}:${rest}`;
}

function footline({ asking, filter, note }: View, selected: CallRow | undefined): string {
  if (asking === 'filter') return `filter: ${visible(filter)}_  (Enter keeps it, Esc clears it)`;
  if (asking === 'end' && selected)
    return `end the call from ${visible(selected.from)} to ${visible(selected.to)}? y/n`;
  const keys = 'q quit  ↑↓ choose  x end  s sort  r reverse  / filter';
  return note === '' ? keys : `${visible(note)}  |  ${keys}`;
}

/** What peers put into a URI must not write to the terminal otherwise. */
function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '·');
}

function cut(text: string, width: number): string {
  const characters = [...text];
  return characters.length <= width ? text : `${characters.slice(0, Math.max(0, width - 1)).join('')}…`;
}

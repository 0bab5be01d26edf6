/** Which calls the table shows, and in what order: quick with 10,000 of them. No DOM in here. */
import type { CallRow } from '../../protocol.ts';
import { codecs, isHeld, stateWord, worstMos } from './quality.ts';

export const filters = {
  all: { name: 'All calls', test: () => true },
  ringing: { name: 'Ringing', test: ({ state }) => state === 'unconfirmed' || state === 'early' },
  talking: { name: 'Answered', test: ({ state }) => state === 'confirmed' || state === 'confirmed_na' },
  held: { name: 'On hold', test: isHeld },
  poor: { name: 'Poorly heard', test: (call) => (worstMos(call) ?? 5) < 3.6 },
  recording: { name: 'Recorded', test: ({ recording }) => recording },
} as const satisfies Record<string, { name: string; test: (call: CallRow) => boolean }>;

export type FilterName = keyof typeof filters;
export type SortKey = 'from' | 'to' | 'state' | 'started' | 'codec' | 'mos';

export interface Order {
  readonly key: SortKey;
  readonly down: boolean;
}

/** What is searched, once for each row: rows are replaced, never changed. */
const texts = new WeakMap<CallRow, string>();

function textOf(call: CallRow): string {
  let text = texts.get(call);
  if (text === undefined) {
    const parts = [call.from, call.to, call.callId, call.id, call.trunk, call.conference, stateWord(call).text];
    for (const leg of call.legs) parts.push(leg.uri, leg.codec, leg.transport, leg.callId);
    for (const [name, value] of Object.entries(call.profiles)) parts.push(`${name}=${value}`);
    text = parts.join('\n').toLowerCase();
    texts.set(call, text);
  }
  return text;
}

/** Every word of `search` has to be somewhere in the call's addresses, Call-IDs, codec, trunk, state or profiles. */
export function chooseCalls(
  calls: Iterable<CallRow>,
  { search, filter, order }: { readonly search: string; readonly filter: FilterName; readonly order: Order },
): CallRow[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const { test }: { test: (call: CallRow) => boolean } = filters[filter];
  const found: CallRow[] = [];
  for (const call of calls) {
    if (!test(call)) continue;
    const text = words.length > 0 ? textOf(call) : '';
    if (words.every((word) => text.includes(word))) found.push(call);
  }
  return sortCalls(found, order);
}

function sortCalls(calls: CallRow[], { key, down }: Order): CallRow[] {
  const value = values[key];
  // One key for each row, not two for each comparison.
  const keyed = calls.map((call) => ({ call, at: value(call) }));
  const way = down ? -1 : 1;
  keyed.sort((a, b) => {
    if (a.at === b.at) return b.call.startedAt - a.call.startedAt;
    return (a.at < b.at ? -1 : 1) * way;
  });
  return keyed.map(({ call }) => call);
}

const values: Readonly<Record<SortKey, (call: CallRow) => string | number>> = {
  from: ({ from }) => from,
  to: ({ to }) => to,
  state: (call) => stateWord(call).text,
  // As the column shows it: since the answer, or since it began to ring.
  started: ({ answeredAt, startedAt }) => answeredAt ?? startedAt,
  codec: codecs,
  mos: (call) => worstMos(call) ?? 9,
};

/** @returns rows to draw of a list of `count` rows, with some beyond both edges. */
export function visibleRows(
  count: number,
  {
    top,
    height,
    row,
    spare = 6,
  }: { readonly top: number; readonly height: number; readonly row: number; readonly spare?: number },
): { readonly from: number; readonly to: number } {
  const from = Math.max(0, Math.min(count, Math.floor(top / row) - spare));
  const to = Math.max(from, Math.min(count, Math.ceil((top + height) / row) + spare));
  return { from, to };
}

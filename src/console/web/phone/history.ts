/** The calls of this page, newest first. They are gone when the page is. Pure. */

export interface HistoryEntry {
  readonly id: string;
  readonly direction: 'in' | 'out';
  readonly peer: string;
  readonly at: number;
  /** ms of talk; undefined: never answered. */
  readonly talked: number | undefined;
  readonly outcome: string;
}

const most = 100;

export interface EndedCall {
  readonly id: string;
  readonly direction: 'in' | 'out';
  readonly peer: string;
  readonly startedAt: number;
  readonly answeredAt: number | undefined;
  readonly end: { readonly by: 'me' | 'other' | 'network'; readonly at: number; readonly problem?: { title: string } };
}

export function withCall(history: readonly HistoryEntry[], call: EndedCall): readonly HistoryEntry[] {
  const { id, direction, peer, startedAt, answeredAt, end } = call;
  const talked = answeredAt === undefined ? undefined : end.at - answeredAt;
  return [{ id, direction, peer, at: startedAt, talked, outcome: outcomeOf(call) }, ...history].slice(0, most);
}

export function outcomeOf({ direction, answeredAt, end }: EndedCall): string {
  if (end.problem) return end.problem.title;
  if (answeredAt !== undefined) return end.by === 'me' ? 'You hung up' : 'The other side hung up';
  if (direction === 'in') return end.by === 'me' ? 'Rejected' : 'Missed';
  return 'Cancelled';
}

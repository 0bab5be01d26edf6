/** What a key does. Pure: the view before → the view after, and what is to be done. */
import { sortKeys, type View } from './view.ts';

export interface KeyResult {
  readonly view: View;
  readonly act?: 'quit' | 'end';
}

/** @param count calls that are shown */
export function press(view: View, key: string, count: number): KeyResult {
  if (key === '\x03') return { view, act: 'quit' };
  if (view.asking === 'filter') return { view: typed(view, key) };
  if (view.asking === 'end') {
    const over = { ...view, asking: 'nothing' } as const;
    return key === 'y' ? { view: over, act: 'end' } : { view: over };
  }
  const move = (by: number): KeyResult => ({
    view: { ...view, note: '', selected: Math.max(0, Math.min(count - 1, view.selected + by)) },
  });
  switch (key) {
    case 'q':
      return { view, act: 'quit' };
    case '\x1b[A':
    case 'k':
      return move(-1);
    case '\x1b[B':
    case 'j':
      return move(1);
    case '\x1b[5~':
      return move(-10);
    case '\x1b[6~':
      return move(10);
    case 's':
      return { view: { ...view, sort: sortKeys[(sortKeys.indexOf(view.sort) + 1) % sortKeys.length] ?? view.sort } };
    case 'r':
      return { view: { ...view, reverse: !view.reverse } };
    case '/':
      return { view: { ...view, asking: 'filter', note: '' } };
    case 'x':
      return { view: count > 0 ? { ...view, asking: 'end', note: '' } : view };
    default:
      return { view };
  }
}

const longestFilter = 100;

function typed(view: View, key: string): View {
  if (key === '\r' || key === '\n') return { ...view, asking: 'nothing', selected: 0 };
  if (key === '\x1b') return { ...view, asking: 'nothing', filter: '' };
  if (key === '\x7f' || key === '\b') return { ...view, filter: [...view.filter].slice(0, -1).join('') };
  // Arrows and the like are no text.
  if (/\p{Cc}/u.test(key)) return view;
  return { ...view, filter: (view.filter + key).slice(0, longestFilter), selected: 0 };
}

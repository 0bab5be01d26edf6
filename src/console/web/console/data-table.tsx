/** A table of any length: only the rows near the window are drawn, the page scrolls. */
import type { ComponentChildren, TargetedKeyboardEvent } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { Icon } from '../shared/icon.tsx';
import { visibleRows } from './call-list.ts';

export interface Column<Row> {
  readonly key: string;
  readonly name: string;
  /** Sets the column's width, and when it is left out. */
  readonly class: string;
  readonly sortable?: boolean;
  readonly cell: (row: Row) => ComponentChildren;
}

export interface DataTableProps<Row> {
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  /** px, of every row. */
  readonly rowHeight: number;
  readonly order?: { readonly key: string; readonly down: boolean };
  readonly onOrder?: (key: string) => void;
  /** Where a row leads to: its first link does it for the keyboard. */
  readonly hrefOf?: (row: Row) => string;
}

export function DataTable<Row>(props: DataTableProps<Row>) {
  const { label, columns, rows, keyOf, rowHeight, order, onOrder, hrefOf } = props;
  const body = useRef<HTMLTableSectionElement>(null);
  const { from, to } = useWindow(body, rows.length, rowHeight);
  const shown = rows.slice(from, to);

  const move = (event: TargetedKeyboardEvent<HTMLElement>): void => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const row = (event.target as HTMLElement).closest('tr');
    if (step === undefined || !row || !(event.target instanceof HTMLAnchorElement)) return;
    const next = step > 0 ? row.nextElementSibling : row.previousElementSibling;
    const link = next?.querySelector('a');
    if (!link) return;
    event.preventDefault();
    link.focus();
  };

  return (
    <table class="data" aria-label={label} aria-rowcount={rows.length + 1} onKeyDown={move}>
      <thead>
        <tr aria-rowindex={1}>
          {columns.map(({ key, name, class: kind, sortable }) => (
            <th
              key={key}
              scope="col"
              class={kind}
              {...(sortable && order?.key === key && { 'aria-sort': order.down ? 'descending' : 'ascending' })}
            >
              {sortable ? (
                <button type="button" class="sort" onClick={() => onOrder?.(key)}>
                  {name}
                  {order?.key === key && <Icon name={order.down ? 'down' : 'up'} />}
                </button>
              ) : (
                name
              )}
            </th>
          ))}
        </tr>
      </thead>
      <tbody ref={body}>
        <Spacer height={from * rowHeight} />
        {shown.map((row, i) => {
          const href = hrefOf?.(row);
          return (
            <tr
              key={keyOf(row)}
              aria-rowindex={from + i + 2}
              class={href === undefined ? '' : 'leads'}
              style={{ height: `${rowHeight}px` }}
              onClick={(event) => {
                if (href !== undefined && !(event.target as HTMLElement).closest('a, button')) location.hash = href;
              }}
            >
              {columns.map(({ key, class: kind, cell }) => (
                <td key={key} class={kind}>
                  {cell(row)}
                </td>
              ))}
            </tr>
          );
        })}
        <Spacer height={(rows.length - to) * rowHeight} />
      </tbody>
    </table>
  );
}

function Spacer({ height }: { readonly height: number }) {
  if (height <= 0) return null;
  return (
    <tr class="spacer" aria-hidden="true">
      <td style={{ height: `${height}px` }} />
    </tr>
  );
}

/** Which rows are near the window. */
function useWindow(body: { current: HTMLElement | null }, count: number, row: number): { from: number; to: number } {
  const [view, setView] = useState({ top: 0, height: innerHeight });
  useLayoutEffect(() => {
    let asked = 0;
    const look = (): void => {
      asked = 0;
      const top = -(body.current?.getBoundingClientRect().top ?? 0);
      // In steps of four rows: not every pixel of scrolling draws the table anew.
      const step = row * 4;
      const next = { top: Math.max(0, Math.floor(top / step) * step), height: innerHeight + step };
      setView((before) => (before.top === next.top && before.height === next.height ? before : next));
    };
    const later = (): void => {
      asked ||= requestAnimationFrame(look);
    };
    look();
    addEventListener('scroll', later, { passive: true });
    addEventListener('resize', later);
    return () => {
      cancelAnimationFrame(asked);
      removeEventListener('scroll', later);
      removeEventListener('resize', later);
    };
  }, [body, row]);
  return visibleRows(count, { ...view, row });
}

/** `/` brings the cursor here, as in many other programs. */
export function SearchField(props: {
  readonly label: string;
  /** Shorter, in the field. */
  readonly hint?: string;
  readonly value: string;
  readonly onSearch: (text: string) => void;
}) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const focus = (event: KeyboardEvent): void => {
      const inField = event.target instanceof Element && event.target.closest('input, textarea, select, dialog');
      if (event.key !== '/' || event.ctrlKey || event.metaKey || inField) return;
      event.preventDefault();
      input.current?.focus();
    };
    addEventListener('keydown', focus);
    return () => removeEventListener('keydown', focus);
  }, []);
  return (
    <span class="search">
      <Icon name="search" />
      <input
        ref={input}
        class="input"
        type="search"
        aria-label={props.label}
        placeholder={props.hint ?? props.label}
        value={props.value}
        onInput={(event) => props.onSearch(event.currentTarget.value)}
      />
      <kbd aria-hidden="true">/</kbd>
    </span>
  );
}

/** The SIP ladder: who told whom what, message by message, with the call's events between them. */
import type { TargetedKeyboardEvent } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { CallDetail, LadderMessage, TimelineEvent } from '../../protocol.ts';
import { Icon } from '../shared/icon.tsx';
import { useConsole, useMedia } from './console-context.ts';
import { eventWords } from './event-words.ts';
import { duration, offset, shownUri, timeOfDay } from './format.ts';
import {
  type LadderLayout,
  type LadderRow,
  type Lane,
  layLadder,
  type MessageRow,
  messageLabel,
  messageTone,
  rowHeights,
} from './ladder-layout.ts';
import { Empty, Modal } from './pieces.tsx';

/** Rows that are drawn at first: calls of hours have thousands. */
const most = 400;

interface LadderProps {
  readonly detail: CallDetail;
  /** Those that are worth a line. */
  readonly events: readonly TimelineEvent[];
}

export function Ladder({ detail, events }: LadderProps) {
  const { call, ladder } = detail;
  // Offsets count from the first that is seen: of finished calls the record knows whole seconds only.
  const start = Math.min(ladder[0]?.at ?? call.startedAt, events[0]?.at ?? Number.POSITIVE_INFINITY);
  const [withEvents, setWithEvents] = useState(true);
  const [all, setAll] = useState(false);
  const [chosen, setChosen] = useState<LadderMessage | undefined>(undefined);
  const wide = useMedia('(min-width: 1100px)');
  const messages = all ? ladder : ladder.slice(-most);
  const layout = useMemo(() => {
    const first = messages[0]?.at ?? 0;
    const near = events.filter(({ at }) => messages.length === ladder.length || at >= first);
    return layLadder(call.legs, messages, withEvents ? near : []);
  }, [call.legs, messages, events, withEvents, ladder.length]);
  const rows = layout.rows.filter((row): row is MessageRow => row.kind === 'message');
  const i = rows.findIndex(({ message }) => message === chosen);
  const panel = chosen && (
    <MessagePanel
      message={chosen}
      start={start}
      onClose={() => setChosen(undefined)}
      {...(i > 0 && { onBefore: () => setChosen(rows[i - 1]?.message) })}
      {...(i >= 0 && i < rows.length - 1 && { onNext: () => setChosen(rows[i + 1]?.message) })}
    />
  );
  return (
    <section class="card" aria-labelledby="ladder">
      <div class="card-head">
        <h2 id="ladder">
          SIP ladder <span class="chip num">{ladder.length} messages</span>
        </h2>
        <button
          type="button"
          class="button small head-end"
          aria-pressed={withEvents}
          onClick={() => setWithEvents(!withEvents)}
        >
          Events
        </button>
      </div>
      {ladder.length === 0 ? (
        <Empty icon="transfer" title="No messages are kept of this call">
          <p>
            <code>trace</code> in the configuration says of which calls they are.
          </p>
        </Empty>
      ) : (
        <div class={`ladder-area ${chosen && wide ? 'with-panel' : ''}`}>
          <div>
            {messages.length < ladder.length && (
              <p class="more">
                <button type="button" class="button small" onClick={() => setAll(true)}>
                  Show {ladder.length - messages.length} earlier messages
                </button>
              </p>
            )}
            <Drawing layout={layout} start={start} chosen={chosen} onChoose={setChosen} />
          </div>
          {wide
            ? panel
            : panel && (
                <Modal title="SIP message" class="message-dialog" onClose={() => setChosen(undefined)}>
                  {panel}
                </Modal>
              )}
        </div>
      )}
    </section>
  );
}

interface DrawingProps {
  readonly layout: LadderLayout;
  readonly start: number;
  readonly chosen: LadderMessage | undefined;
  readonly onChoose: (message: LadderMessage) => void;
}

function Drawing({ layout, start, chosen, onChoose }: DrawingProps) {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const { lanes, rows, height } = layout;
  const gutter = width < 480 ? 62 : 84;
  const x = (lane: number): number => gutter + ((lane + 0.5) * (width - gutter)) / lanes.length;
  // One stop for the Tab key; the arrows go from message to message.
  const stop =
    rows.find((row) => row.kind === 'message' && row.message === chosen) ?? rows.find(({ kind }) => kind === 'message');
  const move = (event: TargetedKeyboardEvent<HTMLElement>): void => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step === undefined) return;
    const buttons = [...event.currentTarget.querySelectorAll('button')];
    const next = buttons[buttons.indexOf(event.target as HTMLButtonElement) + step];
    if (!next) return;
    event.preventDefault();
    next.focus();
    if (chosen) next.click();
  };
  return (
    <div class="ladder" ref={box}>
      <div class="lanes" aria-hidden="true">
        {width > 0 &&
          lanes.map((lane, i) => (
            <div
              key={lane.sessionId ?? 'tandem'}
              class={`lane ${lane.kind}`}
              style={{ left: `${x(i)}px`, maxWidth: `${(width - gutter) / lanes.length - 8}px` }}
            >
              <b class="clip">{laneName(lane)}</b>
              <span class="clip quiet mono">{lane.address}</span>
            </div>
          ))}
      </div>
      <div class="ladder-body" style={{ height: `${height + 12}px` }}>
        {width > 0 && (
          <svg class="ladder-lines" width={width} height={height + 12} aria-hidden="true">
            {lanes.map((lane, i) => (
              <line
                key={lane.sessionId ?? 'tandem'}
                class={`life ${lane.kind}`}
                x1={x(i)}
                x2={x(i)}
                y1={0}
                y2={height + 12}
              />
            ))}
            {rows.map(
              (row) => row.kind === 'message' && <Arrow key={row.key} row={row} from={x(row.from)} to={x(row.to)} />,
            )}
          </svg>
        )}
        <ol onKeyDown={move}>
          {rows.map((row) => (
            <li key={row.key} class="ladder-row" style={{ top: `${row.y}px`, height: `${rowHeights[row.kind]}px` }}>
              <Row
                row={row}
                start={start}
                lanes={lanes}
                at={
                  row.kind === 'message'
                    ? (x(row.from) + x(row.to)) / 2
                    : Math.min(width - 76, x(lanes.findIndex(({ kind }) => kind === 'tandem')))
                }
                chosen={row.kind === 'message' && row.message === chosen}
                reachable={row === stop}
                onChoose={onChoose}
              />
            </li>
          ))}
        </ol>
      </div>
    </div>
  );
}

function wait(ms: number): string {
  return ms < 60_000 ? `${(ms / 1_000).toFixed(1)} s` : `${duration(ms)} min`;
}

function laneName({ kind, name }: Lane): string {
  if (kind === 'tandem') return name;
  return name === '' ? 'former leg' : shownUri(name).user;
}

function Arrow({ row, from, to }: { readonly row: MessageRow; readonly from: number; readonly to: number }) {
  const tone = messageTone(row.message);
  const y = row.y + rowHeights.message - 11;
  const way = Math.sign(to - from) || 1;
  return (
    <g class={`arrow ${row.side} ${tone}`}>
      <line x1={from} x2={to - way * 6} y1={y} y2={y} />
      <path d={`M${to - way} ${y}l${-way * 8}-4.5v9z`} />
    </g>
  );
}

interface RowProps {
  readonly row: LadderRow;
  readonly start: number;
  readonly lanes: readonly Lane[];
  readonly at: number;
  readonly chosen: boolean;
  readonly reachable: boolean;
  readonly onChoose: (message: LadderMessage) => void;
}

function Row({ row, start, lanes, at, chosen, reachable, onChoose }: RowProps) {
  if (row.kind === 'gap')
    return (
      <span class="gap num" style={{ left: `${at}px` }}>
        {wait(row.ms)} later
      </span>
    );
  const time = offset(row.at - start);
  if (row.kind === 'event')
    return (
      <>
        <span class="time num" aria-hidden="true">
          {time}
        </span>
        <span class={`event ${lanes[row.lane]?.kind ?? ''}`} style={{ left: `${at}px` }}>
          {eventWords(row.event)}
          <span class="sr-only"> at {time}</span>
        </span>
      </>
    );
  const { message, again } = row;
  const name = (lane: number): string => (lanes[lane] ? laneName(lanes[lane]) : '');
  return (
    <button
      type="button"
      class="ladder-message"
      aria-pressed={chosen}
      tabIndex={reachable ? 0 : -1}
      onClick={() => onChoose(message)}
    >
      <span class="time num">{time}</span>
      <span class={`label ${messageTone(message)}`} style={{ left: `${at}px` }}>
        {messageLabel(message)}
        <span class="sr-only">
          {' '}
          from {name(row.from)} to {name(row.to)}
        </span>
        {again > 0 && <span class="chip warn">again</span>}
      </span>
    </button>
  );
}

interface PanelProps {
  readonly message: LadderMessage;
  readonly start: number;
  readonly onClose: () => void;
  readonly onBefore?: () => void;
  readonly onNext?: () => void;
}

function MessagePanel({ message, start, onClose, onBefore, onNext }: PanelProps) {
  const { say } = useConsole();
  const { summary, direction, remote, local, transport, at, text } = message;
  const copy = (): void =>
    void navigator.clipboard
      .writeText(text)
      .then(() => say('Copied.'))
      .catch(() => say('The browser lets nothing be copied here.', 'bad'));
  return (
    <section class="message" aria-label="SIP message">
      <div class="message-head">
        <h3 class="clip" title={summary}>
          {summary}
        </h3>
        <button
          type="button"
          class="button bare square small"
          aria-label="Message before"
          disabled={!onBefore}
          onClick={onBefore}
        >
          <Icon name="up" />
        </button>
        <button
          type="button"
          class="button bare square small"
          aria-label="Next message"
          disabled={!onNext}
          onClick={onNext}
        >
          <Icon name="down" />
        </button>
        <button type="button" class="button bare square small" aria-label="Copy" title="Copy" onClick={copy}>
          <Icon name="copy" />
        </button>
        <button type="button" class="button bare square small" aria-label="Close message" onClick={onClose}>
          <Icon name="close" />
        </button>
      </div>
      <p class="quiet num message-way">
        {timeOfDay(at)} ({offset(at - start)}) · {transport.toUpperCase()} {direction === 'in' ? remote : local} →{' '}
        {direction === 'in' ? local : remote}
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: scrolls, so that the keyboard has to reach it */}
      <pre class="message-text mono" tabIndex={0}>
        <Text text={text} />
      </pre>
    </section>
  );
}

/** First line, header names and body look different. */
function Text({ text }: { readonly text: string }) {
  const end = /\r?\n\r?\n/.exec(text);
  const head = end ? text.slice(0, end.index) : text;
  const body = end ? text.slice(end.index + end[0].length) : '';
  const [first = '', ...headers] = head.split(/\r?\n/);
  return (
    <>
      <b>{first}</b>
      {headers.map((line, i) => {
        const colon = line.indexOf(':');
        return (
          <span key={i}>
            {'\n'}
            {colon > 0 && <span class="header-name">{line.slice(0, colon + 1)}</span>}
            {line.slice(colon + 1)}
          </span>
        );
      })}
      {body !== '' && <span class="body">{`\n\n${body.replaceAll('\r', '')}`}</span>}
    </>
  );
}

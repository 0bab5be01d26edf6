/** A line chart over time. The only file that knows uPlot. */
import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { onTheme, token } from '../shared/theme.ts';
import { timeOfDay } from './format.ts';

export interface ChartSeries {
  readonly name: string;
  readonly color: `--${string}`;
  readonly fill?: boolean;
  readonly write: (value: number) => string;
  /** Values go with the right-hand scale of their own. */
  readonly second?: boolean;
}

export interface ChartProps {
  /** Read out, with the last values. */
  readonly label: string;
  readonly series: readonly ChartSeries[];
  /** Unix seconds, then one list for each series. */
  readonly data: readonly (readonly (number | null)[])[];
  readonly height: number;
  /** Charts with the same name move their cursors together. */
  readonly sync?: string;
  /** Fixed limits; else from 0 to a little more than the most. */
  readonly range?: readonly [number, number];
  readonly axes?: boolean;
  /** Writes the left-hand axis; else short numbers. */
  readonly axis?: (value: number) => string;
}

const short = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 2 });

export function Chart({ label, series, data, height, sync, range, axes = true, axis }: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const [at, setAt] = useState<number | undefined>(undefined);
  const latest = useRef({ data, range });
  latest.current = { data, range };
  const names = series.map(({ name, color }) => `${name}${color}`).join();

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const build = (): void => {
      plot.current?.destroy();
      const options = optionsOf({
        series,
        height,
        sync,
        range: () => latest.current.range,
        axes,
        axis: axis ?? ((value) => short.format(value)),
        width: element.clientWidth,
        onCursor: setAt,
      });
      plot.current = new uPlot(options, latest.current.data as uPlot.AlignedData, element);
    };
    build();
    const observer = new ResizeObserver(() => {
      const width = element.clientWidth;
      if (width > 0 && width !== plot.current?.width) plot.current?.setSize({ width, height });
    });
    observer.observe(element);
    const off = onTheme(build);
    return () => {
      off();
      observer.disconnect();
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, [names, height, sync, axes]);

  useEffect(() => plot.current?.setData(data as uPlot.AlignedData), [data]);

  const times = data[0] ?? [];
  const i = at !== undefined && at < times.length ? at : undefined;
  const written = (index: number): string =>
    series
      .map(({ name, write }, k) => {
        const value = data[k + 1]?.[index];
        return `${name} ${value === null || value === undefined ? '–' : write(value)}`;
      })
      .join(' · ');
  return (
    <div class="chart">
      <div
        ref={box}
        role="img"
        aria-label={`${label}: ${times.length > 0 ? written(times.length - 1) : 'no data yet'}`}
      />
      {i !== undefined && (
        <p class="chart-readout num" aria-hidden="true">
          {timeOfDay((times[i] ?? 0) * 1_000)} · {written(i)}
        </p>
      )}
    </div>
  );
}

interface Build extends Pick<ChartProps, 'series' | 'height'> {
  readonly sync: string | undefined;
  /** Of the moment: it may change while the chart is shown. */
  readonly range: () => ChartProps['range'];
  readonly axes: boolean;
  readonly axis: (value: number) => string;
  readonly width: number;
  readonly onCursor: (index: number | undefined) => void;
}

function optionsOf({ series, height, sync, range, axes, axis, width, onCursor }: Build): uPlot.Options {
  const text = token('--text-3');
  const line = token('--line');
  const font = `11px ${token('--font')}`;
  const scale = (limits: () => ChartProps['range']): uPlot.Scale => ({
    range: (_plot, low, high) => {
      const fixed = limits();
      return fixed ? [fixed[0], fixed[1]] : [Math.min(0, low ?? 0), Math.max((high ?? 0) * 1.15, 1)];
    },
  });
  return {
    width,
    height,
    padding: axes ? [8, 20, 0, 0] : [4, 0, 0, 0],
    legend: { show: false },
    cursor: {
      y: false,
      drag: { x: false, y: false },
      points: { size: 7 },
      ...(sync !== undefined && { sync: { key: sync } }),
    },
    scales: { x: { time: true }, y: scale(range), second: scale(() => undefined) },
    axes: [
      {
        show: axes,
        stroke: text,
        font,
        size: 24,
        space: 70,
        ticks: { show: false },
        grid: { show: false },
        values: (_plot, splits) =>
          splits.map((at) =>
            timeOfDay(at * 1_000).slice(0, splits.length > 1 && (splits[1] ?? 0) - (splits[0] ?? 0) < 60 ? 8 : 5),
          ),
      },
      {
        show: axes,
        stroke: text,
        font,
        size: 38,
        space: 28,
        values: (_plot, splits) => splits.map(axis),
        ticks: { show: false },
        grid: { stroke: line, width: 1 },
      },
    ],
    series: [
      {},
      ...series.map(({ color, fill, second }) => ({
        stroke: token(color),
        width: 1.75,
        scale: second ? 'second' : 'y',
        points: { show: false },
        spanGaps: false,
        ...(fill && { fill: `color-mix(in srgb, ${token(color)} 14%, transparent)` }),
      })),
    ],
    hooks: { setCursor: [(plot) => onCursor(plot.cursor.idx ?? undefined)] },
  };
}

/** Pictures of a table whose rows are numbers of calls: CPU time per packet against calls, and latency against calls. */
import { mkdir, writeFile } from 'node:fs/promises';
import type { Table } from './table.ts';

interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Chart {
  /** Of the file. */
  readonly name: string;
  readonly title: string;
  readonly unit: string;
  readonly series: readonly Series[];
}

const [width, height] = [640, 360];
const margin = { left: 56, right: 170, top: 40, bottom: 44 };
const colours = ['#0b6bcb', '#d9480f', '#2b8a3e', '#862e9c', '#5c940d', '#c2255c', '#495057', '#e67700'];

/** None for a table of another shape. */
export function chartsOf({ title, head, rows }: Table): readonly Chart[] {
  const sockets = head.indexOf('sockets');
  if (head[0] !== 'calls' || sockets < 0 || rows.length < 2) return [];
  const kinds = [...new Set(rows.map((row) => row[sockets] as string))];
  const seriesOf = (column: number, part: number, label: string): Series[] =>
    kinds.map((kind) => ({
      name: label.startsWith('Tandem') || part >= 0 ? `${label}, ${kind}` : label,
      points: rows
        .filter((row) => row[sockets] === kind)
        .map((row) => [Number(row[0]), Number((row[column] as string).split(' / ')[Math.max(0, part)])] as const)
        .filter(([, y]) => !Number.isNaN(y)),
    }));
  const columns = head.map((name, index) => ({ name, index }));
  const cpu = columns
    .filter(({ name }) => name.endsWith('µs/packet'))
    .flatMap(({ name, index }) => {
      const own = seriesOf(index, -1, name.replace(' µs/packet', ''));
      return name.startsWith('Tandem') ? own : own.slice(0, 1);
    });
  const latency = columns
    .filter(({ name }) => name.endsWith('p50 / p99 ms') && !/relay|cecho/.test(name))
    .flatMap(({ index }) => [...seriesOf(index, 0, 'p50'), ...seriesOf(index, 1, 'p99')]);
  return [
    { name: 'cpu', title: `${title}: CPU time per packet`, unit: 'µs', series: cpu },
    { name: 'latency', title: `${title}: latency, or how far gaps are off`, unit: 'ms', series: latency },
  ].filter(({ series }) => series.some(({ points }) => points.length > 1));
}

/** @param folder made if need be @returns the files' names */
export async function writeCharts(folder: URL, scenario: string, table: Table): Promise<readonly string[]> {
  const charts = chartsOf(table);
  if (charts.length > 0) await mkdir(folder, { recursive: true });
  const names: string[] = [];
  for (const chart of charts) {
    const name = `${scenario}-${chart.name}.svg`;
    await writeFile(new URL(name, folder), drawn(chart));
    names.push(name);
  }
  return names;
}

export function drawn({ title, unit, series }: Chart): string {
  const all = series.flatMap(({ points }) => points);
  const xs = [...new Set(all.map(([x]) => x))].sort((a, b) => a - b);
  const [left, right] = [xs[0] as number, xs.at(-1) as number];
  const top = niceAbove(Math.max(...all.map(([, y]) => y)));
  const plot = { w: width - margin.left - margin.right, h: height - margin.top - margin.bottom };
  const px = (x: number): number => margin.left + (right === left ? 0 : ((x - left) / (right - left)) * plot.w);
  const py = (y: number): number => margin.top + plot.h - (y / top) * plot.h;
  const parts = [
    text(margin.left, 22, title, 'font-size="14" font-weight="600"'),
    ...[0, 0.25, 0.5, 0.75, 1].flatMap((share) => {
      const y = py(share * top);
      return [
        `<line x1="${margin.left}" y1="${y}" x2="${margin.left + plot.w}" y2="${y}" stroke="#8884"/>`,
        text(margin.left - 8, y + 4, String(Number((share * top).toPrecision(3))), 'text-anchor="end"'),
      ];
    }),
    ...xs.map((x) => text(px(x), height - margin.bottom + 18, String(x), 'text-anchor="middle"')),
    text(margin.left + plot.w / 2, height - 8, 'calls', 'text-anchor="middle"'),
    text(margin.left - 8, margin.top - 6, unit, 'text-anchor="end"'),
    ...series.flatMap(({ name, points }, n) => {
      const colour = colours[n % colours.length] as string;
      const at = points.map(([x, y]) => `${px(x).toFixed(1)},${py(y).toFixed(1)}`);
      return [
        `<polyline points="${at.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>`,
        ...at.map((place) => {
          const [x, y] = place.split(',');
          return `<circle cx="${x}" cy="${y}" r="3" fill="${colour}"/>`;
        }),
        text(width - margin.right + 14, margin.top + 14 + n * 18, name, `fill="${colour}"`),
      ];
    }),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="11" fill="#777">
<title>${escaped(title)}</title>
<rect width="100%" height="100%" fill="#fff"/>
${parts.join('\n')}
</svg>
`;
}

function text(x: number, y: number, what: string, attributes: string): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${attributes}>${escaped(what)}</text>`;
}

function escaped(what: string): string {
  return what.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}

/** 1, 2 or 5 times a power of ten. */
function niceAbove(value: number): number {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5, 10].find((step) => step * power >= value) as number) * power;
}

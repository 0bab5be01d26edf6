import { expect, it } from 'vitest';
import { chartsOf, drawn } from '../../bench/lab/chart.ts';

const table = {
  title: 'Bridge',
  head: ['calls', 'sockets', 'Tandem µs/packet', 'C relay µs/packet', 'ratio', 'added latency p50 / p99 ms'],
  rows: [
    ['100', 'dgram', '20.0', '8.0', '2.5 ×', '0.10 / 0.60'],
    ['100', 'native', '9.0', '8.0', '1.1 ×', '0.05 / n/a'],
    ['300', 'dgram', '16.0', '6.0', '2.7 ×', '0.20 / 2.90'],
    ['300', 'native', '7.0', '6.0', '1.2 ×', '0.08 / 0.30'],
  ],
  notes: [],
};

it('draws the CPU time of each kind of sockets beside the yardstick, and the latencies', () => {
  const [cpu, latency] = chartsOf(table);
  expect(cpu?.series.map(({ name }) => name)).toEqual(['Tandem, dgram', 'Tandem, native', 'C relay']);
  expect(cpu?.series[1]?.points).toEqual([
    [100, 9],
    [300, 7],
  ]);
  expect(latency?.series.map(({ name }) => name)).toEqual(['p50, dgram', 'p50, native', 'p99, dgram', 'p99, native']);
  // What could not be measured has no point.
  expect(latency?.series[3]?.points).toEqual([[300, 0.3]]);
  const svg = drawn(cpu ?? expect.fail('no chart'));
  expect(svg.match(/<polyline/g)).toHaveLength(3);
  expect(svg).not.toMatch(/NaN|undefined/);
});

it('draws nothing of a table of another shape', () => {
  expect(chartsOf({ ...table, head: ['what', 'ms'], rows: [['a', '1']] })).toEqual([]);
});

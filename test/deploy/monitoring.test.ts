/** The dashboard and the alerts ask for figures that there are. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { Metrics } from '../../src/control/metrics/metrics.ts';
import { FakeClock } from '../../src/testing/index.ts';
import { idleReport, TestSubject } from '../control/http/support.ts';

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly action: string };
}

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly type: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string }[];
}

const read = (path: string): string => readFileSync(new URL(`../../deploy/${path}`, import.meta.url), 'utf8');
const dashboard = JSON.parse(read('grafana/tandem.json')) as { readonly panels: readonly Panel[] };
const alerts = parse(read('prometheus/alerts.yaml')) as {
  readonly groups: readonly { readonly rules: readonly Rule[] }[];
};
const rules = alerts.groups.flatMap((group) => group.rules);

/** Series of a server that has all there is: name → names of its labels. */
async function figures(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const subject = new TestSubject();
  const counts = { delivered: 0, retried: 0, dropped: 0, queued: 0 };
  const probe = {
    memory: () => ({ rss: 1, heapUsed: 1, external: 1 }),
    cpuSeconds: () => 1,
    loopLag: () => ({ p50: 0, p99: 0, max: 0 }),
  };
  const metrics = new Metrics(subject, {
    ...{ clock: new FakeClock(), probe },
    webhooks: { stats: [{ host: 'h', ...counts }] },
  });
  const text = await metrics.text({
    ...idleReport,
    trunks: [{ name: 't', state: 'up', calls: 0 }],
    registrations: [{ state: 'registered' }],
    admission: {
      maxCalls: 1,
      load: { main: 0, media: 0, process: 0, lag: 0 },
      refusing: undefined,
      refused: { calls: 0 },
    },
    recovery: { recovered: 0, lost: 0, problem: undefined },
    cdrs: [{ name: 'file', waiting: 0, sent: 0, dropped: 0 }],
    telemetry: { sent: 0, waiting: 0, dropped: 0 },
    store: { required: false, state: 'ready', error: undefined, pending: 0, cdrs: 0, dropped: 0, losses: 0 },
  });
  metrics.close();
  const found = new Map<string, Set<string>>([['up', new Set()]]);
  for (const [, name = '', type] of text.matchAll(/^# TYPE (\S+) (\S+)/gm))
    for (const suffix of type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''])
      found.set(name + suffix, new Set());
  for (const [, name = '', labels = ''] of text.matchAll(/^([a-z_]+)\{([^}]*)\}/gm))
    for (const [, label = ''] of labels.matchAll(/(\w+)="/g)) found.get(name)?.add(label);
  return found;
}

/** Names of series in a query, each with the labels that are asked of it. */
function asked(expr: string): { readonly name: string; readonly labels: readonly string[] }[] {
  return [...expr.matchAll(/\b((?:tandem|process|nodejs)_\w+|up)\b(?:\{([^}]*)\})?/g)].map(
    ([, name = '', matchers = '']) => ({
      name,
      labels: [...matchers.matchAll(/(\w+)\s*[=!]~?/g)].map(([, label = '']) => label),
    }),
  );
}

const queries = [
  ...dashboard.panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => [title, expr] as const)),
  ...rules.map(({ alert, expr }) => [alert, expr] as const),
];

/** Labels that Prometheus adds. */
const added = new Set(['instance', 'job']);

test('every query asks for figures and labels that a server has', async () => {
  const known = await figures();
  const wrong: string[] = [];
  for (const [where, expr] of queries) {
    const names = asked(expr);
    if (names.length === 0) wrong.push(`${where}: asks for nothing`);
    for (const { name, labels } of names) {
      const own = known.get(name);
      if (!own) wrong.push(`${where}: there is no ${name}`);
      // Of what has no series yet the labels are not known.
      else if (own.size > 0)
        wrong.push(
          ...labels.filter((one) => !own.has(one) && !added.has(one)).map((one) => `${where}: ${name} has no ${one}`),
        );
    }
  }
  expect(wrong).toEqual([]);
});

test('every figure of a server is in the dashboard', async () => {
  const shown = new Set(
    dashboard.panels.flatMap(({ targets = [] }) => targets.flatMap(({ expr }) => asked(expr).map(({ name }) => name))),
  );
  const left = [...(await figures()).keys()].filter(
    (name) => name !== 'up' && !/_(sum|count)$/.test(name) && !shown.has(name),
  );
  expect(left).toEqual([]);
});

test.for(queries)('%s: brackets and quotes of %s are closed', ([, expr]) => {
  const open: string[] = [];
  const pairs: Readonly<Record<string, string>> = { ')': '(', '}': '{', ']': '[' };
  for (const sign of expr.replace(/"(?:[^"\\]|\\.)*"/g, '')) {
    if ('({['.includes(sign)) open.push(sign);
    else if (pairs[sign] !== undefined) expect(open.pop()).toBe(pairs[sign]);
    expect(sign).not.toBe('"');
  }
  expect(open).toEqual([]);
});

describe('alerts', () => {
  test('have names of their own', () => {
    const names = rules.map(({ alert }) => alert);
    expect(names).toEqual([...new Set(names)]);
  });

  test.for(rules)('$alert says what is wrong and, in a sentence, what to do', ({ annotations, labels }) => {
    expect(['critical', 'warning']).toContain(labels.severity);
    expect(annotations.summary.length).toBeGreaterThan(10);
    expect(annotations.action).toMatch(/^[A-Z][^\n]{20,}\.$|=\.$/);
  });
});

test('panels do not lie on each other', () => {
  const { panels } = dashboard;
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  for (const { gridPos: one, id } of panels)
    for (const { gridPos: other } of panels.filter((panel) => panel.id > id))
      expect(
        one.x < other.x + other.w && other.x < one.x + one.w && one.y < other.y + other.h && other.y < one.y + one.h,
      ).toBe(false);
});

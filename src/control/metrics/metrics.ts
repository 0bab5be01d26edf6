/** `/metrics`: the figures in Prometheus' text format. The only file that knows prom-client. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Clock } from '../../base/clock.ts';
import type { WebhookStats } from '../events/webhook.ts';
import type { HttpSubject, ObservedRegistry, TandemReport } from '../http/subject.ts';
import { CallCounts } from './call-counts.ts';
import type { ProcessProbe } from './node-probe.ts';

export interface MetricsOptions {
  readonly clock: Clock;
  readonly probe: ProcessProbe;
  readonly webhooks: { readonly stats: readonly WebhookStats[] };
}

const setupSeconds = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120];
const lossShares = [0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5];
const jitterSeconds = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2];
const mosValues = [1, 2, 2.5, 3, 3.5, 3.8, 4, 4.2, 4.4, 4.5];

export class Metrics {
  readonly contentType: string;
  readonly #registry = new Registry();
  readonly #subject: HttpSubject;
  readonly #options: MetricsOptions;
  readonly #counts: CallCounts;

  constructor(subject: HttpSubject, options: MetricsOptions) {
    this.#subject = subject;
    this.#options = options;
    this.contentType = this.#registry.contentType;
    const setup = this.#histogram('call_setup_seconds', 'From INVITE to answer', ['direction'], setupSeconds);
    const loss = this.#histogram('rtp_loss_ratio', 'Packets lost, of ended calls', ['side'], lossShares);
    const jitter = this.#histogram('rtp_jitter_seconds', 'Jitter of ended calls (RFC 3550)', ['side'], jitterSeconds);
    const mos = this.#histogram('rtp_mos', 'How ended calls sounded, 1 to 4.5 (ITU-T G.107)', ['side'], mosValues);
    this.#counts = new CallCounts(subject.tandem, options.clock, {
      answered: (direction, seconds) => setup.observe({ direction }, seconds),
      ended: (quality) => {
        const { side } = quality;
        if (quality.loss !== undefined) loss.observe({ side }, quality.loss);
        if (quality.jitter !== undefined) jitter.observe({ side }, quality.jitter);
        if (quality.mos !== undefined) mos.observe({ side }, quality.mos);
      },
    });
    this.#countSignalling();
    this.#watchProcess();
  }

  /** @param report what is open; undefined when it cannot be told: its figures are left out then */
  async text(report: TandemReport | undefined): Promise<string> {
    const now = new Registry();
    if (report) describeReport(now, report);
    if (report?.store) describeStore(now, report.store);
    if (report?.admission) describeAdmission(now, report.admission);
    if (report?.recovery) describeRecovery(now, report.recovery);
    if (report?.cdrs?.length) describeCdrs(now, report.cdrs);
    const { registry } = this.#subject;
    if (registry) describeDialogs(now, registry.statistics);
    describeWebhooks(now, this.#options.webhooks.stats);
    return `${await this.#registry.metrics()}\n${await now.metrics()}`;
  }

  close(): void {
    this.#counts.close();
  }

  #countSignalling(): void {
    const { live, created, ended, requests, responses, ways, refused } = this.#counts;
    const registers = [this.#registry];
    fromMap(Gauge, registers, 'calls', 'Legs of calls that there are', ['state', 'direction'], live);
    fromMap(Counter, registers, 'calls_total', 'Legs of calls that began', ['direction'], created);
    fromMap(Counter, registers, 'calls_ended_total', 'Legs that ended, and who ended them', ['direction', 'by'], ended);
    fromMap(Counter, registers, 'sip_requests_total', 'SIP requests', ['direction', 'method'], requests);
    fromMap(Counter, registers, 'media_ways_total', 'ICE and DTLS of legs, by outcome', ['protocol', 'state'], ways);
    fromMap(Counter, registers, 'media_refused_total', 'Refused checks of ICE and records of DTLS', ['cause'], refused);
    const by = ['direction', 'method', 'status'];
    fromMap(Counter, registers, 'sip_responses_total', 'SIP responses', by, responses);
  }

  #watchProcess(): void {
    const { probe } = this.#options;
    const registers = [this.#registry];
    new Gauge({
      name: 'tandem_event_loop_lag_seconds',
      help: 'How late timers of the main thread were since the last scrape',
      labelNames: ['quantile'],
      registers,
      collect() {
        const { p50, p99, max } = probe.loopLag();
        this.set({ quantile: '0.5' }, p50);
        this.set({ quantile: '0.99' }, p99);
        this.set({ quantile: '1' }, max);
      },
    });
    const gauge = (name: string, help: string, value: () => number): void =>
      void new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(value());
        },
      });
    gauge('process_resident_memory_bytes', 'Memory of the process', () => probe.memory().rss);
    gauge('nodejs_heap_size_used_bytes', 'Heap of the main thread in use', () => probe.memory().heapUsed);
    gauge(
      'nodejs_external_memory_bytes',
      'Memory of the main thread outside of its heap',
      () => probe.memory().external,
    );
    new Counter({
      name: 'process_cpu_seconds_total',
      help: 'Processor time of all threads',
      registers,
      collect() {
        this.reset();
        this.inc(probe.cpuSeconds());
      },
    });
  }

  #histogram(name: string, help: string, labelNames: string[], buckets: number[]): Histogram {
    return new Histogram({ name: `tandem_${name}`, help, labelNames, buckets, registers: [this.#registry] });
  }
}

/** Counted elsewhere: by labels in the order of `labelNames`, with a space between. */
function fromMap(
  Type: typeof Gauge | typeof Counter,
  registers: Registry[],
  name: string,
  help: string,
  labelNames: string[],
  counts: ReadonlyMap<string, number>,
): void {
  new Type({
    name: `tandem_${name}`,
    help,
    labelNames,
    registers,
    collect() {
      this.reset();
      for (const [key, count] of counts) {
        const values = key.split(' ');
        this.inc(Object.fromEntries(labelNames.map((label, index) => [label, values[index] ?? ''])), count);
      }
    },
  });
}

type Rows = readonly (readonly [label: string, value: number])[];

function rows(
  Type: typeof Gauge | typeof Counter,
  registry: Registry,
  name: string,
  help: string,
  label: string,
  of: Rows,
): void {
  const metric = new Type({ name: `tandem_${name}`, help, labelNames: [label], registers: [registry] });
  for (const [value, number] of of) metric.inc({ [label]: value }, number);
}

function one(registry: Registry, name: string, help: string, value: number): void {
  new Gauge({ name: `tandem_${name}`, help, registers: [registry] }).set(value);
}

function numbersOf(record: object): Rows {
  return Object.entries(record).filter((row): row is [string, number] => typeof row[1] === 'number');
}

function describeReport(registry: Registry, report: TandemReport): void {
  const { counters, ...open } = report.sip;
  rows(Gauge, registry, 'sip_open', 'Transactions, dialogs, connections, … that are kept', 'what', numbersOf(open));
  rows(Counter, registry, 'sip_events_total', 'What happened to SIP messages, by cause', 'cause', numbersOf(counters));
  rows(Gauge, registry, 'media', 'Legs, bridges, recordings, … of the media engine', 'what', numbersOf(report.media));
  const states = Map.groupBy(report.registrations, ({ state }) => state);
  const registrations = [...states].map(([state, { length }]) => [state, length] as const);
  rows(Gauge, registry, 'registrations', 'Our registrations elsewhere', 'state', registrations);
  one(registry, 'registered_phones', 'Phones that are registered here', report.bindings);
  const trunks = report.trunks.map(({ name, state }) => [name, state === 'up' ? 1 : 0] as const);
  rows(Gauge, registry, 'trunk_up', 'Whether a trunk takes calls', 'trunk', trunks);
  const calls = report.trunks.map((trunk) => [trunk.name, trunk.calls] as const);
  rows(Gauge, registry, 'trunk_calls', 'Calls of a trunk', 'trunk', calls);
  one(registry, 'draining', 'Whether new calls are refused', report.draining ? 1 : 0);
}

function describeAdmission(registry: Registry, admission: NonNullable<TandemReport['admission']>): void {
  const { maxCalls, load, refusing, refused } = admission;
  one(registry, 'max_calls', 'Calls that are taken at once; 0: as many as come', maxCalls);
  one(registry, 'overloaded', 'Whether new calls are refused for want of room', refusing === undefined ? 0 : 1);
  rows(Counter, registry, 'calls_refused_total', 'Calls refused for want of room', 'cause', numbersOf(refused));
  if (load)
    rows(
      Gauge,
      registry,
      'load',
      'Shares of a core (main, media) and of all cores; lag in ms',
      'what',
      numbersOf(load),
    );
}

function describeRecovery(registry: Registry, recovery: NonNullable<TandemReport['recovery']>): void {
  const { problem, recovered, lost } = recovery;
  one(registry, 'journal_up', 'Whether calls would outlive a crash now', problem === undefined ? 1 : 0);
  rows(Gauge, registry, 'recovered_calls', 'What became of the calls of the process before', 'what', [
    ['recovered', recovered],
    ['lost', lost],
  ]);
}

function describeCdrs(registry: Registry, cdrs: NonNullable<TandemReport['cdrs']>): void {
  const each = (key: 'waiting' | 'sent' | 'dropped'): [string, number][] => cdrs.map((one) => [one.name, one[key]]);
  rows(Gauge, registry, 'cdr_waiting', 'Records of calls that are not taken yet', 'sink', each('waiting'));
  rows(Counter, registry, 'cdr_sent_total', 'Records of calls that were taken', 'sink', each('sent'));
  rows(Counter, registry, 'cdr_dropped_total', 'Records of calls that were pushed out', 'sink', each('dropped'));
}

function describeStore(registry: Registry, store: NonNullable<TandemReport['store']>): void {
  one(registry, 'store_up', 'Whether the database of the calls takes what is written', store.state === 'ready' ? 1 : 0);
  rows(Gauge, registry, 'store_pending', 'Calls and call detail records that wait for the database', 'what', [
    ['calls', store.pending],
    ['cdrs', store.cdrs],
  ]);
  rows(Counter, registry, 'store_events_total', 'How often the database was lost, and what it did not take', 'what', [
    ['lost', store.losses],
    ['dropped', store.dropped],
  ]);
}

function describeDialogs(registry: Registry, statistics: ObservedRegistry['statistics']): void {
  const { active, early, processed, expired, failed } = statistics;
  rows(Gauge, registry, 'dialogs', 'Calls in the registry', 'state', [
    ['active', active],
    ['early', early],
  ]);
  rows(Counter, registry, 'dialogs_total', "Calls of the registry, as Kamailio's statistics count them", 'what', [
    ['processed', processed],
    ['expired', expired],
    ['failed', failed],
  ]);
}

function describeWebhooks(registry: Registry, hooks: readonly WebhookStats[]): void {
  const of = (name: 'delivered' | 'retried' | 'dropped' | 'queued'): Rows =>
    hooks.map((hook) => [hook.host, hook[name]]);
  rows(Counter, registry, 'webhook_delivered_total', 'Events that a webhook took', 'host', of('delivered'));
  rows(Counter, registry, 'webhook_retries_total', 'Events sent again', 'host', of('retried'));
  rows(Counter, registry, 'webhook_dropped_total', 'Events given up, or too many', 'host', of('dropped'));
  rows(Gauge, registry, 'webhook_queued', 'Events that wait', 'host', of('queued'));
}

/** One run of `callload` or `loadgen` against a process, with that process's CPU time over the measured window. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Child } from './child.ts';
import { type CoreTimes, coreTimes, cpuNanos, loadCore, serverCore } from './cores.ts';

/** Times in ms. */
export interface Histogram {
  readonly n: number;
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** The line that callload prints; parts depend on its `--rtp` mode. */
export interface CallloadReport {
  readonly calls: number;
  readonly window_s: number;
  readonly calls_established: number;
  readonly calls_ok: number;
  readonly calls_failed: number;
  readonly bye_failed: number;
  readonly retx_invite: number;
  readonly retx_bye: number;
  readonly retx_200: number;
  readonly setup_ms: Histogram;
  readonly achieved_cps: number;
  readonly rtp: {
    readonly received: number;
    readonly loss_pct: number;
    readonly misrouted: number;
    readonly bad_payload: number;
    readonly silent_streams: number;
    readonly streams_mean_latency_over_20ms: number;
  };
  readonly rtt_ms: Histogram;
  readonly lat_a_to_b_ms: Histogram;
  readonly lat_b_to_a_ms: Histogram;
  readonly rx: { readonly in_window: number; readonly rate_deficit_pct: number; readonly seq_gap_lost: number };
  readonly interarrival_dev_ms: Histogram;
  readonly gen_send_lateness_ms: Histogram;
  readonly server: { readonly rss_before_kb: number; readonly rss_kb: number };
  readonly host: { readonly gen_cpu_pct: number; readonly gen_socket_drops: number };
}

export interface Load {
  readonly calls: number;
  /** Calls that start per second. */
  readonly rate: number;
  readonly rtp: 'none' | 'echo' | 'recv' | 'bridge';
  /** Of the measured window; set-up has none. */
  readonly seconds?: number;
  readonly warmup?: number;
  readonly uas?: number;
  readonly uasRingMs?: number;
  /** How long a call without RTP lasts; default it ends at once. */
  readonly holdMs?: number;
  /** Name in From, by which a script tells what to do. */
  readonly user?: string;
  /** Streams start when told by `onReady`. */
  readonly onReady?: (child: Child) => Promise<void>;
}

/** A measured window: what the load generator saw, what it cost the server, and what else used the two cores. */
export interface Measured {
  readonly report: CallloadReport;
  readonly cpuMs: number;
  /** Why the figures are not to be trusted; undefined when they are. */
  readonly disturbed: string | undefined;
}

/** Of a core, in the window: more than this used by others spoils the run. */
const foreignShare = 0.08;
const stolenShare = 0.02;
/** The generator beats every 1 ms: a p99 above this means that it was not there in time. */
const lateMs = 4;
const sampleMs = 50;

interface Sample {
  readonly at: number;
  readonly cpuMs: number;
  readonly server: CoreTimes;
  readonly load: CoreTimes;
}

/** Records CPU times while a load runs; the window is cut out afterwards. */
export class CpuTrace {
  readonly #pid: number;
  readonly #samples: Sample[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(pid: number) {
    this.#pid = pid;
    this.sample();
    this.#timer = setInterval(() => this.sample(), sampleMs);
  }

  sample(): void {
    const nanos = cpuNanos(this.#pid);
    if (nanos === undefined) return;
    const [server, load] = [coreTimes(serverCore), coreTimes(loadCore)];
    this.#samples.push({ at: performance.now(), cpuMs: nanos / 1e6, server, load });
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** What was used in the last `seconds` before `end`. */
  window(end: number, seconds: number): { cpuMs: number; foreign: number; stolen: number; load: number } {
    const [from, to] = [this.#at(end - seconds * 1000), this.#at(end)];
    const took = (to.at - from.at) / (seconds * 1000);
    const cpuMs = (to.cpuMs - from.cpuMs) / took;
    const wall = to.at - from.at;
    return {
      cpuMs,
      foreign: (to.server.busyMs - from.server.busyMs - (to.cpuMs - from.cpuMs)) / wall,
      stolen: (to.server.stolenMs - from.server.stolenMs + to.load.stolenMs - from.load.stolenMs) / wall,
      load: (to.load.busyMs - from.load.busyMs) / wall,
    };
  }

  #at(time: number): Sample {
    const near = (sample: Sample): number => Math.abs(sample.at - time);
    return this.#samples.reduce((best, sample) => (near(sample) < near(best) ? sample : best));
  }
}

/** Loads `target`, which the process `pid` serves. */
export async function callload(program: string, target: string, pid: number, load: Load): Promise<Measured> {
  const { calls, rate, rtp, seconds = 0, warmup = 1, uas, uasRingMs, holdMs, user, onReady } = load;
  const args = ['--target', target, '--calls', calls, '--rate', rate, '--rtp', rtp, '--pid', pid].map(String);
  if (rtp !== 'none') args.push('--duration', String(seconds), '--warmup', String(warmup), '--drain', '0.3');
  if (uas !== undefined) args.push('--uas', String(uas));
  if (uasRingMs !== undefined) args.push('--uas-ring', String(uasRingMs));
  if (holdMs !== undefined) args.push('--hold', String(holdMs));
  if (user !== undefined) args.push('--user', user);
  if (onReady) args.push('--wait-signal');
  const trace = new CpuTrace(pid);
  const begin = performance.now();
  await using child = new Child(program, args, { core: loadCore });
  let end = 0;
  child.onStderrLine = (line) => {
    if (line === 'WINDOW') {
      end = performance.now();
      trace.sample();
    } else if (line === 'READY') void onReady?.(child);
  };
  const code = await child.exited;
  trace.stop();
  if (code !== 0 || end === 0) throw new Error(`callload ended with status ${code}: ${child.stderr.at(-1) ?? ''}`);
  const report = JSON.parse(child.stdout) as CallloadReport;
  if (report.calls_established === 0) throw new Error('not one call was answered');
  const window = rtp === 'none' ? (end - begin) / 1000 : report.window_s;
  const { cpuMs, foreign, stolen, load: loadBusy } = trace.window(end, window);
  const others = loadBusy - report.host.gen_cpu_pct / 100;
  return { report, cpuMs, disturbed: disturbance({ foreign, stolen, others, report, rtp }) };
}

interface Conditions {
  readonly foreign: number;
  readonly stolen: number;
  readonly others: number;
  readonly report: CallloadReport;
  readonly rtp: Load['rtp'];
}

function disturbance({ foreign, stolen, others, report, rtp }: Conditions): string | undefined {
  const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;
  if (stolen > stolenShare) return `${percent(stolen)} of the cores stolen by the host`;
  if (foreign > foreignShare) return `${percent(foreign)} of the server's core used by others`;
  if (others > 3 * foreignShare) return `${percent(others)} of the generator's core used by others`;
  if (report.host.gen_socket_drops > 0) return 'the generator dropped packets';
  if (rtp === 'none') return undefined;
  const { p99 } = report.gen_send_lateness_ms;
  return p99 > lateMs ? `the generator was ${p99} ms late at p99` : undefined;
}

/** What `loadgen relay` prints. */
interface LoadgenReport {
  readonly us_per_pkt: number;
  readonly loss_pct: number;
  readonly p50_us: number;
  readonly p99_us: number;
  readonly late_max_us: number;
}

export interface Relayed {
  readonly microsPerPacket: number;
  readonly p50: number;
  readonly p99: number;
  readonly disturbed: string | undefined;
}

/** The C relay (one connected socket for each stream) at `calls` calls of two streams. */
export async function cRelay(relay: string, loadgen: string, calls: number, seconds: number): Promise<Relayed> {
  await using server = new Child(relay, ['rs', String(calls)], { core: serverCore });
  await sleep(200);
  const trace = new CpuTrace(server.pid);
  await using child = new Child(
    loadgen,
    ['relay', '--calls', calls, '--secs', seconds, '--warm', 1, '--pid', server.pid].map(String),
    { core: loadCore },
  );
  const code = await child.exited;
  trace.stop();
  if (code !== 0) throw new Error(`loadgen ended with status ${code}: ${child.stderr.at(-1) ?? ''}`);
  const report = JSON.parse(child.stdout) as LoadgenReport;
  const { foreign, stolen } = trace.window(performance.now(), seconds + 1);
  const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;
  return {
    microsPerPacket: report.us_per_pkt,
    p50: report.p50_us / 1000,
    p99: report.p99_us / 1000,
    disturbed:
      stolen > stolenShare || foreign > foreignShare
        ? `${percent(foreign)} of the relay's core used by others, ${percent(stolen)} stolen`
        : undefined,
  };
}

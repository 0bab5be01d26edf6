/**
 * Whether one more call can be taken: there are fewer than `maxCalls`, and neither a thread of ours nor the machine is
 * near its end. A call that is taken is served well, or it is not taken.
 */
import type { Clock, Timer } from '../base/clock.ts';
import { ConfigError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';

export interface AdmissionOptions {
  /** Calls at once, in and out, a call with its second leg counting once; 0 (default): as many as come. */
  readonly maxCalls?: number;
  /** Share of a core that the main thread or a media thread may use, and all of them of all cores; 0: any. Default 0.9. */
  readonly maxCpu?: number;
  /** ms that timers of the main thread may be late (p99 of a second); 0: any. Default 200. */
  readonly maxLag?: number;
  /** Seconds that a caller is told to wait. Default 10. */
  readonly retryAfter?: number;
}

/** How busy this process is, in the time since it was last asked. Shares are 0 to 1. */
export interface Load {
  /** Of a core, of the main thread. */
  readonly main: number;
  /** Of a core, of the busiest media thread. */
  readonly media: number;
  /** Of all cores that this process may use. */
  readonly process: number;
  /** ms, p99 */
  readonly lag: number;
}

export interface LoadProbe {
  /** Resolves with what was used since the last time. */
  sample(): Promise<Load>;
  close(): void;
}

export type Shortage = 'calls' | 'cpu' | 'lag';

export interface AdmissionReport {
  readonly maxCalls: number;
  readonly load: Load | undefined;
  /** Why calls are refused now. */
  readonly refusing: Shortage | undefined;
  readonly refused: Readonly<Record<Shortage, number>>;
}

export interface AdmissionPorts {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Calls that there are. */
  readonly calls: () => number;
  /** Begins to look at the load; undefined: only calls are counted. */
  readonly probe: (() => LoadProbe) | undefined;
}

const sampleMs = 1000;
/** A second that was busy is no overload, two in a row are. */
const samples = 2;
/** It is over when the load is so far below the limit: else calls would be taken and refused in turn. */
const release = 0.9;
const defaults = { maxCalls: 0, maxCpu: 0.9, maxLag: 200, retryAfter: 10 };

export class Admission {
  readonly #options: Required<AdmissionOptions>;
  readonly #ports: AdmissionPorts;
  readonly #refused: Record<Shortage, number> = { calls: 0, cpu: 0, lag: 0 };
  #probe: LoadProbe | undefined;
  #load: Load | undefined;
  #overload: Exclude<Shortage, 'calls'> | undefined;
  #busy = 0;
  #timer: Timer | undefined;
  #closed = false;

  /** @throws ConfigError for a limit that is none */
  constructor(options: AdmissionOptions, ports: AdmissionPorts) {
    this.#options = { ...defaults, ...options };
    for (const [name, value] of Object.entries(this.#options))
      if (!(value >= 0)) throw new ConfigError(`admission.${name} is a number from 0 on, not ${value}`);
    if (this.#options.maxCpu > 1) throw new ConfigError('admission.maxCpu is a share, 1 at the most');
    this.#ports = ports;
  }

  /** Looks at the load from now on. */
  open(): void {
    const { maxCpu, maxLag } = this.#options;
    if (this.#closed || (maxCpu === 0 && maxLag === 0)) return;
    this.#probe = this.#ports.probe?.();
    if (this.#probe) this.#arm();
  }

  /** A call comes. @returns why it cannot be taken; it is counted then */
  refusal(): Shortage | undefined {
    const { maxCalls } = this.#options;
    const shortage = maxCalls > 0 && this.#ports.calls() >= maxCalls ? 'calls' : this.#overload;
    if (shortage) this.#refused[shortage]++;
    return shortage;
  }

  /** For Retry-After. */
  get retryAfter(): number {
    return this.#options.retryAfter;
  }

  get report(): AdmissionReport {
    const { maxCalls } = this.#options;
    const full = maxCalls > 0 && this.#ports.calls() >= maxCalls;
    return { maxCalls, load: this.#load, refusing: full ? 'calls' : this.#overload, refused: { ...this.#refused } };
  }

  #arm(): void {
    if (this.#closed) return;
    this.#timer = this.#ports.clock.setTimer(sampleMs, () => void this.#sample(), 'admission');
  }

  async #sample(): Promise<void> {
    this.#load = await this.#probe?.sample().catch(() => undefined);
    this.#arm();
    if (this.#load) this.#judge(this.#load);
  }

  #judge(load: Load): void {
    const { maxCpu, maxLag } = this.#options;
    const limit = this.#overload ? release : 1;
    const cpu = maxCpu > 0 && Math.max(load.main, load.media, load.process) > maxCpu * limit;
    const lag = maxLag > 0 && load.lag > maxLag * limit;
    this.#busy = cpu || lag ? this.#busy + 1 : 0;
    const before = this.#overload;
    if (this.#busy === 0) this.#overload = undefined;
    else if (this.#busy >= samples) this.#overload = cpu ? 'cpu' : 'lag';
    if (before === this.#overload) return;
    if (this.#overload) this.#ports.logger.warn({ load }, 'overloaded: new calls are refused');
    else this.#ports.logger.info({ load }, 'calls are taken again');
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#probe?.close();
  }
}

/** How busy this process is: its main thread, and all of it. */
import { availableParallelism } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** What was used since it was last asked; shares are 0 to 1. */
export interface NodeLoad {
  /** ms since then */
  readonly tookMs: number;
  /** Of a core, of this thread. */
  readonly main: number;
  /** Of all cores that this process may use. */
  readonly process: number;
  /** ms that timers of this thread were late, p99 */
  readonly lag: number;
}

const resolutionMs = 10;

/** Of the thread that makes it. */
export class NodeLoadProbe {
  readonly #delay = monitorEventLoopDelay({ resolution: resolutionMs });
  readonly #cores = availableParallelism();
  #at = performance.now();
  #main = threadCpuMs();
  #all = processCpuMs();

  constructor() {
    this.#delay.enable();
  }

  sample(): NodeLoad {
    const [at, main, all] = [performance.now(), threadCpuMs(), processCpuMs()];
    const took = Math.max(1, at - this.#at);
    const load = {
      tookMs: took,
      main: (main - this.#main) / took,
      process: (all - this.#all) / took / this.#cores,
      lag: this.#delay.count === 0 ? 0 : Math.max(0, this.#delay.percentile(99) / 1e6 - resolutionMs),
    };
    this.#delay.reset();
    [this.#at, this.#main, this.#all] = [at, main, all];
    return load;
  }

  close(): void {
    this.#delay.disable();
  }
}

/** ms of processor time of the calling thread. */
export function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

function processCpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

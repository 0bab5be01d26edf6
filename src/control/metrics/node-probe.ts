/** How this process is: memory, and how late the event loop was. */
import { monitorEventLoopDelay } from 'node:perf_hooks';

export interface ProcessProbe {
  memory(): { readonly rss: number; readonly heapUsed: number; readonly external: number };
  /** Seconds of processor time since the start. */
  cpuSeconds(): number;
  /** Seconds that timers were late since it was last asked. */
  loopLag(): { readonly p50: number; readonly p99: number; readonly max: number };
}

const resolutionMs = 10;
const nsPerSecond = 1e9;

export class NodeProbe implements ProcessProbe {
  readonly #lag = monitorEventLoopDelay({ resolution: resolutionMs });

  constructor() {
    this.#lag.enable();
  }

  memory(): { readonly rss: number; readonly heapUsed: number; readonly external: number } {
    return process.memoryUsage();
  }

  cpuSeconds(): number {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  }

  loopLag(): { readonly p50: number; readonly p99: number; readonly max: number } {
    // It measures whole intervals; without one it has no values.
    const late = (ns: number): number =>
      this.#lag.count === 0 ? 0 : Math.max(0, ns / nsPerSecond - resolutionMs / 1000);
    const lag = {
      p50: late(this.#lag.percentile(50)),
      p99: late(this.#lag.percentile(99)),
      max: late(this.#lag.max),
    };
    this.#lag.reset();
    return lag;
  }

  close(): void {
    this.#lag.disable();
  }
}

/** How busy this process and its media threads are. */
import { NodeLoadProbe } from '../base/node-load.ts';
import type { Load, LoadProbe } from './admission.ts';

export class ProcessLoad implements LoadProbe {
  readonly #probe = new NodeLoadProbe();
  readonly #mediaCpuMs: () => Promise<readonly number[]>;
  #before: readonly number[] = [];

  /** @param mediaCpuMs ms that each media thread has used */
  constructor(mediaCpuMs: () => Promise<readonly number[]>) {
    this.#mediaCpuMs = mediaCpuMs;
  }

  async sample(): Promise<Load> {
    const used = await this.#mediaCpuMs();
    const { tookMs, ...load } = this.#probe.sample();
    const before = this.#before;
    this.#before = used;
    // A thread that is new has used all of it since.
    const shares = used.map((ms, index) => Math.max(0, ms - (before[index] ?? ms)) / tookMs);
    return { ...load, media: Math.max(0, ...shares) };
  }

  close(): void {
    this.#probe.close();
  }
}

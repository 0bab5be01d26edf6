/**
 * Ends a run with one line for programs: `12 passed, 0 failed, 1 skipped`. A file that could not
 * be loaded and an error outside any test count as failed, so that "0 failed" means what it says.
 */
import type { Reporter, SerializedError, TestModule } from 'vitest/node';

export interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export function totalsOf(modules: readonly TestModule[], unhandled: readonly SerializedError[]): Totals {
  let passed = 0;
  let failed = unhandled.length;
  let skipped = 0;
  for (const module of modules) {
    let failedTests = 0;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      if (state === 'passed') passed++;
      else if (state === 'failed') failedTests++;
      else skipped++;
    }
    // A module that failed without a failed test did so on load or in a hook.
    failed += module.state() === 'failed' ? Math.max(1, failedTests) : failedTests;
  }
  return { passed, failed, skipped };
}

export default class TotalsReporter implements Reporter {
  #totals: Totals | undefined;

  constructor() {
    // At exit, so that nothing comes behind it.
    process.once('exit', () => {
      if (!this.#totals) return;
      const { passed, failed, skipped } = this.#totals;
      process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`);
    });
  }

  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    this.#totals = totalsOf(modules, unhandled);
  }
}

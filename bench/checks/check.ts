/** What every check is given, and its verdict. */
import type { Tools } from '../lab/tools.ts';

export interface Verdict {
  readonly passed: boolean;
  /** What was seen, in one line. */
  readonly seen: string;
}

export interface Check {
  readonly name: string;
  /** What is expected, in one line. */
  readonly expected: string;
  run(tools: Tools): Promise<Verdict>;
}

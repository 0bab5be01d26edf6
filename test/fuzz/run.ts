/**
 * `npm run fuzz`: mutated messages by the million, a thousand for each seed. What is found is printed with its seed and
 * saved, and one seed alone shows it again. Beside crashes and leaks it looks for time: one step (what one message, one
 * value or one timer sets off) may take 20 ms, and the heap is as large at the end as after a tenth.
 *
 *   npm run fuzz -- --messages 1000000 --seed 1   seeds 1 to 1000
 *   npm run fuzz -- --messages 1000 --seed 137    just that one
 *   npm run fuzz -- --rtp                         RTP instead of SIP; the others are in targets.ts
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { messageOf } from '../../src/base/errors.ts';
import { FuzzFinding, fuzz } from './fuzz.ts';
import { type FuzzTarget, targets } from './targets.ts';

const perSeed = 1000;
/** ms */
const longestStep = 20;
/** Share of the heap that it may have grown by. */
const growth = 0.1;
/** A step that took long is timed again, by its CPU time: a neighbour on the machine, or a collection of garbage, is no finding. */
const timesAgain = 3;

const wallMs = (): number => performance.now();
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' },
    ...Object.fromEntries(Object.keys(targets).map((name) => [name, { type: 'boolean' as const }])),
    /** Where inputs of findings go. */
    save: { type: 'string', default: join(tmpdir(), 'tandem-fuzz') },
    /** Ends at the first finding. */
    bail: { type: 'boolean', default: false },
  },
});
const first = Number(values.seed);
const messages = Number(values.messages);
const seeds = Math.max(1, Math.ceil(messages / perSeed));
const flags: Readonly<Record<string, unknown>> = values;
const { gc } = globalThis;
if (!gc) throw new Error('the heap can be measured with --expose-gc only: use npm run fuzz');

const named = Object.keys(targets).find((name) => flags[name]);
const target = named === undefined ? fuzz : (targets[named] as FuzzTarget);

/** Runs a seed. @returns how long each of its steps took, ms */
async function timed(seed: number, now: () => number): Promise<number[]> {
  const steps: number[] = [];
  await target(seed, {
    messages: Math.min(perSeed, messages),
    watch: (work) => {
      const started = now();
      work();
      steps.push(now() - started);
    },
  });
  return steps;
}

const longestOf = (steps: readonly number[]): number => steps.reduce((a, b) => Math.max(a, b), 0);

/** The longest step of a seed: of each step the shortest time that it ever took. */
async function longestAgain(seed: number, before: readonly number[]): Promise<number> {
  let steps = before;
  for (let left = timesAgain; left > 0; left--) {
    const again = await timed(seed, cpuMs);
    steps = steps.map((took, index) => Math.min(took, again[index] ?? took));
  }
  return longestOf(steps);
}

/** With what lies beside the heap: buffers. */
function heapMb(): number {
  gc?.();
  gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 1_048_576;
}

let findings = 0;
function report(seed: number, what: string, input?: Uint8Array): void {
  findings++;
  console.error(
    `\n${what}\n  again: npm run fuzz -- ${named === undefined ? '' : `--${named} `}--messages ${perSeed} --seed ${seed}`,
  );
  if (!input) return;
  mkdirSync(values.save, { recursive: true });
  const file = join(values.save, `seed-${seed}.dat`);
  writeFileSync(file, input);
  console.error(`  input: ${file}\n  ${JSON.stringify(Buffer.from(input).toString('latin1').slice(0, 500))}`);
}

const started = performance.now();
let heapEarly = 0;
let longest = { ms: 0, seed: first };
let done = 0;
for (let seed = first; seed < first + seeds; seed++) {
  try {
    const steps = await timed(seed, wallMs);
    if (longestOf(steps) > longest.ms) {
      const ms = await longestAgain(seed, steps);
      if (ms > longest.ms) longest = { ms, seed };
      if (ms > longestStep) report(seed, `seed ${seed}: a step of ${ms.toFixed(1)} ms`);
    }
  } catch (error) {
    const trace = error instanceof Error && error.cause instanceof Error ? `\n${error.cause.stack}` : '';
    report(seed, `${messageOf(error)}${trace}`, error instanceof FuzzFinding ? error.input : undefined);
  }
  if (findings > 0 && values.bail) break;
  done++;
  if (done === Math.ceil(seeds / 10)) heapEarly = heapMb();
  if (done % 50 === 0) console.error(`${done * perSeed} of ${seeds * perSeed} messages, ${findings} findings`);
}
const seconds = (performance.now() - started) / 1000;
const heapLate = heapMb();
const count = Math.min(done * perSeed, messages);
console.log(
  `${count} messages from seed ${first} on: ${findings} findings; ${seconds.toFixed(0)} s, ` +
    `${Math.round(count / seconds)} messages/s; longest step ${longest.ms.toFixed(1)} ms (seed ${longest.seed}); ` +
    `heap ${heapEarly.toFixed(1)} MB after a tenth, ${heapLate.toFixed(1)} MB at the end`,
);
if (heapLate > heapEarly * (1 + growth)) {
  findings++;
  console.error('the heap has grown');
}
process.exitCode = findings > 0 ? 1 : 0;

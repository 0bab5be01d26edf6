/** Runs the soak of the media plane and prints what it found, with the heap after each tenth. */
import { messageOf } from '../../src/base/errors.ts';
import { soakMedia } from './media.ts';

/** A network that is not good, and clocks as far apart as two bad ones are. */
const conditions = { loss: 0.01, jitterMs: 30, drift: 200 };
/** ms by which the sides of a recording may have moved against each other. */
const mostApart = 20;
/** Share of the heap that it may have grown by, from the first tenth on. */
const growth = 0.1;

/** @returns whether all is well */
export async function soakHours(seed: number, hours: number): Promise<boolean> {
  const { gc } = globalThis;
  if (!gc) throw new Error('the heap can be measured with --expose-gc only: use npm run soak');
  const heap: number[] = [];
  const onTenth = (): void => {
    gc();
    gc();
    const { heapUsed, external } = process.memoryUsage();
    heap.push((heapUsed + external) / 1_048_576);
    console.error(`${heap.length * 10} %: heap ${heap.at(-1)!.toFixed(1)} MB`);
  };
  const started = performance.now();
  try {
    const { virtualMs, packets, breaks, recordings } = await soakMedia(seed, { hours, ...conditions, onTenth });
    const wrong: string[] = [];
    const [early = 0] = heap;
    const late = heap.at(-1) ?? 0;
    if (late > early * (1 + growth)) wrong.push('the heap has grown');
    if (breaks > 0) wrong.push(`${breaks} packets of streams of ours did not follow the one before`);
    console.log(
      '| stereo recording | received side moved, ms | sent side | one against the other | at the most in between | marks |',
    );
    console.log('| --- | ---: | ---: | ---: | ---: | ---: |');
    for (const { name, received, sent, apart, mostApart: most, marks } of recordings) {
      const [left, right, expected] = marks;
      const figures = [received, sent, apart, most].map((ms) => ms.toFixed(1)).join(' | ');
      console.log(`| ${name} | ${figures} | ${left} and ${right} of ${expected} |`);
      if (!(apart < mostApart)) wrong.push(`${name}: the sides moved by ${apart.toFixed(1)} ms`);
      if (Math.min(left, right) < 0.9 * expected) wrong.push(`${name}: marks are missing`);
    }
    console.log(
      `${(virtualMs / 3_600_000).toFixed(1)} hours, ${packets} packets sent in ` +
        `${((performance.now() - started) / 1000).toFixed(0)} s; heap ${early.toFixed(1)} MB after a tenth, ` +
        `${late.toFixed(1)} MB at the end; nothing left`,
    );
    for (const what of wrong) console.error(`WRONG: ${what}`);
    return wrong.length === 0;
  } catch (error) {
    console.error(`seed ${seed} failed: ${messageOf(error)}`);
    return false;
  }
}

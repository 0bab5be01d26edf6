/**
 * `npm run soak`: many seeds, one after the other in this process. A seed that fails says how to see it again.
 *
 *   npm run soak -- --seeds 1000             seeds 1 to 1000
 *   npm run soak -- --from 5000 --seeds 100  seeds 5000 to 5099
 *   TANDEM_SEED=137 npm run soak             just that one, with its whole time line if it fails
 *   npm run soak -- --media --hours 8        hours of audio instead of calls: see media.ts
 *   npm run soak -- --media-real             half an hour of it in real time: see media-real.ts
 */
import { parseArgs } from 'node:util';
import { messageOf } from '../../src/base/errors.ts';
import { soakMinutes } from './media-real.ts';
import { soakHours } from './media-run.ts';
import { soak } from './soak.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    calls: { type: 'string', default: '50' },
    /** Ends at the first seed that fails. */
    bail: { type: 'boolean', default: false },
    /** The figures, for programs. */
    json: { type: 'boolean', default: false },
    media: { type: 'boolean', default: false },
    /** Virtual ones, of `media`. */
    hours: { type: 'string', default: '8' },
    'media-real': { type: 'boolean', default: false },
    /** Real ones, of `media-real`. */
    minutes: { type: 'string', default: '30' },
  },
});

const only = process.env.TANDEM_SEED;
const from = Number(only ?? values.from);
if (values['media-real']) process.exit((await soakMinutes(Number(values.minutes))) ? 0 : 1);
if (values.media) process.exit((await soakHours(from, Number(values.hours))) ? 0 : 1);
const count = only === undefined ? Number(values.seeds) : 1;
const calls = Number(values.calls);
const started = performance.now();
let [virtualMs, failed, done] = [0, 0, 0];
for (let seed = from; seed < from + count; seed++) {
  try {
    const report = await soak(seed, { calls, full: only !== undefined });
    virtualMs += report.virtualMs;
  } catch (error) {
    failed++;
    console.error(`\nseed ${seed} failed (TANDEM_SEED=${seed} npm run soak -- --calls ${calls})\n${messageOf(error)}`);
    if (values.bail) break;
  }
  done++;
  if (done % 100 === 0) console.error(`${done} of ${count} seeds, ${failed} failed`);
}
const wallMs = performance.now() - started;
if (values.json) console.log(JSON.stringify({ seeds: done, calls, failed, virtualMs, wallMs }));
else
  console.log(
    `${done} seeds of ${calls} calls: ${failed} failed; ${(virtualMs / 3_600_000).toFixed(1)} hours of calls in ` +
      `${(wallMs / 1000).toFixed(0)} s, ${Math.round(virtualMs / wallMs)} times as fast as they would be`,
  );
process.exitCode = failed > 0 ? 1 : 0;

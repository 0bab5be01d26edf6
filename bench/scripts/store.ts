/** Calls that were made by hand, written and read again, for `bench/scenarios/store.ts`. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { settle } from '../../test/registry/helpers.ts';
import { connected, run } from '../../test/store/suite.ts';

const calls = Number(process.env.CALLS ?? 1000);
const folder = mkdtempSync(join(tmpdir(), 'tandem-bench-store-'));
const url = `sqlite:${join(folder, 'calls.db')}`;
const written = await run(url);
for (let index = 0; index < calls; index++) connected(written, `call-${index}`)[0].variables.set('customer', 'acme');
await settle();
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
const writing = performance.now();
await written.store.flush();
const writeMs = performance.now() - writing;
delay.disable();
await written.store.close();
const reading = performance.now();
const read = await run(url);
const readMs = performance.now() - reading;
if (read.store.health.loaded !== calls) throw new Error(`${read.store.health.loaded} calls were read, not ${calls}`);
await read.store.close();
rmSync(folder, { recursive: true });
console.error(`done ${JSON.stringify({ writeMs, readMs, writeStallMs: delay.max / 1e6 })}`);

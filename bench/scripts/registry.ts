/** A registry with calls that were made by hand, for `bench/scenarios/registry.ts`: it says its port and waits. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createLogger } from '../../src/base/log.ts';
import { registryCommands } from '../../src/control/commands/index.ts';
import { openHttp } from '../../src/control/http/open.ts';
import { RpcMethods } from '../../src/control/rpc/methods.ts';
import { Tandem } from '../../src/tandem.ts';
import { call } from '../../test/registry/helpers.ts';

const calls = Number(process.env.CALLS ?? 1000);
const heap = (): number => {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
};
const perSecond = (since: number): number => calls / ((performance.now() - since) / 1000);

const logger = createLogger('warn');
const tandem = new Tandem({
  transports: [{ transport: 'udp', bindHost: '127.0.0.1', bindPort: 0 }],
  media: { workers: 0 },
  registry: { profilesWithValue: 'caller', autoProfiles: { caller: 'fromUri' } },
  logger,
});
const { registry } = tandem;
const before = heap();
const began = performance.now();
const all = Array.from({ length: calls }, (_, n) => {
  const one = call(registry, `${n}-${4711 * n}@192.0.2.1`, { fromUri: `sip:${n % 1000}@example.com` });
  one[1].up();
  return one;
});
const inserted = perSecond(began);
const bytes = (heap() - before) / calls;

const rounds = 1_000_000;
const asked = performance.now();
let size = 0;
for (let round = 0; round < rounds; round++) size += registry.profiles.size('caller', 'sip:5@example.com');
const sizeNs = ((performance.now() - asked) / rounds) * 1e6;

const methods = new RpcMethods(logger);
methods.add(...registryCommands({ registry, logger }));
const http = await openHttp({ tandem, registry, methods }, { listen: '127.0.0.1:0', logger });
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();

process.once('SIGUSR2', async () => {
  delay.disable();
  const removing = performance.now();
  for (const [, leg] of all) leg.end();
  await new Promise((resolve) => setImmediate(resolve));
  const removed = perSecond(removing);
  console.error(`end ${JSON.stringify({ stallMs: delay.max / 1e6, removed, left: registry.size })}`);
  await http.close();
  await tandem.close();
});
console.error(`ready ${JSON.stringify({ port: http.address.port, inserted, bytes, sizeNs, size: size / rounds })}`);

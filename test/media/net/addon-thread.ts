/** Opens, uses and closes an Io of the addon again and again in a thread of its own; the last one never rests. */
import { parentPort, threadId } from 'node:worker_threads';
import { loadAddon } from '../../../media/net/native-addon.ts';
import { createNativeIo } from '../../../media/net/native-udp-port.ts';
import type { UdpPort } from '../../../media/net/udp-port.ts';

const count = 200;
const loaded = loadAddon();
if (!loaded.ok) throw new Error(loaded.reason);

for (let round = 0; round < 3; round++) {
  const io = createNativeIo(loaded.addon);
  const echo: UdpPort = await io.bind('127.0.0.1', 0, (buffer, offset, length, from) => {
    echo.send(buffer, offset, length, from);
  });
  let heard = 0;
  const all = Promise.withResolvers<number>();
  const phone: UdpPort = await io.bind('127.0.0.1', 0, (buffer, offset, length, from) => {
    // Nobody hears what is another thread's.
    if (buffer[offset] === threadId && ++heard === count) all.resolve(heard);
    if (round === 2) phone.send(buffer, offset, length, from);
  });
  for (let n = 0; n < count; n++) {
    phone.send(Uint8Array.of(threadId, n), 0, 2, { address: '127.0.0.1', port: echo.port });
    if (n % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  parentPort?.postMessage(await all.promise);
  if (round === 2) break;
  await Promise.all([echo.close(), phone.close()]);
  io.close();
}

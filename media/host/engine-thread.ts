/** What a media worker runs: an engine on this thread's own clock, network and files. */
import { parentPort } from 'node:worker_threads';
import { createNodeRandom, nodeClock, nodeFiles } from '../../src/base/node.ts';
import { Engine } from '../engine/engine.ts';
import { createDgramIo } from '../net/dgram-udp-port.ts';
import type { Command } from '../protocol.ts';

const port = parentPort;
if (port) {
  const engine = new Engine({
    clock: nodeClock,
    random: createNodeRandom(),
    files: nodeFiles,
    udp: createDgramIo(),
    post: (events) => port.postMessage(events),
  });
  port.on('message', (message: Command[] | 'close') => {
    if (message === 'close') void engine.close().then(() => port.postMessage('closed'));
    else engine.handle(message);
  });
}

/** What a media worker runs: an engine on this thread's own clock, network and files. */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { createNodeRandom, nodeClock, nodeFiles } from '../../src/base/node.ts';
import { loadOpus } from '../codec/index.ts';
import { Engine } from '../engine/engine.ts';
import { createDgramIo } from '../net/dgram-udp-port.ts';
import type { Command } from '../protocol.ts';

/** What the thread is started with. */
export interface EngineThreadData {
  readonly opus: boolean;
}

type Message = Command[] | 'close';

const port = parentPort;
if (port) {
  // Commands wait meanwhile.
  if ((workerData as EngineThreadData).opus) await loadOpus();
  const engine = new Engine({
    clock: nodeClock,
    random: createNodeRandom(),
    files: nodeFiles,
    udp: createDgramIo(),
    saves: true,
    post: (events) => port.postMessage(events),
    waiting: () => {
      const received = receiveMessageOnPort(port) as { readonly message: Message } | undefined;
      return received && commandsOf(received.message);
    },
  });
  const commandsOf = (message: Message): Command[] => {
    if (message !== 'close') return message;
    void engine.close().then(() => port.postMessage('closed'));
    return [];
  };
  port.on('message', (message: Message) => engine.handle(commandsOf(message)));
}

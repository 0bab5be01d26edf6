/** What a media worker runs: an engine on this thread's own clock, network and files. */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { createNodeRandom, nodeClock, nodeFiles } from '../../src/base/node.ts';
import { threadCpuMs } from '../../src/base/node-load.ts';
import { loadOpus } from '../codec/index.ts';
import { Engine } from '../engine/engine.ts';
import { beatClock, openUdpIo } from '../net/own-udp-io.ts';
import type { Command } from '../protocol.ts';
import { recorderThread } from '../recorder/thread.ts';
import { raiseThread, shortenSlice } from './thread-priority.ts';
import type { EngineThreadData } from './worker.ts';

type Message = Command[] | 'close';

const port = parentPort;
if (port) {
  const { io, opus, saves } = workerData as EngineThreadData;
  raiseThread();
  if (io === 'native') shortenSlice();
  // Commands wait meanwhile.
  if (opus) await loadOpus();
  const udp = openUdpIo(io);
  const engine = new Engine({
    clock: nodeClock,
    random: createNodeRandom(),
    files: nodeFiles,
    recordingCoders: recorderThread(),
    udp,
    beatClock: beatClock(nodeClock, udp),
    saves,
    cpuMs: threadCpuMs,
    post: (events) => port.postMessage(events),
    waiting: () => {
      const received = receiveMessageOnPort(port) as { readonly message: Message } | undefined;
      return received && commandsOf(received.message);
    },
  });
  const commandsOf = (message: Message): Command[] => {
    if (message !== 'close') return message;
    void engine.close().then(() => {
      udp.close();
      port.postMessage('closed');
    });
    return [];
  };
  port.on('message', (message: Message) => engine.handle(commandsOf(message)));
}

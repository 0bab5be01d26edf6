/**
 * One half of a hand-over of legs between two processes, which talk by messages: `give` builds legs and hands them over,
 * `take` builds them again from data. Each says how long that took.
 */
import { once } from 'node:events';
import { type LegSnapshot, Media, type NegotiatedAudio } from '../../media/index.ts';
import { createNodeRandom, nodeClock, nodeFetch, nodeFiles } from '../../src/base/node.ts';
import { silentLogger } from '../../test/media/support/open-media.ts';

export interface HandOverPart {
  readonly ms: number;
  readonly snapshots: readonly LegSnapshot[];
}

const [, , half, ports, legs] = process.argv;
const min = Number(ports);
const media = new Media(
  { rtpPorts: { min, max: min + 2 * Number(legs) }, workers: 1 },
  { clock: nodeClock, random: createNodeRandom(), files: nodeFiles, fetch: nodeFetch, logger: silentLogger },
);
const create = { bindAddress: '127.0.0.1', callId: 'bench' };
const pcmu = { name: 'PCMU', payloadType: 0, clockRate: 8000, channels: 1, fmtp: undefined };
const audio: NegotiatedAudio = {
  codec: pcmu,
  receivePayloadTypes: [pcmu],
  telephoneEvent: undefined,
  remote: { address: '127.0.0.1', port: 9, rtcpPort: 9 },
  rtcpMux: false,
  direction: 'sendrecv',
  ptime: 20,
};

const said = (part: HandOverPart): Promise<void> => new Promise((resolve) => process.send?.(part, () => resolve()));

if (half === 'give') {
  await media.open();
  const all = await Promise.all(Array.from({ length: Number(legs) }, () => media.createLeg(create)));
  for (const leg of all) {
    leg.negotiate(audio);
    leg.tone({ frequencies: [440], cadence: [], level: -10 });
  }
  await said({ ms: 0, snapshots: [] });
  await once(process, 'message');
  const began = performance.now();
  const snapshots = await Promise.all(all.map((leg) => leg.handOver()));
  await said({ ms: performance.now() - began, snapshots });
} else {
  await media.prepare();
  await said({ ms: 0, snapshots: [] });
  const [snapshots] = (await once(process, 'message')) as [readonly LegSnapshot[]];
  const began = performance.now();
  await media.open();
  await Promise.all(snapshots.map((snapshot) => media.createLeg({ ...create, snapshot })));
  await said({ ms: performance.now() - began, snapshots: [] });
}
await media.close();
process.disconnect();

/** Bridges between Opus and PCMU, or PCMU and PCMU, for `bench/scenarios/transcode.ts`: it says its ports and waits. */
import { type Codec, Media } from '../../media/index.ts';
import { createLogger } from '../../src/base/log.ts';
import { createNodeRandom, nodeClock, nodeFetch, nodeFiles } from '../../src/base/node.ts';

const {
  calls = 0,
  first = 0,
  second = 0,
  opus = false,
} = JSON.parse(process.env.BRIDGES ?? '{}') as {
  readonly calls?: number;
  /** Where the two sides of all calls hear. */
  readonly first?: number;
  readonly second?: number;
  /** The first side speaks Opus. */
  readonly opus?: boolean;
};
const bindAddress = '127.0.0.1';
const pcmu: Codec = { name: 'PCMU', payloadType: 0, clockRate: 8000, channels: 1, fmtp: undefined };
const browser: Codec = { name: 'OPUS', payloadType: 111, clockRate: 48_000, channels: 2, fmtp: 'useinbandfec=1' };

const media = new Media(
  { workers: 0, opus, symmetricRtp: 'off', rtpPorts: { min: 12_000, max: 19_999 } },
  {
    clock: nodeClock,
    random: createNodeRandom(),
    files: nodeFiles,
    fetch: nodeFetch,
    logger: createLogger('warn'),
  },
);
await media.open();
const leg = async (codec: Codec, port: number) => {
  const made = await media.createLeg({ bindAddress, callId: 'bench' });
  made.negotiate({
    codec,
    receivePayloadTypes: [codec],
    telephoneEvent: undefined,
    remote: { address: bindAddress, port, rtcpPort: port + 1 },
    rtcpMux: false,
    direction: 'sendrecv',
    ptime: 20,
  });
  return made;
};
const ports: [number, number][] = [];
for (let i = 0; i < calls; i++) {
  const [a, b] = [await leg(opus ? browser : pcmu, first), await leg(pcmu, second)];
  const bridge = media.createBridge({ transcode: true });
  bridge.add(a);
  bridge.add(b);
  ports.push([a.port, b.port]);
}
process.stderr.write(`${JSON.stringify({ ports })}\n`);
process.once('SIGTERM', () => void media.close().then(() => process.exit(0)));

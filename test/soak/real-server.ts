/**
 * The server of `npm run soak -- --media-real`: media in threads over real sockets, told by its parent what to do. It makes
 * groups of legs, says what it holds, and ends.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Media, type MediaBridge, type MediaLeg, type RecordingHandle } from '../../media/index.ts';
import { machine } from '../media/support/open-media.ts';
import { negotiated } from '../media/support/phone.ts';
import { Marks, markEveryMs, markedPrompt } from './marks.ts';
import { type End, groupCodecs, type Request, type Sample } from './real-protocol.ts';

const bindAddress = '127.0.0.1';
/** ms: each recording becomes a file of its own after so long. */
const fileMs = 60_000;
/** Where files go, and where RTCP of all legs goes. */
const [folder = '', sink = ''] = process.argv.slice(2);

const media = new Media({ opus: true, rtpPorts: { min: 20_000, max: 29_999 } }, machine);
const prompt = markedPrompt();
const legs: MediaLeg[] = [];
const bridges: MediaBridge[] = [];
const wrong: string[] = [];
const files = new Map<MediaLeg, { readonly path: string; readonly recording: RecordingHandle }>();
let filesBegun = 0;
/** One recording from the beginning to the end. */
const marks = new Marks(8000);
let whole: { readonly recording: RecordingHandle; readonly since: number } | undefined;

function beginFile(leg: MediaLeg): void {
  const path = join(folder, `${filesBegun++}.wav`);
  files.set(leg, { path, recording: leg.record(path) });
}

async function endFile({ path, recording }: { readonly path: string; readonly recording: RecordingHandle }) {
  await recording.close().catch((error: Error) => wrong.push(`a recording: ${error.message}`));
  await rm(path, { force: true });
}

let changing: Promise<unknown> | undefined;
/** Everybody who is recorded gets another file; not while the files before are still being closed. */
const timer = setInterval(() => {
  const before = [...files.values()];
  if (changing) return;
  for (const leg of [...files.keys()]) beginFile(leg);
  changing = Promise.all(before.map(endFile)).finally(() => {
    changing = undefined;
  });
}, fileMs);

async function add(ports: readonly number[]): Promise<number[]> {
  const group: MediaLeg[] = [];
  for (const [at, port] of ports.entries()) {
    const beside = at % 2 === 1 && at < 4 ? { beside: group[at - 1]! } : {};
    const leg = await media.createLeg({ bindAddress, callId: String(port), ...beside });
    leg.onFailed = (error) => wrong.push(`a leg: ${error.message}`);
    leg.negotiate(negotiated({ address: bindAddress, port, rtcpPort: Number(sink) }, { codec: groupCodecs[at]! }));
    group.push(leg);
  }
  const [a, b, c, d, played, recorded] = group as [MediaLeg, MediaLeg, MediaLeg, MediaLeg, MediaLeg, MediaLeg];
  for (const pair of [
    [a, b],
    [c, d],
  ]) {
    const bridge = media.createBridge({ transcode: true });
    for (const leg of pair) bridge.add(leg);
    bridges.push(bridge);
  }
  for (const leg of [played, recorded]) leg.play(prompt, '', { loop: true });
  beginFile(recorded);
  legs.push(...group);
  return group.map(({ port }) => port);
}

/** From now on: what two peers who are bridged say. */
function record(): void {
  whole = { recording: legs[0]!.record(marks), since: performance.now() };
}

async function sample(): Promise<Sample> {
  globalThis.gc?.();
  const { heapUsed, external, rss } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  return {
    heapMb: (heapUsed + external) / 1_048_576,
    rssMb: rss / 1_048_576,
    handles: process.getActiveResourcesInfo().length,
    cpuMs: (user + system) / 1000,
    legs: (await media.counts()).legs,
  };
}

async function end(): Promise<End> {
  clearInterval(timer);
  await changing;
  const recordedMs = performance.now() - (whole?.since ?? 0);
  await whole?.recording.close();
  await Promise.all([...files.values()].map(endFile));
  for (const bridge of bridges) bridge.close();
  await Promise.all(legs.map((leg) => leg.close()));
  for (const [name, count] of Object.entries(await media.counts()))
    if (count > 0) wrong.push(`left at the end: ${count} ${name}`);
  const sides = marks.compare('bridged', Math.floor(recordedMs / markEveryMs));
  return { wrong, files: filesBegun, sides };
}

process.on('message', async (request: Request) => {
  switch (request.do) {
    case 'add':
      return process.send?.(await add(request.ports));
    case 'record':
      record();
      return process.send?.(await sample());
    case 'sample':
      return process.send?.(await sample());
    case 'end': {
      const result = await end();
      await media.close();
      return process.send?.(result, () => process.disconnect());
    }
  }
});

await media.open();
process.send?.({ workers: media.workers, io: media.io });

/** A `Media` in the lab's network, on a clock of the test. */
import { Media, type MediaOptions, type MediaPorts } from '../../../media/index.ts';
import type { Clock } from '../../../src/base/clock.ts';
import { FakeClock, type LabHost, LabNetwork, MemoryFiles, seededRandom } from '../../../src/testing/index.ts';
import { machine } from './open-media.ts';
import { type Heard, parseRtp } from './phone.ts';

export interface LabMachine {
  /** 10.0.0.9; there is no other host, so that nothing is under way. */
  readonly host: LabHost;
  /** A datagram of 10.0.0.1 arrives at once. */
  deliver(bytes: Uint8Array, from: number, to: number): void;
  /** What went to a port of anybody so far. */
  sentTo(port: number): readonly Uint8Array[];
}

export function openMachine(clock: Clock): LabMachine {
  const network = new LabNetwork(clock, 1);
  const sent: { readonly bytes: Uint8Array; readonly to: number }[] = [];
  network.onSight = ({ bytes, to }) => sent.push({ bytes: bytes.slice(), to: to.port });
  const host = network.host('media', '10.0.0.9');
  return {
    host,
    deliver: (bytes, port, to) => host.deliver(to, bytes.slice(), { address: '10.0.0.1', port }),
    sentTo: (port) => sent.filter(({ to }) => to === port).map(({ bytes }) => bytes),
  };
}

export interface Lab<C extends Clock> extends LabMachine, AsyncDisposable {
  readonly media: Media;
  readonly clock: C;
  readonly files: MemoryFiles;
  /** The RTP that went to a port so far. */
  heard(port: number): readonly Heard[];
}

export function openLab(options: MediaOptions = {}, clock = new FakeClock()): Promise<Lab<FakeClock>> {
  return openLabOn(clock, options);
}

export async function openLabOn<C extends Clock>(
  clock: C,
  options: MediaOptions = {},
  ports: Partial<MediaPorts> = {},
): Promise<Lab<C>> {
  const lab = openMachine(clock);
  const files = new MemoryFiles(clock instanceof FakeClock ? clock : new FakeClock());
  const media = new Media(
    { rtpPorts: { min: 20_000, max: 20_099 }, workers: 0, ...options },
    { ...machine, clock, files, udp: lab.host.rtp, random: seededRandom(1), ...ports },
  );
  await media.open();
  return {
    ...lab,
    media,
    clock,
    files,
    heard: (port) => lab.sentTo(port).map((bytes) => parseRtp(bytes)),
    [Symbol.asyncDispose]: () => media.close(),
  };
}

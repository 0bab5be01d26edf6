/** A `Media` on a clock and a network of the test. */
import { Media, type MediaOptions } from '../../../media/index.ts';
import type { Clock } from '../../../src/base/clock.ts';
import type { Files, FileWriter } from '../../../src/base/io.ts';
import type { Random } from '../../../src/base/random.ts';
import { FakeClock } from '../../../src/testing/fake-clock.ts';
import { MemoryUdp } from './memory-udp.ts';
import { machine } from './open-media.ts';
import { type Heard, parseRtp } from './phone.ts';

export function seededRandom(seed = 1): Random {
  let state = seed;
  const uint32 = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state;
  };
  return { uint32, bytes: (length) => Uint8Array.from({ length }, () => uint32() >>> 24) };
}

/** Files in memory, which fail when they are told to. */
export class MemoryFiles implements Files {
  readonly files = new Map<string, Uint8Array>();
  failure: Error | undefined;
  open = 0;

  async read(path: string): Promise<Uint8Array> {
    const bytes = this.files.get(path);
    if (!bytes) throw Object.assign(new Error(`no such file: ${path}`), { code: 'ENOENT' });
    return bytes;
  }

  async stat(path: string) {
    return { size: (await this.read(path)).length, modified: 0 };
  }

  async create(path: string): Promise<FileWriter> {
    if (this.failure) throw this.failure;
    this.files.set(path, new Uint8Array(0));
    this.open++;
    return {
      write: async (bytes, position) => {
        if (this.failure) throw this.failure;
        const old = this.files.get(path)!;
        const next = new Uint8Array(Math.max(old.length, position + bytes.length));
        next.set(old);
        next.set(bytes, position);
        this.files.set(path, next);
      },
      close: async () => {
        this.open--;
      },
    };
  }
}

export interface Lab<C extends Clock> extends AsyncDisposable {
  readonly media: Media;
  readonly clock: C;
  readonly udp: MemoryUdp;
  readonly files: MemoryFiles;
  /** The RTP that went to a port so far. */
  heard(port: number): readonly Heard[];
}

export function openLab(options: MediaOptions = {}, clock = new FakeClock()): Promise<Lab<FakeClock>> {
  return openLabOn(clock, options);
}

export async function openLabOn<C extends Clock>(clock: C, options: MediaOptions = {}): Promise<Lab<C>> {
  const udp = new MemoryUdp();
  const files = new MemoryFiles();
  const media = new Media(
    { rtpPorts: { min: 20_000, max: 20_099 }, workers: 0, ...options },
    { ...machine, clock, files, udp, random: seededRandom() },
  );
  await media.open();
  return {
    media,
    clock,
    udp,
    files,
    heard: (port) => udp.to(port).map((bytes) => parseRtp(bytes)),
    [Symbol.asyncDispose]: () => media.close(),
  };
}

/** Recordings of a process that was killed go on in the next one: one file, of the right length, its gaps marked. */
import { beforeAll, describe, expect, it } from 'vitest';
import { decodeWhole, readWav, rmsLevel } from '../../media/audio/index.ts';
import { OggReader } from '../../media/audio/ogg.ts';
import { OggOpusDecoder } from '../../media/audio/ogg-opus-decoder.ts';
import { loadOpus } from '../../media/codec/index.ts';
import { opusLibrary } from '../../media/codec/opus-library.ts';
import { type MediaLeg, type RecordOptions, unpackSaved } from '../../media/index.ts';
import type { Files, FileWriter } from '../../src/base/io.ts';
import { FakeClock, MemoryFiles, seededRandom } from '../../src/testing/index.ts';
import { type Lab, openLabOn } from './support/lab.ts';
import { negotiated } from './support/phone.ts';

beforeAll(() => loadOpus());

const create = { bindAddress: '10.0.0.9', callId: 'a' };
const audio = negotiated({ address: '10.0.0.1', port: 4000, rtcpPort: 4001 });
const tone = { frequencies: [440], cadence: [], level: -10 } as const;

/** Processes one after the other over the same files. */
class Machine implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly files = new MemoryFiles(this.clock);
  readonly #labs: Lab<FakeClock>[] = [];
  #alive = 0;
  told: Uint8Array | undefined;

  async start(from?: Uint8Array): Promise<MediaLeg> {
    const life = ++this.#alive;
    const lab = await openLabOn(
      this.clock,
      {},
      {
        files: this.#filesOf(life),
        random: seededRandom(life),
        onSaved: (leg, packed, serial) => {
          if (life !== this.#alive) return;
          this.told = packed;
          leg.stored(serial);
        },
      },
    );
    this.#labs.push(lab);
    const leg = await lab.media.createLeg({ ...create, ...(from ? unpackSaved(from) : {}) });
    if (!from) leg.negotiate(audio);
    return leg;
  }

  /** The process is no more: what it does from now on touches nothing. */
  kill(): void {
    this.#alive++;
  }

  #filesOf(life: number): Files {
    const { files } = this;
    return {
      read: (path) => files.read(path),
      stat: (path) => files.stat(path),
      create: async (path) => this.#mortal(life, await files.create(path)),
      reopen: async (path) => this.#mortal(life, await files.reopen(path)),
    };
  }

  #mortal<T extends FileWriter>(life: number, file: T): T {
    const lives = (): boolean => life === this.#alive;
    return {
      ...file,
      write: async (bytes: Uint8Array, at: number) => void (lives() && (await file.write(bytes, at))),
      truncate: async (size: number) => void (lives() && (await file.truncate?.(size))),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
    for (const lab of this.#labs) await lab[Symbol.asyncDispose]();
  }
}

/** The samples of the first channel of a recording, whatever it is. */
function samplesOf(file: Uint8Array): { readonly samples: Int16Array; readonly rate: number } {
  const wav = readWav(file);
  if (wav.ok) {
    const { data, channels, sampleRate } = wav.value;
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    const length = data.length / 2 / channels;
    return { samples: Int16Array.from({ length }, (_, i) => view.getInt16(2 * i * channels, true)), rate: sampleRate };
  }
  const decoder = new OggOpusDecoder(opusLibrary()!, 8000);
  const read = decodeWhole(file, decoder, 1e9, (count) => new Int16Array(count));
  decoder.close();
  if (!read.ok) throw new Error(read.error);
  return { samples: read.value.samples, rate: 8000 };
}

function commentsOf(file: Uint8Array): string {
  const pages = [...new OggReader().push(file)];
  return new TextDecoder('latin1').decode(pages[1]!.pieces[0]);
}

/** A recording of 3 s of a tone, with 1 s without its process after the first 1.3 s. */
async function interrupted(machine: Machine, path: string, options: RecordOptions = {}) {
  const first = await machine.start();
  await machine.clock.advance(20);
  first.record(path, { direction: 'out', ...options });
  first.tone(tone);
  await machine.clock.advance(1300);
  machine.kill();
  await machine.clock.advance(1000);
  const leg = await machine.start(machine.told);
  leg.tone(tone);
  await machine.clock.advance(700);
  return leg;
}

describe.each(['call.wav', 'call.opus'])('%s', (path) => {
  it('goes on, with silence for what is missing', async () => {
    await using machine = new Machine();
    const leg = await interrupted(machine, path);
    const [recording] = leg.recordings;
    expect(recording?.path).toBe(path);
    const { durationMs, gaps, bytes, end } = await recording!.close();
    expect(end).toBe('stopped');
    expect(durationMs).toBeGreaterThanOrEqual(2900);
    expect(durationMs).toBeLessThanOrEqual(3100);
    const file = machine.files.get(path);
    expect(file).toHaveLength(bytes);
    const { samples, rate } = samplesOf(file);
    expect(Math.abs((samples.length * 1000) / rate - durationMs)).toBeLessThan(1);
    const [gap] = gaps;
    expect(gaps).toHaveLength(1);
    // Half a second at most was not written yet.
    expect(gap!.atMs).toBeGreaterThanOrEqual(700);
    expect(gap!.atMs).toBeLessThanOrEqual(1300);
    expect(gap!.atMs + gap!.forMs).toBeGreaterThanOrEqual(2250);
    expect(gap!.atMs + gap!.forMs).toBeLessThanOrEqual(2350);
    const at = (ms: number): number => Math.round((ms * rate) / 1000);
    const level = (from: number, to: number): number => rmsLevel(samples.subarray(at(from), at(to)));
    expect(level(200, gap!.atMs - 20)).toBeGreaterThan(-20);
    expect(level(gap!.atMs + 20, gap!.atMs + gap!.forMs - 20)).toBeLessThan(-60);
    expect(level(2500, 2900)).toBeGreaterThan(-20);
  });

  it('has a mark for the gap', async () => {
    await using machine = new Machine();
    const leg = await interrupted(machine, path);
    const { gaps } = await leg.recordings[0]!.close();
    const [{ atMs, forMs }] = gaps as [(typeof gaps)[0]];
    const file = machine.files.get(path);
    if (path.endsWith('.opus')) expect(commentsOf(file)).toContain(`TANDEM_GAP=${atMs}+${forMs}`);
    else {
      const text = new TextDecoder('latin1').decode(file);
      expect(text).toContain(`gap ${(forMs / 1000).toFixed(2)} s\0`);
      const cue = text.lastIndexOf('cue ');
      const view = new DataView(file.buffer, file.byteOffset);
      expect(view.getUint32(cue + 8, true)).toBe(1);
      expect(view.getUint32(cue + 32, true)).toBe(atMs * 8);
      // The chunks fill the file as RIFF says.
      expect(view.getUint32(4, true)).toBe(file.length - 8);
    }
  });

  it('goes on as often as its process dies, wherever the file was cut', async () => {
    const seed = 20_261_126;
    const random = seededRandom(seed);
    await using machine = new Machine();
    let leg = await machine.start();
    await machine.clock.advance(20);
    const began = machine.clock.now();
    leg.record(path, { direction: 'out' });
    for (let life = 0; life < 6; life++) {
      leg.tone(tone);
      await machine.clock.advance(600 + (random.uint32() % 1500));
      machine.kill();
      const file = machine.files.get(path);
      // The end of what was being written.
      if (life % 2 === 1) machine.files.set(path, file.subarray(0, file.length - (random.uint32() % 300)));
      await machine.clock.advance(random.uint32() % 900);
      leg = await machine.start(machine.told);
    }
    await machine.clock.advance(500);
    const length = machine.clock.now() - began;
    const { durationMs, gaps } = await leg.recordings[0]!.close();
    expect(Math.abs(durationMs - length), `seed ${seed}`).toBeLessThan(150);
    const { samples, rate } = samplesOf(machine.files.get(path));
    expect(Math.abs((samples.length * 1000) / rate - durationMs), `seed ${seed}`).toBeLessThan(1);
    expect(gaps.length).toBeGreaterThan(2);
    for (const [i, { atMs, forMs }] of gaps.entries()) {
      expect(atMs + forMs).toBeLessThanOrEqual(gaps[i + 1]?.atMs ?? durationMs);
    }
  });

  it('that is gone fails, and the leg goes on', async () => {
    await using machine = new Machine();
    const first = await machine.start();
    await machine.clock.advance(20);
    first.record(path);
    await machine.clock.advance(800);
    machine.kill();
    machine.files.set(path, new Uint8Array(0));
    const leg = await machine.start(machine.told);
    await expect(leg.recordings[0]!.done).rejects.toMatchObject({ code: 'ERR_FILE' });
    expect(leg.recordings).toHaveLength(0);
    await expect(leg.stats()).resolves.toMatchObject({ codec: 'PCMU/8000' });
  });

  it('of a limited length ends where it has to', async () => {
    await using machine = new Machine();
    const leg = await interrupted(machine, path, { maxDuration: 2000 });
    expect(leg.recordings).toHaveLength(0);
    expect(samplesOf(machine.files.get(path)).samples.length).toBe(16_000);
  });

  it('is paused still when it was', async () => {
    await using machine = new Machine();
    const first = await machine.start();
    await machine.clock.advance(20);
    const recording = first.record(path, { direction: 'out' });
    first.tone(tone);
    await machine.clock.advance(1000);
    recording.pause();
    await machine.clock.advance(3000);
    machine.kill();
    await machine.clock.advance(5000);
    const leg = await machine.start(machine.told);
    await machine.clock.advance(1000);
    leg.recordings[0]!.resume();
    await machine.clock.advance(500);
    const { durationMs } = await leg.recordings[0]!.close();
    expect(durationMs).toBeGreaterThanOrEqual(1450);
    expect(durationMs).toBeLessThanOrEqual(1600);
  });
});

it('a leg that is handed over goes on recording without a second head or an end in between', async () => {
  await using machine = new Machine();
  const first = await machine.start();
  await machine.clock.advance(20);
  first.record('a.opus', { direction: 'out' });
  const second = first.record('a.wav', { direction: 'out' });
  first.tone(tone);
  await machine.clock.advance(700);
  const snapshot = await first.handOver();
  await expect(second.done).resolves.toMatchObject({ end: 'ended' });
  const { packSaved } = await import('../../media/saved-leg.ts');
  const leg = await machine.start(packSaved({ snapshot, playing: undefined }));
  await machine.clock.advance(500);
  const results = await Promise.all(leg.recordings.map((recording) => recording.close()));
  for (const { durationMs } of results) expect(Math.abs(durationMs - 1200)).toBeLessThan(100);
  for (const path of ['a.opus', 'a.wav']) {
    const { samples } = samplesOf(machine.files.get(path));
    expect(Math.abs(samples.length / 8 - 1200)).toBeLessThan(100);
  }
});

/**
 * `npm run soak -- --media-real`: half an hour in real time, over real sockets, with media in threads: calls that are
 * bridged, converted, played to and recorded, as many as take 60 % of a core; memory and handles each minute, and the sides
 * of a stereo recording at the end. The peers are this process, the server is another one.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { codecFor, loadOpus } from '../../media/codec/index.ts';
import type { Codec } from '../../media/index.ts';
import { chooseUdpIo, openUdpIo } from '../../media/net/own-udp-io.ts';
import type { OwnUdpIo, UdpPeer, UdpPort } from '../../media/net/udp-port.ts';
import { rtpHeaderBytes, writeRtpHeader } from '../../media/rtp/packet.ts';
import { markEveryMs, speak } from './marks.ts';
import { type End, groupCodecs, type Request, type Sample } from './real-protocol.ts';

export interface MediaRealOptions {
  /** After a warm-up of up to five. */
  readonly minutes: number;
  /** Share of a core that the server is to take. */
  readonly share: number;
  readonly onSample?: (text: string) => void;
}

export interface MediaRealReport extends End {
  readonly workers: number;
  readonly io: string;
  readonly legs: number;
  /** Of a core, over all minutes. */
  readonly share: number;
  /** After a sixth of the time, when what is compiled and reserved as it is needed is there, and at the end. */
  readonly before: Sample;
  readonly after: Sample;
  /** Files that nobody removed. */
  readonly filesLeft: number;
}

const host = '127.0.0.1';
const packetMs = 20;
/** Packets until what a peer says begins anew. */
const cycle = markEveryMs / packetMs;
/** On a machine that has no time for the server a share of a core takes any number of calls. */
const mostGroups = 160;
/** Peers do not all speak at once. */
const slots = 10;
/** The one who is only played to says nothing. */
const speaks = (at: number): boolean => at !== 4;

interface Voice {
  readonly payloadType: number;
  readonly ticks: number;
  readonly payloads: readonly Uint8Array[];
}

function voiceOf(codec: Codec): Voice {
  const coder = codecFor(codec, { live: true })!;
  const frame = new Int16Array((coder.sampleRate * packetMs) / 1000);
  const payloads = Array.from({ length: cycle }, (_, n) => {
    speak(frame, markEveryMs + n * packetMs, packetMs / frame.length, 140);
    const out = new Uint8Array(1500);
    return out.slice(0, coder.encode(frame, out));
  });
  return { payloadType: codec.payloadType, ticks: (codec.clockRate * packetMs) / 1000, payloads };
}

interface Peer {
  readonly socket: UdpPort;
  readonly voice: Voice;
  readonly to: UdpPeer;
}

/** All peers: they speak at the beat, and what they hear is not looked at. */
class Peers {
  readonly #io: OwnUdpIo = openUdpIo(chooseUdpIo('auto').io);
  readonly #voices = new Map(groupCodecs.map((codec) => [codec, voiceOf(codec)]));
  readonly #bySlot: Peer[][] = Array.from({ length: slots }, () => []);
  readonly #sockets: UdpPort[] = [];
  readonly #packet = new Uint8Array(1600);
  #ended = false;
  #speaking: Promise<void> | undefined;

  async bind(): Promise<UdpPort> {
    const socket = await this.#io.bind(host, 0, () => {});
    this.#sockets.push(socket);
    return socket;
  }

  speakTo(sockets: readonly UdpPort[], legs: readonly number[]): void {
    for (const [at, socket] of sockets.entries()) {
      const slot = this.#bySlot.reduce((least, one) => (one.length < least.length ? one : least));
      if (speaks(at))
        slot.push({ socket, voice: this.#voices.get(groupCodecs[at]!)!, to: { address: host, port: legs[at]! } });
    }
    this.#speaking ??= this.#speak();
  }

  async #speak(): Promise<void> {
    const begun = performance.now();
    for (let n = 0; !this.#ended; n++) {
      for (const [index, slot] of this.#bySlot.entries()) {
        await sleep(Math.max(0, begun + (n + index / slots) * packetMs - performance.now()));
        for (const peer of slot) this.#send(peer, n);
        this.#io.flush();
      }
    }
  }

  #send({ socket, voice, to }: Peer, n: number): void {
    const payload = voice.payloads[n % cycle]!;
    writeRtpHeader(this.#packet, 0, voice.payloadType, false, n & 0xffff, (n * voice.ticks) >>> 0, socket.port);
    this.#packet.set(payload, rtpHeaderBytes);
    socket.send(this.#packet.slice(0, rtpHeaderBytes + payload.length), 0, rtpHeaderBytes + payload.length, to);
  }

  async close(): Promise<void> {
    this.#ended = true;
    await this.#speaking;
    for (const socket of this.#sockets) await socket.close();
    this.#io.close();
  }
}

/** The server, as its parent has it. */
class Server {
  readonly #process: ChildProcess;
  readonly #died: Promise<never>;

  constructor(folder: string, sink: number) {
    const file = fileURLToPath(new URL('real-server.ts', import.meta.url));
    this.#process = fork(file, [folder, String(sink)], { execArgv: ['--expose-gc'], serialization: 'advanced' });
    this.#died = once(this.#process, 'exit').then(([code]) => {
      throw new Error(`the server ended with status ${code}`);
    });
    this.#died.catch(() => {});
  }

  async reply<T>(): Promise<T> {
    const message = new Promise<unknown>((resolve) => this.#process.once('message', resolve));
    return (await Promise.race([message, this.#died])) as T;
  }

  ask<T>(request: Request): Promise<T> {
    const reply = this.reply<T>();
    this.#process.send(request);
    return reply;
  }

  async sample(): Promise<Sample> {
    const sample = await this.ask<Sample>({ do: 'sample' });
    // All of its threads'.
    return { ...sample, handles: (await readdir(`/proc/${this.#process.pid}/fd`)).length };
  }

  /** Of a core. */
  async share(ms: number): Promise<number> {
    const [before, from] = [await this.sample(), performance.now()];
    await sleep(ms);
    return ((await this.sample()).cpuMs - before.cpuMs) / (performance.now() - from);
  }

  /** @returns whether it ends by itself, as a process does that holds nothing open */
  ends(withinMs: number): Promise<boolean> {
    const ended = this.#died.then(
      () => true,
      () => true,
    );
    return Promise.race([ended, sleep(withinMs, false, { ref: false })]);
  }

  kill(): void {
    this.#process.kill('SIGKILL');
  }
}

const say = (minute: number, { heapMb, rssMb, handles }: Sample, share: number): string =>
  `${minute} min: heap ${heapMb.toFixed(1)} MB, resident ${rssMb.toFixed(1)} MB, ${handles} open files, ` +
  `${(100 * share).toFixed(0)} % of a core`;

export async function soakRealMedia({ minutes, share, onSample }: MediaRealOptions): Promise<MediaRealReport> {
  await loadOpus();
  const folder = await mkdtemp(join(tmpdir(), 'tandem-soak-'));
  const peers = new Peers();
  const server = new Server(folder, (await peers.bind()).port);
  try {
    const { workers, io } = await server.reply<{ readonly workers: number; readonly io: string }>();
    let groups = 0;
    const add = async (count: number): Promise<void> => {
      for (; count > 0; count--, groups++) {
        const sockets = await Promise.all(groupCodecs.map(() => peers.bind()));
        const ports = sockets.map(({ port }) => port);
        peers.speakTo(sockets, await server.ask<number[]>({ do: 'add', ports }));
        await sleep(20);
      }
    };
    // In steps: a group costs less when the compiler has seen it for a while, and where there are many.
    const warm = Math.min(5, minutes / 6);
    await add(1);
    for (const part of [0.5, 0.8, 0.9, 1]) {
      await sleep((warm * 60_000) / 10);
      const now = await server.share((warm * 60_000) / 10);
      const wanted = Math.floor((groups * part * share) / now);
      await add(Math.min(wanted, 4 * groups + 20, mostGroups) - groups);
    }
    await server.ask<Sample>({ do: 'record' });
    await sleep((warm * 60_000) / 5);

    const first = await server.sample();
    const since = performance.now();
    onSample?.(`${first.legs} legs; ${say(0, first, 0)}`);
    let [before, after] = [first, first];
    for (let minute = 1; minute - 1 < minutes; minute++) {
      const [last, from] = [after, performance.now()];
      await sleep(Math.min(1, minutes - (minute - 1)) * 60_000);
      after = await server.sample();
      if (minute <= minutes / 6) before = after;
      onSample?.(say(Math.min(minute, minutes), after, (after.cpuMs - last.cpuMs) / (performance.now() - from)));
    }
    const used = (after.cpuMs - first.cpuMs) / (performance.now() - since);
    const end = await server.ask<End>({ do: 'end' });
    const wrong = (await server.ends(10_000)) ? end.wrong : [...end.wrong, 'the server holds something open'];
    const filesLeft = (await readdir(folder)).length;
    return { ...end, wrong, workers, io, legs: after.legs, share: used, before, after, filesLeft };
  } finally {
    server.kill();
    await peers.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** ms by which the sides of a recording may have moved against each other. */
const mostApart = 20;
/** Share that heap and resident memory may have grown by, after the warm-up. */
const growth = 0.1;
/** Files that change hands just then. */
const spareHandles = 3;

/** @returns what is not as it should be */
export function wrongWith({ before, after, sides, filesLeft, wrong }: MediaRealReport): string[] {
  const found = [...wrong];
  for (const what of ['heapMb', 'rssMb'] as const)
    if (after[what] > before[what] * (1 + growth))
      found.push(`${what} grew from ${before[what].toFixed(1)} to ${after[what].toFixed(1)}`);
  if (after.handles > before.handles + spareHandles) found.push(`${before.handles} open files became ${after.handles}`);
  if (!(sides.apart < mostApart)) found.push(`the sides of the recording moved by ${sides.apart} ms`);
  if (filesLeft > 0) found.push(`${filesLeft} recorded files were not given up`);
  return found;
}

/** @returns whether all is well */
export async function soakMinutes(minutes: number): Promise<boolean> {
  const report = await soakRealMedia({ minutes, share: 0.6, onSample: (text) => console.error(text) });
  const { workers, io, legs, share, before, after, files, sides } = report;
  console.log(
    `${minutes} minutes, ${legs} legs, media in ${workers} thread(s), sockets ${io}: ${(100 * share).toFixed(0)} % of a core; ` +
      `heap ${before.heapMb.toFixed(1)} MB after a sixth, ${after.heapMb.toFixed(1)} MB at the end; ` +
      `resident ${before.rssMb.toFixed(0)} and ${after.rssMb.toFixed(0)} MB; open files ${before.handles} and ${after.handles}; ` +
      `${files} recordings; the sides of the longest moved by ${sides.apart.toFixed(1)} ms ` +
      `(at the most by ${sides.mostApart.toFixed(1)} in between; received ${sides.received.toFixed(1)}, sent ${sides.sent.toFixed(1)}; ${sides.marks[0]} and ${sides.marks[1]} marks)`,
  );
  const wrong = wrongWith(report);
  for (const what of wrong) console.error(`WRONG: ${what}`);
  return wrong.length === 0;
}

/** Ten minutes of a prompt to 300 calls: each packet is the one that follows, and each byte is the prompt's. */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeWav } from '../../media/audio/index.ts';
import { pcmu } from '../../media/codec/index.ts';
import { chooseUdpIo, openUdpIo } from '../../media/net/own-udp-io.ts';
import type { UdpPort } from '../../media/net/udp-port.ts';
import { readRtp, rtpView } from '../../media/rtp/packet.ts';
import { seqDiff, timestampDiff } from '../../media/rtp/sequence.ts';
import { Callers } from '../lab/callers.ts';
import { coreTimes, cpuNanos, serverCore } from '../lab/cores.ts';
import { Server } from '../lab/server.ts';
import { figure } from '../lab/table.ts';
import type { Check } from './check.ts';

const calls = 300;
const minutes = 10;
const ticks = 160;

/** One stream as it comes, against the prompt round and round. */
class Stream {
  readonly #prompt: Uint8Array;
  readonly #view = rtpView();
  packets = 0;
  /** Packets that were not the next one, by number or by time. */
  breaks = 0;
  /** Packets with other bytes than the prompt has there. */
  wrong = 0;
  #sequence = 0;
  #timestamp = 0;
  /** Where in the prompt the next packet begins. */
  #at = 0;

  constructor(prompt: Uint8Array) {
    this.#prompt = prompt;
  }

  take(buffer: Uint8Array, offset: number, length: number): void {
    const view = this.#view;
    if (!readRtp(buffer, offset, length, view)) return;
    const { sequence, timestamp, payloadOffset, payloadLength } = view;
    if (this.packets > 0) {
      const time = timestampDiff(timestamp, this.#timestamp);
      if (seqDiff(sequence, this.#sequence) !== 1 || time !== ticks) {
        this.breaks++;
        // What was lost on the way was a part of the prompt.
        this.#at += (seqDiff(sequence, this.#sequence) - 1) * ticks;
      }
    }
    this.packets++;
    this.#sequence = sequence;
    this.#timestamp = timestamp;
    const prompt = this.#prompt;
    const at = ((this.#at % prompt.length) + prompt.length) % prompt.length;
    this.#at = at + payloadLength;
    for (let i = 0; i < payloadLength; i++) {
      if (buffer[payloadOffset + i] === prompt[(at + i) % prompt.length]) continue;
      this.wrong++;
      return;
    }
  }
}

async function promptBytes(): Promise<Uint8Array> {
  const wav = decodeWav(await readFile(new URL('../../prompts/music.wav', import.meta.url)));
  if (!wav.ok || wav.value.sampleRate !== 8000) throw new Error('the music is not what it was');
  const bytes = new Uint8Array(wav.value.samples.length);
  pcmu().encode(wav.value.samples, bytes);
  return bytes;
}

export const gapless: Check = {
  name: `a looped prompt to ${calls} calls for ${minutes} minutes`,
  expected: 'of every stream each packet follows the one before by number and time, and each byte is the prompt’s',
  run: async () => {
    const prompt = await promptBytes();
    await using server = await Server.start({ script: 'bench/scripts/calls.ts' });
    const io = openUdpIo(chooseUdpIo('auto').io);
    const streams = Array.from({ length: calls }, () => new Stream(prompt));
    const sockets: UdpPort[] = [];
    for (const stream of streams)
      sockets.push(await io.bind('127.0.0.1', 0, (buffer, offset, length) => stream.take(buffer, offset, length)));
    try {
      const port = Number(server.target.split(':')[1]);
      const callers = await Callers.call(
        port,
        'play',
        sockets.map((socket) => socket.port),
      );
      const [core, own] = [coreTimes(serverCore).busyMs, cpuNanos(server.pid) ?? 0];
      await sleep(minutes * 60_000);
      const othersMs = coreTimes(serverCore).busyMs - core - ((cpuNanos(server.pid) ?? 0) - own) / 1e6;
      const seen = {
        packets: streams.map(({ packets }) => packets),
        breaks: streams.filter(({ breaks }) => breaks > 0).length,
        wrong: streams.filter(({ wrong }) => wrong > 0).length,
      };
      await callers.close();
      const least = Math.min(...seen.packets);
      const total = seen.packets.reduce((sum, count) => sum + count, 0);
      return {
        passed: seen.breaks === 0 && seen.wrong === 0 && least >= minutes * 60 * 50,
        seen:
          `${total} packets, at least ${least} of each stream; ${seen.breaks} streams with a break ` +
          `(${streams.reduce((sum, { breaks }) => sum + breaks, 0)} in all), ${seen.wrong} with a wrong byte; ` +
          `${figure((total * ticks) / 1e6, 0)} million bytes compared; others had ` +
          `${figure(othersMs / (minutes * 600), 0)} % of the server's core`,
      };
    } finally {
      for (const socket of sockets) await socket.close();
      io.close();
    }
  },
};

/** Opus on one side of a bridge, PCMU on the other: how many such calls a core carries. It needs none of the C tools. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { codecFor, loadOpus } from '../../media/codec/index.ts';
import { opusComplexity } from '../../media/codec/opus.ts';
import { writeRtpHeader } from '../../media/rtp/packet.ts';
import { Child } from '../lab/child.ts';
import { cpuNanos, serverCore } from '../lab/cores.ts';
import { repeat } from '../lab/repeat.ts';
import { figure, ratio, type Table } from '../lab/table.ts';
import type { Lab } from './scenario.ts';
import { runNotes } from './scenario.ts';

const script = fileURLToPath(new URL('../scripts/transcode.ts', import.meta.url));
const beatMs = 20;
/** Different packets of each side. */
const rounds = 100;
const loads = [50, 100, 150];

interface Side {
  readonly payloadType: number;
  readonly ticks: number;
  readonly payloads: readonly Uint8Array[];
}

export async function transcode({ runs, seconds, calls, progress }: Lab): Promise<Table> {
  await loadOpus();
  const [opus, pcmu] = [side('OPUS', 111, 48_000, 2), side('PCMU', 0, 8000, 1)];
  const rows: string[][] = [];
  const notes: string[] = [];
  for (const load of calls.length === 1 ? loads.slice(0, 1) : loads) {
    progress(`transcode: ${load} calls`);
    const repeated = await repeat(runs, async () => {
      const converted = await run(load, seconds, opus, pcmu);
      const forwarded = await run(load, seconds, pcmu, pcmu);
      return {
        values: {
          converted: converted.cpuMs / (load * seconds),
          forwarded: forwarded.cpuMs / (load * seconds),
          loss: converted.lossPct,
        },
        disturbed: undefined,
      };
    });
    const { converted, forwarded, loss } = repeated.values;
    rows.push([
      String(load),
      figure(converted),
      figure(forwarded),
      ratio(converted, forwarded),
      figure(1000 / (converted as number), 0),
      figure(loss, 3),
    ]);
    notes.push(...runNotes(`${load} calls`, repeated));
  }
  return {
    title: 'Transcoding, Opus ↔ PCMU',
    head: ['calls', 'CPU ms per call and second', 'forwarded PCMU', 'ratio', 'calls per core', 'loss %'],
    rows,
    notes: [
      `Both directions converted, packets of 20 ms over real sockets on one core, Opus complexity ${opusComplexity}, its coder at 8 kHz.`,
      ...notes,
    ],
  };
}

/** Something like a voice, encoded. */
function side(name: string, payloadType: number, clockRate: number, channels: number): Side {
  const coder = codecFor({ name, clockRate, channels, fmtp: 'useinbandfec=1' }, { live: true });
  if (!coder) throw new Error(`${name} is not available`);
  const samples = (coder.sampleRate * beatMs) / 1000;
  const frame = new Int16Array(samples);
  const out = new Uint8Array(1500);
  const payloads: Uint8Array[] = [];
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < samples; i++) {
      const t = (round * samples + i) / coder.sampleRate;
      const voice = [1, 2, 3, 5, 8, 13].reduce((sum, k) => sum + Math.sin(2 * Math.PI * 140 * k * t) / k, 0);
      frame[i] = 5000 * voice * (1 + Math.sin(2 * Math.PI * 3 * t));
    }
    payloads.push(out.slice(0, coder.encode(frame, out)));
  }
  return { payloadType, ticks: (clockRate * beatMs) / 1000, payloads };
}

async function run(calls: number, seconds: number, a: Side, b: Side) {
  const [first, second] = [await bound(), await bound()];
  const opus = a !== b;
  const settings = { calls, first: first.address().port, second: second.address().port, opus };
  const child = new Child(process.execPath, [script], {
    core: serverCore,
    env: { BRIDGES: JSON.stringify(settings) },
  });
  try {
    const { ports } = JSON.parse(await child.line((line) => line.startsWith('{"ports"'), 20_000)) as {
      ports: [number, number][];
    };
    let heard = 0;
    for (const socket of [first, second]) socket.on('message', () => heard++);
    const begun = performance.now();
    const beat = async (round: number): Promise<void> => {
      const [x, y] = [packet(a, round), packet(b, round)];
      for (const [toFirst, toSecond] of ports) {
        first.send(x, toFirst, '127.0.0.1');
        second.send(y, toSecond, '127.0.0.1');
      }
      await sleep(Math.max(0, begun + (round + 1) * beatMs - performance.now()));
    };
    const warm = 50;
    const measured = Math.round((seconds * 1000) / beatMs);
    for (let round = 0; round < warm; round++) await beat(round);
    const [cpuBefore, heardBefore] = [cpuNanos(child.pid) ?? Number.NaN, heard];
    for (let round = warm; round < warm + measured; round++) await beat(round);
    const cpuMs = ((cpuNanos(child.pid) ?? Number.NaN) - cpuBefore) / 1e6;
    const expected = 2 * calls * measured;
    return { cpuMs, lossPct: Math.max(0, (1 - (heard - heardBefore) / expected) * 100) };
  } finally {
    await child.stop();
    for (const socket of [first, second]) socket.close();
  }
}

function packet({ payloadType, ticks, payloads }: Side, round: number): Uint8Array {
  const payload = payloads[round % payloads.length] as Uint8Array;
  const bytes = new Uint8Array(12 + payload.length);
  writeRtpHeader(bytes, 0, payloadType, round === 0, round & 0xffff, round * ticks, 1);
  bytes.set(payload, 12);
  return bytes;
}

async function bound(): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4 * 1024 * 1024 });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

/**
 * `tandem bench --calibrate`: how many calls a server carries here. A server in a process of its own bridges more and more
 * calls, and tells how busy its threads are; what one call takes says how many there may be.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { TandemError } from '../base/errors.ts';
import { withSetting } from '../config/yaml-file.ts';
import { createLogger, type DialogClientSession, Tandem } from '../index.ts';
import type { ProcessReport } from './check.ts';
import { askCheckSocket } from './check-socket.ts';
import { hum } from './hum.ts';

export interface CalibrateOptions {
  readonly seconds: number;
  readonly calls: number;
  /** A `tandem.yaml` that gets `admission.maxCalls`. */
  readonly write?: string;
}

/** Share of a thread, and of all cores, that calls may take: the rest is for set-up, prompts, and a bad day. */
const target = 0.7;
const step = 50;
const tolerableLoss = 0.001;
const startMs = 20_000;
const socketMs = 5000;

const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** What the server used at so many calls. */
interface Step {
  readonly calls: number;
  readonly busiest: number;
}

export async function calibrate({ seconds, calls, write }: CalibrateOptions, root: string): Promise<number> {
  say(`${cpus()[0]?.model ?? 'unknown processor'}, ${availableParallelism()} cores, Node.js ${process.version}`);
  const best = await measure(root, seconds, calls);
  const maxCalls = Math.max(1, Math.floor((best.calls * target) / best.busiest));
  say(
    `maxCalls  ${maxCalls}: bridged calls in one codec at ${target * 100} % of the busiest thread or of all cores; with recording, conversion between codecs or browsers a call takes two to five times as much`,
  );
  if (write === undefined) return 0;
  await writeFile(write, withSetting(await readFile(write, 'utf8').catch(() => ''), 'admission.maxCalls', maxCalls));
  say(`written   admission.maxCalls: ${maxCalls} to ${write}`);
  return 0;
}

async function measure(root: string, seconds: number, most: number): Promise<Step> {
  const transports = [{ transport: 'udp', bindHost: '127.0.0.1', bindPort: 0 }] as const;
  await using phones = new Tandem({
    transports,
    logger: createLogger('error', true),
    media: { rtpPorts: { min: 10_000, max: 13_999 } },
    admission: { maxCpu: 0, maxLag: 0 },
  });
  await phones.serveBackground(async (call) => {
    await call.answer();
    await call.echo();
  });
  await using server = await BridgingServer.start(root, `sip:echo@127.0.0.1:${phones.listeners[0]?.port}`);
  const legs: DialogClientSession[] = [];
  let best: Step | undefined;
  while (legs.length < most) {
    for (let added = 0; added < step; added++) legs.push(await talking(phones, server.port));
    const from = await packets(legs);
    await sleep(seconds * 1000);
    const to = await packets(legs);
    const loss = Math.max(0, 1 - (to.received - from.received) / (to.sent - from.sent));
    const { load } = (await server.report()).admission;
    if (!load) throw new TandemError('ERR_STATE', 'the server does not tell how busy it is');
    const busiest = Math.max(load.main, load.media, load.process);
    say(
      `          ${legs.length} bridged calls: main thread ${percent(load.main)}, media thread ${percent(load.media)}, all cores ${percent(load.process)}, loss ${percent(loss)}`,
    );
    if (loss > tolerableLoss && best) break;
    best = { calls: legs.length, busiest };
    if (busiest > target) break;
  }
  if (!best) throw new TandemError('ERR_STATE', 'nothing was measured: --calls is to be 50 at the least');
  return best;
}

async function talking(phones: Tandem, port: number): Promise<DialogClientSession> {
  const leg = await phones.invite(`sip:b@127.0.0.1:${port}`);
  leg
    .playback()
    .play(hum, { type: 'audio/pcm', sampleRate: 8000, loop: true })
    .catch(() => {});
  return leg;
}

async function packets(legs: readonly DialogClientSession[]): Promise<{ sent: number; received: number }> {
  const stats = await Promise.all(legs.map((leg) => leg.stats()));
  return {
    sent: stats.reduce((sum, { sent }) => sum + sent.packets, 0),
    received: stats.reduce((sum, { received }) => sum + received.packets, 0),
  };
}

/** `tandem serve examples/b2bua.ts` in a process of its own. */
class BridgingServer {
  readonly port: number;
  readonly #folder: string;
  readonly #end: () => Promise<void>;

  static async start(root: string, to: string): Promise<BridgingServer> {
    const folder = await mkdtemp(join(tmpdir(), 'tandem-calibrate-'));
    const child = spawn(
      process.execPath,
      [
        ...[join(root, 'bin', 'tandem.js'), 'serve', join(root, 'examples', 'b2bua.ts'), '--listen', 'udp:127.0.0.1:0'],
        ...['--rtp-ports', '14000-17999', '--socket', join(folder, 'check.sock'), '--control', 'none'],
        ...['--http', 'none', '--store', 'none', '--recovery', 'none', '--log-level', 'info'],
      ],
      {
        cwd: folder,
        stdio: ['ignore', 'ignore', 'pipe'],
        env: { ...process.env, TARGET: to, TANDEM_DRAIN_TIMEOUT: '0', TANDEM_ADMISSION_MAX_CPU: '0' },
      },
    );
    const end = async (): Promise<void> => {
      child.kill('SIGTERM');
      if (child.exitCode === null) await once(child, 'exit');
      await rm(folder, { recursive: true, force: true });
    };
    let last = '';
    const timer = setTimeout(() => child.kill('SIGKILL'), startMs);
    for await (const line of createInterface(child.stderr)) {
      last = line;
      if (!line.includes('"listening"')) continue;
      clearTimeout(timer);
      child.stderr.resume();
      return new BridgingServer((JSON.parse(line) as { port: number }).port, folder, end);
    }
    clearTimeout(timer);
    await end();
    throw new TandemError('ERR_STATE', `the server to measure did not start: ${last}`);
  }

  private constructor(port: number, folder: string, end: () => Promise<void>) {
    this.port = port;
    this.#folder = folder;
    this.#end = end;
  }

  async report(): Promise<ProcessReport> {
    return (await askCheckSocket(join(this.#folder, 'check.sock'), socketMs)) as ProcessReport;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
  }
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

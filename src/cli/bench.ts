/** `tandem bench`: what this machine carries over loopback, both ends on it. A first idea, not a laboratory. */
import { availableParallelism, cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLogger, type DialogClientSession, Tandem } from '../index.ts';
import { hum } from './hum.ts';

export interface BenchOptions {
  readonly seconds: number;
  readonly calls: number;
}

/** Calls that are set up at the same time. */
const concurrency = 20;
/** Growth of the echo load, and the loss it may have. */
const step = 50;
const tolerableLoss = 0.001;

const say = (text: string): void => void process.stdout.write(`${text}\n`);

export async function bench({ seconds, calls }: BenchOptions): Promise<number> {
  const logger = createLogger('error', true);
  const transports = [{ transport: 'udp', bindHost: '127.0.0.1', bindPort: 0 }] as const;
  await using server = new Tandem({ transports, logger, media: { rtpPorts: { min: 10_000, max: 12_999 } } });
  await using client = new Tandem({ transports, logger, media: { rtpPorts: { min: 13_000, max: 16_383 } } });
  await server.serveBackground(async (call) => {
    await call.answer();
    await call.echo();
  });
  const [listener] = server.listeners;
  const uri = `sip:600@127.0.0.1:${listener?.port}`;
  say(`${cpus()[0]?.model ?? 'unknown processor'}, ${availableParallelism()} cores, Node.js ${process.version}`);

  const setUp = await measureSetUp(client, uri, seconds);
  say(`set-up    ${setUp.rate.toFixed(0)} calls/s, ${setUp.cpuMs.toFixed(2)} ms CPU a call (caller and callee)`);
  const echo = await measureEcho(client, uri, seconds, calls);
  const more = echo.calls === calls ? ' or more (--calls)' : '';
  say(
    `echo      ${echo.calls} calls${more}, ${echo.cpuMicros.toFixed(1)} µs CPU a packet and way, loss ${percent(echo.loss)}`,
  );
  return 0;
}

/** Calls that are answered and hung up at once, `concurrency` at a time. */
async function measureSetUp(client: Tandem, uri: string, seconds: number): Promise<{ rate: number; cpuMs: number }> {
  const before = process.cpuUsage();
  const start = performance.now();
  let made = 0;
  const caller = async (): Promise<void> => {
    while (performance.now() - start < seconds * 1000) {
      await using call = await client.invite(uri);
      made++;
      await call.hangup();
    }
  };
  await Promise.all(Array.from({ length: concurrency }, caller));
  const took = performance.now() - start;
  return { rate: (made / took) * 1000, cpuMs: cpuMs(before) / made };
}

/** Adds calls that talk and are echoed, until packets are lost. @returns the last load that went well. */
async function measureEcho(client: Tandem, uri: string, seconds: number, most: number) {
  await using legs = new Legs();
  let best = { calls: 0, cpuMicros: 0, loss: 0 };
  while (legs.all.length < most) {
    const target = Math.min(most, legs.all.length + step);
    while (legs.all.length < target) legs.add(await client.invite(uri));
    const from = await legs.packets();
    const before = process.cpuUsage();
    await sleep(seconds * 1000);
    const micros = cpuMs(before) * 1000;
    const to = await legs.packets();
    const [sent, received] = [to.sent - from.sent, to.received - from.received];
    const loss = Math.max(0, 1 - received / sent);
    say(`          ${target} calls: ${sent} packets sent, loss ${percent(loss)}`);
    if (loss > tolerableLoss) break;
    best = { calls: target, cpuMicros: micros / (sent * 2), loss };
  }
  return best;
}

/** The calls of the echo measurement, each playing a tone. */
class Legs {
  readonly all: DialogClientSession[] = [];

  add(leg: DialogClientSession): void {
    this.all.push(leg);
    leg
      .playback()
      .play(hum, { type: 'audio/pcm', sampleRate: 8000, loop: true })
      .catch(() => {});
  }

  async packets(): Promise<{ sent: number; received: number }> {
    const stats = await Promise.all(this.all.map((leg) => leg.stats()));
    return {
      sent: stats.reduce((sum, { sent }) => sum + sent.packets, 0),
      received: stats.reduce((sum, { received }) => sum + received.packets, 0),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.all.map((leg) => leg.close()));
  }
}

function cpuMs(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1000;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}

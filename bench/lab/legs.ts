/**
 * A program of the bench: legs to an echo, as a browser has them (ICE, keys by DTLS), with keys in SDP, or plain. Each
 * plays, and counts what comes back.
 *
 *   node bench/lab/legs.ts <target> plain|sdes|web <legs> <legs per second> <seconds each, 0: until it is told to end>
 *
 * It writes `READY` to stderr when all legs talk, and a line of JSON to stdout at its end (SIGTERM ends it).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type DialogClientSession, type InviteOptions, Tandem } from '../../src/index.ts';
import { median } from './repeat.ts';

const kinds: Readonly<Record<string, InviteOptions>> = {
  plain: {},
  sdes: { srtp: 'required' },
  web: { srtp: 'dtls', ice: true },
};

const [target = '', kind = 'plain', legs = '1', rate = '20', hold = '0'] = process.argv.slice(2);
const music = new URL('../../prompts/music.wav', import.meta.url);
const told = new Promise<void>((resolve) => process.once('SIGTERM', resolve));

/** ms from the answer to the keys, for each leg that got them. */
const handshakes: number[] = [];
let [sent, received, failed, lost] = [0, 0, 0, 0];

/** Below the ports of the server. Another Tandem on this machine may have some of them: the next block is tried then. */
async function open(): Promise<Tandem> {
  for (let min = 4000; ; min += 1000) {
    const tandem = new Tandem({
      transports: [{ transport: 'udp', bindHost: '127.0.0.1', bindPort: 0 }],
      media: { ice: 'full', codecs: ['PCMU', 'telephone-event'], rtpPorts: { min, max: min + 999 } },
    });
    try {
      await tandem.serveBackground(async (call) => call.reject(480));
      return tandem;
    } catch (error) {
      if (min > 15_000) throw error;
    }
  }
}

await using tandem = await open();

const answeredAt = new Map<string, number>();
const keyed = new Map<string, PromiseWithResolvers<void>>();
function keysOf(sessionId: string): PromiseWithResolvers<void> {
  const known = keyed.get(sessionId) ?? Promise.withResolvers<void>();
  keyed.set(sessionId, known);
  return known;
}
tandem.observer.on('call:answered', ({ sessionId }) => void answeredAt.set(sessionId, performance.now()));
tandem.observer.on('media:dtls', ({ sessionId, state }) => {
  if (state === 'connected') handshakes.push(performance.now() - (answeredAt.get(sessionId) ?? Number.NaN));
  keysOf(sessionId).resolve();
});

async function talk(number: number): Promise<DialogClientSession | undefined> {
  try {
    const leg = await tandem.invite(`sip:echo@${target}`, { from: `sip:echo${number}@127.0.0.1`, ...kinds[kind] });
    if (kind === 'web') await keysOf(leg.id).promise;
    leg
      .playback()
      .play(music, { type: 'audio/wav', loop: true })
      .catch(() => {});
    return leg;
  } catch {
    failed++;
    return undefined;
  }
}

async function end(leg: DialogClientSession): Promise<void> {
  const stats = await leg.stats().catch(() => undefined);
  await leg.hangup();
  keyed.delete(leg.id);
  answeredAt.delete(leg.id);
  if (!stats) return;
  sent += stats.sent.packets;
  received += stats.received.packets;
  lost += stats.received.lost;
}

const running: Promise<DialogClientSession | undefined>[] = [];
const ended: Promise<void>[] = [];
const begin = performance.now();
for (let number = 0; number < Number(legs); number++) {
  await sleep(Math.max(0, begin + (number * 1000) / Number(rate) - performance.now()));
  const leg = talk(number);
  if (hold === '0') running.push(leg);
  else
    ended.push(
      leg.then(async (one) => {
        await sleep(Number(hold) * 1000);
        if (one) await end(one);
      }),
    );
}
const talking = await Promise.all(running);
process.stderr.write('READY\n');
if (hold === '0') await told;
await Promise.all([...ended, ...talking.map((leg) => leg && end(leg))]);
const sorted = handshakes.toSorted((a, b) => a - b);
const p99 = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.99))] ?? Number.NaN;
process.stdout.write(`${JSON.stringify({ sent, received, failed, lost, p50: median(sorted), p99 })}\n`);

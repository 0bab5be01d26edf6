/** What only real sockets, threads and processes show. */
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readWav, rmsLevel } from '../../media/audio/index.ts';
import { type AnalysisListener, Media, type MediaLeg } from '../../media/index.ts';
import { seqDiff, timestampDiff } from '../../media/rtp/sequence.ts';
import { newMasterKey, type SrtpMasterKey } from '../../media/srtp/profiles.ts';
import { SrtpReceiver } from '../../media/srtp/receiver.ts';
import type { TandemError } from '../../src/base/errors.ts';
import { nodeClock } from '../../src/base/node.ts';
import { encoded, key, limited } from './analysis/signals.ts';
import { decodeOgg } from './support/ogg-file.ts';
import { concat, hosts, machine, noise, openMedia } from './support/open-media.ts';
import { type Heard, Phone, rtpBytes } from './support/phone.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tandem-media-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe.each(hosts)('with %i workers over %s', (workers, io) => {
  it('a leg is snapshotted, destroyed and rebuilt in mid-call as one continuous stream', async () => {
    await using media = await openMedia({ workers, io });
    await using phone = await Phone.open();
    const payload = noise(160 * 60);
    const path = join(folder, 'prompt.raw');
    await writeFile(path, payload);
    let leg = await media.createLeg({ bindAddress: '127.0.0.1', callId: 'a' });
    leg.negotiate(phone.audio());
    leg.play(path, '');
    for (const count of [10, 25]) {
      await phone.hears(count);
      const snapshot = await leg.handOver();
      leg = await media.createLeg({ bindAddress: '127.0.0.1', callId: 'a', snapshot: structuredClone(snapshot) });
    }
    await leg.playback!.done;
    const heard = await phone.hears(60);
    expect(concat(heard.map((packet) => packet.payload))).toEqual(payload);
    for (let i = 1; i < heard.length; i++) {
      expect(heard[i]!.ssrc).toBe(heard[0]!.ssrc);
      expect(seqDiff(heard[i]!.sequence, heard[i - 1]!.sequence)).toBe(1);
      expect(timestampDiff(heard[i]!.timestamp, heard[i - 1]!.timestamp)).toBeGreaterThanOrEqual(160);
    }
    expect(phone.rtcp).toHaveLength(0);
    await leg.close();
    await phone.until(() => phone.rtcp.length > 0);
  });

  it('spoofed packets before and after the latch take no stream away', async () => {
    await using media = await openMedia({ workers, io });
    await using phone = await Phone.open();
    await using thief = await Phone.open();
    await using leg = await media.createLeg({ bindAddress: '127.0.0.1', callId: 'a' });
    // SDP names a port of nobody: the phone is behind a NAT.
    leg.negotiate(phone.audio({ remote: { address: '127.0.0.1', port: 9, rtcpPort: 10 } }));
    leg.echo(true);
    thief.send({ sequence: 1, timestamp: 0, payload: noise(160, 66), ssrc: 66 }, leg.port);
    for (let n = 0; n < 5; n++) phone.send({ sequence: n, timestamp: n * 160, payload: noise(160, n + 1) }, leg.port);
    await phone.hears(4);
    for (let n = 2; n < 20; n++)
      thief.send({ sequence: n, timestamp: n * 160, payload: noise(160, 66), ssrc: 66 }, leg.port);
    for (let n = 5; n < 10; n++) phone.send({ sequence: n, timestamp: n * 160, payload: noise(160, n + 1) }, leg.port);
    const heard = await phone.hears(9);
    expect(thief.heard).toHaveLength(0);
    expect(heard.map((packet) => packet.payload).slice(-5)).toEqual([5, 6, 7, 8, 9].map((n) => noise(160, n + 1)));
    expect((await leg.stats()).latched).toEqual({ address: '127.0.0.1', port: phone.port });
  });

  it('what is said is recorded as Ogg-Opus and played again', async () => {
    await using media = await openMedia({ workers, io });
    await using phone = await Phone.open();
    await using leg = await media.createLeg({ bindAddress: '127.0.0.1', callId: 'a' });
    leg.negotiate(phone.audio());
    const path = join(folder, 'call.opus');
    const recording = leg.record(path, { direction: 'out', maxDuration: 700 });
    const tone = { frequencies: [440], cadence: [], level: -10 };
    await leg.play({ tone, duration: 1000 }, undefined).done;
    const { durationMs, bytes, end } = await recording.done;
    expect({ durationMs, end }).toEqual({ durationMs: 700, end: 'max' });
    const file = await readFile(path);
    expect(file).toHaveLength(bytes);
    const { samples } = await decodeOgg(file);
    expect(samples).toHaveLength(5600);
    // A machine that is busy leaves out beats.
    expect(rmsLevel(samples)).toBeGreaterThan(-25);
    const { end: played, playedMs } = await leg.play(path, undefined).done;
    expect({ played, playedMs }).toEqual({ played: 'completed', playedMs: 700 });
  }, 60_000);

  it('no datagram breaks, stalls or leaks', async () => {
    await using media = await openMedia({ workers, io });
    await using phone = await Phone.open();
    await using leg = await media.createLeg({ bindAddress: '127.0.0.1', callId: 'a' });
    const failures: unknown[] = [];
    leg.onFailed = (error) => failures.push(error);
    leg.negotiate(phone.audio());
    leg.echo(true);
    leg.record(join(folder, 'fuzz.wav'));
    leg.reader();
    for (let i = 0; i < 400; i++) {
      const length = i < 80 ? i : (i * 7919) % (i % 10 === 0 ? 65_000 : 1400);
      const bytes = noise(length, i + 1);
      // Half look like RTP or RTCP at first sight.
      if (i % 2 === 0 && length > 1) {
        bytes[0] = 0x80 | (bytes[0]! & 0x3f);
        bytes[1] = i % 4 === 0 ? [0, 101, 0x80, 0xe5][i % 3]! : 200 + (i % 5);
      }
      phone.sendRaw(bytes, leg.port);
      phone.sendRtcp(bytes, leg.port);
      phone.sendRtcp(bytes, leg.rtcpPort);
      if (i % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    while ((await leg.stats()).received.invalid < 100) await new Promise((resolve) => setImmediate(resolve));
    const payload = noise(160, 4242);
    const echoed = (): boolean => phone.heard.some((packet) => packet.payload.every((b, i) => b === payload[i]));
    // Again and again: the flood may have filled the socket's buffer.
    for (let n = 0; !echoed(); n++) {
      phone.send({ sequence: 50_000 + n, timestamp: n * 160, payload, ssrc: 4711 }, leg.port);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(failures).toEqual([]);
  });
});

describe('a recording', () => {
  it('is playable after kill -9, and goes to an open file too', async () => {
    const path = join(folder, 'killed.wav');
    const script = join(folder, 'record.ts');
    const module = (name: string): string => JSON.stringify(new URL(name, import.meta.url).href);
    await writeFile(
      script,
      `import { openMedia, noise } from ${module('./support/open-media.ts')};
       import { Phone } from ${module('./support/phone.ts')};
       const media = await openMedia({ workers: 1 });
       const phone = await Phone.open();
       const leg = await media.createLeg({ bindAddress: '127.0.0.1', callId: 'a' });
       leg.negotiate(phone.audio());
       leg.record(${JSON.stringify(path)});
       leg.play(noise(160 * 500), '');
       await phone.hears(60);
       console.log('recorded');`,
    );
    const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(createInterface({ input: child.stdout }), 'line');
    child.kill('SIGKILL');
    await once(child, 'exit');
    const wav = readWav(new Uint8Array(await readFile(path)));
    expect(wav).toMatchObject({ ok: true, value: { channels: 2, sampleRate: 8000 } });
    expect(wav.ok && wav.value.data.length / 4).toBeGreaterThanOrEqual(4000);
  });

  it('writes its header and audio into a file that is open already', async () => {
    await using media = await openMedia({ workers: 1 });
    await using phone = await Phone.open();
    await using leg = await media.createLeg({ bindAddress: '127.0.0.1', callId: 'a' });
    leg.negotiate(phone.audio());
    const path = join(folder, 'open.wav');
    await using file = await open(path, 'w');
    const recording = leg.record(file, { direction: 'out' });
    await leg.play(noise(160 * 10), '').done;
    const { bytes } = await recording.close();
    const written = new Uint8Array(await readFile(path));
    expect(written.length).toBe(bytes);
    expect(readWav(written)).toMatchObject({ ok: true, value: { channels: 1 } });
  });
});

describe('the port range', () => {
  it('belongs to one Tandem at a time, in this process and in others', async () => {
    await using first = await openMedia({ workers: 0 });
    const leg = await first.createLeg({ bindAddress: '127.0.0.1', callId: 'a' });
    const rtpPorts = { min: leg.port, max: leg.port + 1 };
    const second = new Media({ workers: 0, rtpPorts }, machine);
    await expect(second.open()).rejects.toMatchObject({ code: 'ERR_RTP_PORTS_IN_USE' });
    await second.close();
    await first.close();
    const third = new Media({ workers: 0, rtpPorts }, machine);
    await third.open();
    await third.close();
  });

  it('is free again when its process was killed', async () => {
    const script = join(folder, 'claim.ts');
    const module = (name: string): string => JSON.stringify(new URL(name, import.meta.url).href);
    await writeFile(
      script,
      `import { openMedia } from ${module('./support/open-media.ts')};
       const media = await openMedia({ workers: 0 });
       const leg = await media.createLeg({ bindAddress: '127.0.0.1', callId: 'a' });
       console.log(leg.port);`,
    );
    const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
    const rtpPorts = { min: Number(line), max: Number(line) + 1 };
    const media = new Media({ workers: 0, rtpPorts }, machine);
    await expect(media.open()).rejects.toMatchObject({ code: 'ERR_RTP_PORTS_IN_USE', facts: { pid: child.pid } });
    await media.close();
    child.kill('SIGKILL');
    await once(child, 'exit');
    const again = new Media({ workers: 0, rtpPorts }, machine);
    await again.open();
    await again.close();
  });

  it("of a leg that goes on may be somebody else's by now", async () => {
    await using media = await openMedia({ workers: 1 });
    const leg = await media.createLeg({ bindAddress: '127.0.0.1', callId: 'a' });
    const { port } = leg;
    const snapshot = await leg.handOver();
    const foreign = createSocket('udp4');
    await new Promise<void>((resolve) => foreign.bind({ port, address: '127.0.0.1', exclusive: true }, resolve));
    const create = { bindAddress: '127.0.0.1', callId: 'a', snapshot };
    await expect(media.createLeg(create)).rejects.toMatchObject({ code: 'ERR_PORT_IN_USE', facts: { port } });
    // It is waited for a moment: its owner may be dying.
    const creating = media.createLeg(create);
    await media.counts();
    foreign.close();
    await expect(creating).resolves.toMatchObject({ port });
    const elsewhere = { ...create, snapshot: { ...snapshot, leg: 'b', port: 1024, rtcpPort: 1025 } };
    await expect(media.createLeg(elsewhere)).rejects.toMatchObject({ code: 'ERR_NO_RTP_PORT' });
  });

  it('must keep out of the ports that the kernel gives out', async () => {
    const files = { ...machine.files, read: async () => new TextEncoder().encode('32768\t60999\n') };
    const media = new Media({ workers: 0, rtpPorts: { min: 32_000, max: 33_000 } }, { ...machine, files });
    await expect(media.open()).rejects.toMatchObject({ code: 'ERR_CONFIG', message: /32768–60999/ });
    await media.close();
  });

  it('leaves out a pair that somebody else has', async () => {
    await using media = await openMedia({ workers: 1 });
    const probe = await media.createLeg({ bindAddress: '127.0.0.1', callId: 'a' });
    const foreign = createSocket('udp4');
    await new Promise<void>((resolve) => foreign.bind(probe.port + 3, '127.0.0.1', resolve));
    const leg = await media.createLeg({ bindAddress: '127.0.0.1', callId: 'b' });
    expect(leg.port).toBe(probe.port + 4);
    foreign.close();
    await expect(media.createLeg({ bindAddress: '192.0.2.55', callId: 'c' })).rejects.toMatchObject({
      code: 'ERR_BIND',
    });
    expect(await media.counts()).toMatchObject({ legs: 2, sockets: 4 });
  });
});

describe('a worker that dies', () => {
  /** A worker that ends when it is told so. */
  async function mortal(): Promise<URL> {
    const entry = join(folder, 'dying.ts');
    const target = new URL('../../media/host/engine-thread.ts', import.meta.url).href;
    await writeFile(
      entry,
      `import { parentPort } from 'node:worker_threads';
       import ${JSON.stringify(target)};
       parentPort.on('message', (batch) => {
         if (!Array.isArray(batch)) return;
         if (batch.some(({ type, playback }) => type === 'play.control' && playback === 'the last')) throw new Error('planted');
       });`,
    );
    return pathToFileURL(entry);
  }
  const kill = (leg: MediaLeg): void =>
    leg.link.send({ type: 'play.control', leg: leg.id, playback: 'the last', control: { do: 'stop' } });
  const interruption = (leg: MediaLeg) =>
    new Promise<TandemError>((resolve) => {
      leg.onInterrupted = resolve;
    });

  it('is replaced, and its legs go on: one stream each, what plays plays on, what taps hears on', async () => {
    await using media = await openMedia({ workers: 2 }, { workerEntry: await mortal() });
    await using phone = await Phone.open();
    await using other = await Phone.open();
    const legs = await Promise.all(['a', 'b'].map((callId) => media.createLeg({ bindAddress: '127.0.0.1', callId })));
    const [doomed, safe] = legs as [MediaLeg, MediaLeg];
    expect(doomed.worker).not.toBe(safe.worker);
    doomed.negotiate(phone.audio());
    safe.negotiate(other.audio());
    const playback = doomed.play(noise(8 * 60_000), '');
    safe.play(noise(8 * 60_000), '');
    const reader = doomed.reader();
    const recording = doomed.record(join(folder, 'lost.wav'));
    const digit = new Promise<string>((resolve) => {
      const onFound: AnalysisListener['onFound'] = ({ found }) => found.type === 'digit' && resolve(found.digit);
      doomed.analyse({ kind: 'digits' }, { onFound, onOver: () => resolve('over') });
    });
    // Long enough for its state to have been told.
    await phone.hears(130);
    const before = phone.heard.at(-1) as Heard;
    const interrupted = interruption(doomed);
    kill(doomed);
    expect(await interrupted).toMatchObject({ code: 'ERR_MEDIA_WORKER', message: /planted/ });
    await expect(recording.done).rejects.toMatchObject({ code: 'ERR_MEDIA_WORKER' });
    await expect(doomed.record(join(folder, 'no.wav')).done).rejects.toMatchObject({ code: 'ERR_MEDIA_WORKER' });
    const heardBefore = phone.heard.length;
    await phone.hears(heardBefore + 20);
    const after = phone.heard.slice(heardBefore);
    const [first] = after as [Heard];
    expect(new Set(after.map(({ ssrc }) => ssrc))).toEqual(new Set([before.ssrc]));
    expect(seqDiff(first.sequence, before.sequence)).toBeGreaterThan(0);
    expect(timestampDiff(first.timestamp, before.timestamp)).toBeGreaterThan(0);
    // The prompt goes on where it was, not where it began.
    const prompt = Buffer.from(noise(8 * 60_000));
    expect(prompt.indexOf(first.payload)).toBeGreaterThan(8 * 500);
    phone.send({ sequence: 1, timestamp: 160, payload: noise(160) }, doomed.port);
    phone.send({ sequence: 2, timestamp: 320, payload: noise(160) }, doomed.port);
    const five = encoded(limited(key('5')));
    for (let n = 0; n < 5; n++)
      phone.send(
        { sequence: 3 + n, timestamp: 480 + 160 * n, payload: five.subarray(160 * n, 160 * n + 160) },
        doomed.port,
      );
    expect(await reader.read()).toHaveLength(160);
    expect(await digit).toBe('5');
    expect((await doomed.stats()).codec).toBe('PCMU/8000');
    playback.stop();
    await expect(playback.done).resolves.toMatchObject({ end: 'stopped' });
    expect(await media.counts()).toMatchObject({ legs: 2, sockets: 4 });
    for (let i = 1; i < other.heard.length; i++)
      expect(seqDiff(other.heard[i]?.sequence ?? 0, other.heard[i - 1]?.sequence ?? 0)).toBe(1);
  });

  it('leaves a list where it was, in a stream too', async () => {
    await using media = await openMedia({ workers: 1 }, { workerEntry: await mortal() });
    await using phone = await Phone.open();
    await using leg = await media.createLeg({ bindAddress: '127.0.0.1', callId: 'a' });
    leg.negotiate(phone.audio());
    const [first, second, third] = [noise(8000, 1), noise(24_000, 2), noise(8000, 3)];
    async function* chunks() {
      for (let at = 0; at < second.length; at += 1000) yield second.slice(at, at + 1000);
    }
    const playback = leg.play([first, chunks(), third], '');
    await phone.hears(100);
    const before = Buffer.from(second).indexOf(phone.heard.at(-1)!.payload);
    const interrupted = interruption(leg);
    kill(leg);
    await interrupted;
    const heardBefore = phone.heard.length;
    await expect(playback.done).resolves.toMatchObject({ end: 'completed' });
    await phone.until(() => Buffer.compare(phone.heard.at(-1)!.payload, third.subarray(-160)) === 0);
    const after = concat(phone.heard.slice(heardBefore).map(({ payload }) => payload));
    const rest = Buffer.concat([second, third]);
    const from = rest.indexOf(after.subarray(0, 160));
    expect(before).toBeGreaterThanOrEqual(0);
    expect(from).toBeGreaterThan(before);
    expect(Buffer.compare(after, rest.subarray(from))).toBe(0);
  });

  it('leaves SRTP going on under its key, and no index is used twice', async () => {
    await using media = await openMedia({ workers: 1 }, { workerEntry: await mortal() });
    await using phone = await Phone.open();
    await using leg = await media.createLeg({ bindAddress: '127.0.0.1', callId: 'a' });
    const key = (): SrtpMasterKey => ({
      inline: newMasterKey('AEAD_AES_128_GCM', machine.random),
      mki: '',
      lifetime: undefined,
    });
    const [local, remote] = [key(), key()];
    leg.negotiate(phone.audio({ srtp: { profile: 'AEAD_AES_128_GCM', local, remote: [remote] } }));
    const playback = leg.play(noise(8 * 60_000), '');
    await phone.hears(130);
    const interrupted = interruption(leg);
    kill(leg);
    await interrupted;
    await phone.hears(phone.heard.length + 20);
    playback.stop();
    const receiver = SrtpReceiver.create('AEAD_AES_128_GCM', [local]);
    const prompt = Buffer.from(noise(8 * 60_000));
    for (const packet of phone.heard) {
      const bytes = rtpBytes(packet);
      expect(receiver.rtp(bytes, 0, bytes.length)).toBe(172);
      expect(prompt.indexOf(bytes.subarray(12, 172))).toBeGreaterThanOrEqual(0);
    }
    expect(receiver.state.rtp).toHaveLength(1);
  });

  it('twice takes its legs with it: one of them may be what it dies of', async () => {
    await using media = await openMedia({ workers: 1 }, { workerEntry: await mortal() });
    await using phone = await Phone.open();
    const leg = await media.createLeg({ bindAddress: '127.0.0.1', callId: 'a' });
    leg.negotiate(phone.audio());
    const interrupted = interruption(leg);
    kill(leg);
    await interrupted;
    await vi.waitFor(() => leg.stats(), 15_000);
    const failed = new Promise<TandemError>((resolve) => {
      leg.onFailed = resolve;
    });
    kill(leg);
    expect(await failed).toMatchObject({ code: 'ERR_MEDIA_WORKER' });
    await expect(leg.stats()).rejects.toMatchObject({ code: 'ERR_MEDIA_WORKER' });
    await leg.close();
  });

  it('leaves the bridges of its legs whole', async () => {
    await using media = await openMedia({ workers: 2 }, { workerEntry: await mortal() });
    await using alice = await Phone.open();
    await using bob = await Phone.open();
    const [a, b] = (await Promise.all(
      ['a', 'b'].map((callId) => media.createLeg({ bindAddress: '127.0.0.1', callId })),
    )) as [MediaLeg, MediaLeg];
    a.negotiate(alice.audio());
    b.negotiate(bob.audio());
    const bridge = media.createBridge();
    bridge.add(a);
    bridge.add(b);
    let number = 0;
    const talk = (): void => {
      number++;
      alice.send({ sequence: number, timestamp: number * 160, payload: noise(160, number) }, a.port);
      bob.send({ sequence: number, timestamp: number * 160, payload: noise(160, number) }, b.port);
    };
    const heardFrom = async (least: number): Promise<void> => {
      const [toAlice, toBob] = [alice.heard.length, bob.heard.length];
      await vi.waitFor(
        () => {
          talk();
          expect(Math.min(alice.heard.length - toAlice, bob.heard.length - toBob)).toBeGreaterThanOrEqual(least);
        },
        { timeout: 20_000, interval: 20 },
      );
    };
    await heardFrom(5);
    const interrupted = interruption(a);
    kill(a);
    await interrupted;
    await heardFrom(5);
    expect(new Set(alice.heard.map(({ ssrc }) => ssrc)).size).toBe(1);
    expect(new Set(bob.heard.map(({ ssrc }) => ssrc)).size).toBe(1);
  });

  it('as soon as it starts is not started again and again without a pause', async () => {
    const entry = join(folder, 'dead.ts');
    await writeFile(entry, 'process.exit(3);');
    const waits: number[] = [];
    const waiting = new Promise<void>((resolve) => {
      vi.spyOn(nodeClock, 'setTimer').mockImplementation((ms) => {
        waits.push(ms);
        resolve();
        return { cancel: () => waits.splice(0) };
      });
    });
    const media = await openMedia({ workers: 1 }, { workerEntry: pathToFileURL(entry) });
    await waiting;
    vi.restoreAllMocks();
    expect(waits).toEqual([1000]);
    await expect(media.createLeg({ bindAddress: '127.0.0.1', callId: 'a' })).rejects.toMatchObject({
      code: 'ERR_MEDIA_WORKER',
    });
    await media.close();
    expect(waits).toHaveLength(0);
  });
});

describe('IPv6', () => {
  it('carries a stream too', async () => {
    await using media = await openMedia({ workers: 1, symmetricRtp: 'strict' });
    const phone = createSocket('udp6');
    await new Promise<void>((resolve) => phone.bind(0, '::1', resolve));
    const leg = await media.createLeg({ bindAddress: '::1', callId: 'a' });
    const { negotiated } = await import('./support/phone.ts');
    const { port } = phone.address();
    leg.negotiate(negotiated({ address: '0:0::0001', port, rtcpPort: port + 1 }));
    leg.echo(true);
    const heard = once(phone, 'message');
    phone.send(rtpBytes({ sequence: 1, timestamp: 1, payload: noise(160) }), leg.port, '::1');
    const [bytes] = (await heard) as [Uint8Array];
    expect(new Uint8Array(bytes).slice(12)).toEqual(noise(160));
    phone.close();
  });
});

it('closing twice, or before opening, is fine', async () => {
  const unopened = new Media({ workers: 1 }, machine);
  await unopened.close();
  await expect(unopened.createLeg({ bindAddress: '127.0.0.1', callId: 'a' })).rejects.toMatchObject({
    code: 'ERR_MEDIA_CLOSED',
  });
  const media = await openMedia({ workers: 1 });
  await Promise.all([media.close(), media.close()]);
  await media.close();
});

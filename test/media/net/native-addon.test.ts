/** The addon itself: in several threads, and given what no caller of ours gives it. */
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { loadAddon, type NativeAddon } from '../../../media/net/native-addon.ts';
import { createNativeIo } from '../../../media/net/native-udp-port.ts';
import { between, pick, seededRandom } from '../../../src/testing/index.ts';
import { loaded } from './ios.ts';

const addon = (loaded.ok ? loaded.addon : undefined) as NativeAddon;
/** Gives away what is behind it. */
const take = ({ buffer }: Uint8Array): unknown => (buffer as ArrayBuffer).transfer();
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('an addon that cannot be had', () => {
  it('is told in a line: it is not there, it is no addon, or of another version', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tandem-addon-'));
    try {
      expect(loadAddon(join(folder, 'none.node'))).toEqual({ ok: false, reason: 'it is not built' });
      await writeFile(join(folder, 'broken.node'), 'not a shared object');
      const broken = loadAddon(join(folder, 'broken.node'));
      await writeFile(join(folder, 'old.cjs'), 'exports.layout = 0;');
      expect(loadAddon(join(folder, 'old.cjs'))).toEqual({ ok: false, reason: 'it is of another version' });
      expect(broken).toMatchObject({ ok: false });
      expect(!broken.ok && broken.reason).toMatch(/^[^\n]*broken\.node[^\n]*$/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe.runIf(loaded.ok)('the addon', () => {
  it('is loaded, closed and loaded again in three threads at a time, and ended while it is in use', async () => {
    for (let again = 0; again < 5; again++) {
      const threads = Array.from({ length: 3 }, () => new Worker(new URL('./addon-thread.ts', import.meta.url)));
      await Promise.all(
        threads.map(async (thread) => {
          for (let round = 0; round < 3; round++) expect(await once(thread, 'message')).toEqual([200]);
          // In the midst of packets.
          expect(await thread.terminate()).toBe(1);
        }),
      );
    }
  });

  it('rings once per alarm, the latest one alone, and not when it was cancelled', async () => {
    const io = createNativeIo(addon);
    // Its socket keeps the loop awake, as a call's does.
    const port = await io.bind('127.0.0.1', 0, () => {});
    const rung: string[] = [];
    const ring = (name: string, delayMs: number): Promise<void> =>
      new Promise((resolve) => {
        io.setAlarm?.(delayMs, () => {
          rung.push(name);
          resolve();
        });
      });
    const began = performance.now();
    await ring('at once', 0);
    void ring('replaced', 0.2);
    await ring('in fractions', 2.5);
    expect(performance.now() - began).toBeGreaterThanOrEqual(2.5);
    io.setAlarm?.(0, () => rung.push('cancelled')).cancel();
    const old = io.setAlarm?.(0, () => rung.push('cancelled'));
    const last = ring('last', 1);
    old?.cancel();
    await last;
    await ring('after', 0);
    expect(rung).toEqual(['at once', 'in fractions', 'last', 'after']);
    io.setAlarm?.(0, () => rung.push('closed'));
    await port.close();
    io.close();
    await turn();
    expect(rung).toHaveLength(4);
  });

  it('calls nobody back after it is closed, and refuses to be used', async () => {
    let called = 0;
    const buffers = [1 << 18, 4400, 1 << 17, 4400].map((size) => new Uint8Array(size));
    const [received, receivedTable, sent, sentTable] = buffers as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
    const io = new addon.Io(received, receivedTable, sent, sentTable, () => called++);
    const socket = io.bind('127.0.0.1', 0, 32_768);
    const table = new Int32Array(sentTable.buffer);
    table.set([socket, 1, 0, 10]);
    const sockaddr = new Uint8Array(28);
    expect(addon.parse('127.0.0.1', io.port(socket), false, sockaddr)).toBe(true);
    sentTable.set(sockaddr, 16);
    io.send(1);
    io.close();
    await turn();
    expect(called).toBe(0);
    for (const use of [() => io.bind('127.0.0.1', 0, 1), () => io.port(socket), () => io.send(1), () => io.close()])
      expect(use).toThrow('not an open Io');
  });

  it('hears nothing and sends nothing when its buffers are taken away', async () => {
    let called = 0;
    const buffers = [1 << 18, 4400, 1 << 17, 4400].map((size) => new Uint8Array(size));
    const [received, receivedTable, sent, sentTable] = buffers as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
    const io = new addon.Io(received, receivedTable, sent, sentTable, () => called++);
    const socket = io.bind('127.0.0.1', 0, 32_768);
    const table = new Int32Array(sentTable.buffer);
    table.set([socket, 1, 0, 10]);
    const sockaddr = new Uint8Array(28);
    addon.parse('127.0.0.1', io.port(socket), false, sockaddr);
    sentTable.set(sockaddr, 16);
    take(received);
    io.send(1);
    for (let n = 0; n < 5; n++) await turn();
    take(sent);
    io.send(1);
    take(sentTable);
    io.send(1);
    await turn();
    io.close();
    expect(called).toBe(0);
  });

  it.each([
    ['127.0.0.1', false, '127.0.0.1'],
    ['127.0.0.1', true, '127.0.0.1'],
    ['::ffff:192.0.2.1', false, '192.0.2.1'],
    ['2001:DB8:0:0::0001', false, '2001:db8::1'],
    ['::1', true, '::1'],
    ['fe80::1%lo', true, 'fe80::1%lo'],
  ])('reads the address %s (wide: %s) and prints it as %s', (text, wide, printed) => {
    const sockaddr = new Uint8Array(28);
    expect(addon.parse(text, 5060, wide, sockaddr)).toBe(true);
    expect([sockaddr[2], sockaddr[3]]).toEqual([5060 >> 8, 5060 & 0xff]);
    expect(addon.print(sockaddr)).toBe(printed);
  });

  it.each([
    '',
    'localhost',
    '127.0.0.1 ',
    '127.0.0.1\0',
    '1'.repeat(70),
    '::1%nowhere',
    '1.2.3',
    '::g',
    '127.1',
  ])('reads no address in %j', (text) => {
    expect(addon.parse(text, 5060, true, new Uint8Array(28))).toBe(false);
  });

  it.each([1, 2, 3])('stands whatever it is called with (seed %i)', async (seed) => {
    const random = seededRandom(seed, 'addon');
    const from = <T>(values: readonly T[]): T => pick(random, values);
    const bytes = (): Uint8Array => new Uint8Array(from([0, 1, 27, 28, 43, 44, 4400, 70_000, 1 << 18]));
    const value = (): unknown =>
      from<() => unknown>([
        () => undefined,
        () => null,
        () =>
          from([-1, 0, 1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, -0, 2 ** 31, 2 ** 32, 2 ** 53, 65_535, 65_536]),
        () => random.uint32(),
        () => from(['', '127.0.0.1', '::2', '::1', 'x'.repeat(200), '\ud800', '127.0.0.1\0']),
        () => from([true, false, 1n, Symbol('s')]),
        () => ({ valueOf: () => 1, length: 44 }),
        () => () => {},
        () => bytes(),
        () => new Uint8Array(new ArrayBuffer(100), 1, 60),
        () => new Uint8Array(new SharedArrayBuffer(4400)),
        () => new Uint8Array(new ArrayBuffer(44, { maxByteLength: 100_000 })),
        () => new Float64Array(100),
        () => new DataView(new ArrayBuffer(64)),
        () => io,
        () => addon,
      ])();
    const values = (): unknown[] => Array.from({ length: between(random, 0, 6) }, value);
    const buffers = (): Uint8Array[] =>
      from([
        [1 << 18, 4400, 1 << 17, 4400],
        [70_000, 100, 4, 60],
        [4, 4, 4, 4],
      ]).map((size) => new Uint8Array(size));
    const create = (): Record<string, (...args: unknown[]) => unknown> => {
      tables = buffers();
      return new (addon.Io as unknown as new (...args: unknown[]) => never)(...tables, () => {});
    };
    let tables: Uint8Array[] = [];
    let io = create();
    let refused = 0;
    for (let n = 0; n < 20_000; n++) {
      try {
        from<() => unknown>([
          () => io[from(['bind', 'port', 'release', 'send', 'alarm'])]!(...values()),
          () => io[from(['bind', 'port', 'release', 'send', 'alarm'])]!.apply(value(), values()),
          () => io.bind!('127.0.0.1', 0, from([0, 1, 2 ** 31 - 1])),
          () => io.bind!(from(['::1', '127.0.0.1', '192.0.2.1']), between(random, 0, 65_535), 1000),
          () => io.send!(from([0, 1, 100, 2 ** 31 - 1])),
          () => io.release!(between(random, 0, 300)),
          () => {
            // A table of which nothing is true.
            const table = tables[3] as Uint8Array;
            for (let at = 0; at + 4 <= table.length; at += 4)
              table.set(from([Uint8Array.of(0, 0, 0, 0), random.bytes(4), Uint8Array.of(1, 0, 0, 0)]), at);
            return io.send!(100);
          },
          () => addon.parse(...(values() as Parameters<NativeAddon['parse']>)),
          () => addon.print(...(values() as Parameters<NativeAddon['print']>)),
          () => addon.print(random.bytes(28)),
          () => Reflect.construct(addon.Io, values()),
          () => Reflect.apply(addon.Io as never, value(), values()),
          () => {
            if (between(random, 0, 50) > 0) return;
            io.close!();
            io = create();
          },
        ])();
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
        refused++;
      }
      if (n % 500 === 0) await turn();
    }
    io.close!();
    expect(refused).toBeGreaterThan(1000);
    // It still works.
    const sound = createNativeIo(addon);
    const heard = new Promise<number>((resolve) => {
      void sound
        .bind('127.0.0.1', 0, (buffer, offset) => resolve(buffer[offset] as number))
        .then((port) => port.send(Uint8Array.of(42), 0, 1, { address: '127.0.0.1', port: port.port }));
    });
    expect(await heard).toBe(42);
    sound.close();
  });
});

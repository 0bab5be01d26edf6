import { describe, expect, it } from 'vitest';
import { inlineCoder } from '../../../media/prompt/coder.ts';
import type { PromptCoder } from '../../../media/prompt/decode-prompt.ts';
import { PromptStore, type PromptStoreOptions } from '../../../media/prompt/store.ts';
import type { Fetch, Files } from '../../../src/base/io.ts';
import { wav } from '../audio/wav-bytes.ts';

const PCMU = { name: 'PCMU', clockRate: 8000, channels: 1 };
const PCMA = { name: 'PCMA', clockRate: 8000, channels: 1 };
const L16 = { name: 'L16', clockRate: 16_000, channels: 1 };

function tone(samples: number, value = 1000, sampleRate = 8000): Uint8Array {
  const pcm = new Int16Array(samples).fill(value);
  return wav({ tag: 1, channels: 1, sampleRate, bits: 16 }, new Uint8Array(pcm.buffer));
}

/** A store over files in memory, with counts of what was asked of its ports. */
function setup(options: PromptStoreOptions = {}) {
  const disk = new Map<string, { bytes: Uint8Array; modified: number }>();
  const web = new Map<string, Uint8Array>();
  const counts = { read: 0, fetched: 0, decoded: 0, encoded: 0, closed: 0 };
  const signals: AbortSignal[] = [];
  let hold: Promise<void> | undefined;
  const missing = () => Object.assign(new Error('ENOENT: no such file or directory'), { code: 'ENOENT' });
  const files: Files = {
    async read(path) {
      counts.read++;
      await hold;
      const file = disk.get(path);
      if (!file) throw missing();
      return file.bytes;
    },
    async stat(path) {
      const file = disk.get(path);
      if (!file) throw missing();
      return { size: file.bytes.length, modified: file.modified };
    },
    create: () => Promise.reject(new Error('not asked for')),
  };
  const fetch: Fetch = {
    async get(url, { signal }) {
      counts.fetched++;
      if (signal) signals.push(signal);
      await hold;
      const bytes = web.get(url);
      if (!bytes) throw new Error('HTTP 404');
      return { bytes, contentType: 'audio/wav' };
    },
  };
  const coder: PromptCoder = {
    decode(job) {
      counts.decoded++;
      return inlineCoder.decode(job);
    },
    encode(job) {
      counts.encoded++;
      return inlineCoder.encode(job);
    },
    async close() {
      counts.closed++;
    },
  };
  const store = new PromptStore(options, { files, fetch, coder });
  return {
    store,
    disk,
    web,
    counts,
    signals,
    /** Makes reads and fetches wait; call what it returns to let them go on. */
    pause() {
      let go = () => {};
      hold = new Promise((resolve) => {
        go = resolve;
      });
      return () => go();
    },
  };
}

describe('PromptStore', () => {
  it('decodes a file once and encodes it once per codec, however many ask at once', async () => {
    const { store, disk, counts } = setup();
    disk.set('/p/hi.wav', { bytes: tone(800), modified: 1 });
    const prompts = await Promise.all(Array.from({ length: 50 }, () => store.load('/p/hi.wav', 'audio/wav')));
    const encoded = await Promise.all(prompts.flatMap((p) => [store.encoded(p, PCMU), store.encoded(p, PCMA)]));
    expect(counts).toMatchObject({ read: 1, decoded: 1, encoded: 2 });
    expect(new Set(encoded.map((e) => e.payload)).size).toBe(2);
    expect(encoded[0]).toMatchObject({ length: 800, encoding: 'PCMU/8000' });
    expect(encoded[0]?.payload).toBeInstanceOf(SharedArrayBuffer);
    expect(new Set(new Uint8Array(encoded[0]!.payload))).toEqual(new Set([0xce]));
  });

  it('resamples to the clock of the codec', async () => {
    const { store, disk } = setup();
    disk.set('hi.wav', { bytes: tone(4410, 1000, 44_100), modified: 1 });
    const prompt = await store.load('hi.wav', 'audio/wav');
    expect(prompt).toMatchObject({ kind: 'audio', audio: { sampleRate: 44_100, length: 4410 } });
    expect(await store.encoded(prompt, PCMU)).toMatchObject({ length: 800 });
    expect(await store.encoded(prompt, L16)).toMatchObject({ length: 3200, encoding: 'L16/16000' });
  });

  it('reads a file again when its time or size changed', async () => {
    const { store, disk, counts } = setup();
    disk.set('hi.wav', { bytes: tone(800), modified: 1 });
    await store.load('hi.wav', 'audio/wav');
    disk.set('hi.wav', { bytes: tone(800, 2000), modified: 2 });
    await store.load('hi.wav', 'audio/wav');
    disk.set('hi.wav', { bytes: tone(400, 2000), modified: 2 });
    const prompt = await store.load('hi.wav', 'audio/wav');
    expect(counts.decoded).toBe(3);
    expect(prompt).toMatchObject({ audio: { length: 400 } });
  });

  it('takes a file URL for its path', async () => {
    const { store, disk, counts } = setup();
    disk.set('/p/a b.wav', { bytes: tone(80), modified: 1 });
    await store.load('/p/a b.wav', 'audio/wav');
    await store.load('file:///p/a%20b.wav', 'audio/wav');
    await store.load(new URL('file:///p/a%20b.wav'), 'audio/wav');
    expect(counts.decoded).toBe(1);
  });

  it('fetches a URL for each, once at a time, and decodes it again only when it changed', async () => {
    const { store, web, counts } = setup();
    web.set('http://127.0.0.1/hi.wav', tone(80));
    const load = () => store.load('http://127.0.0.1/hi.wav', 'audio/wav');
    await Promise.all([load(), load(), load()]);
    await load();
    expect(counts).toMatchObject({ fetched: 2, decoded: 1 });
    web.set('http://127.0.0.1/hi.wav', tone(160));
    expect(await load()).toMatchObject({ audio: { length: 160 } });
    expect(counts).toMatchObject({ fetched: 3, decoded: 2 });
  });

  it('knows bytes by their content, and PCM by its format too', async () => {
    const { store, counts } = setup();
    const bytes = new Uint8Array(320);
    await store.load(bytes, 'audio/pcm');
    await store.load(bytes.slice(), 'audio/pcm', { sampleRate: 8000, channels: 1 });
    expect(counts.decoded).toBe(1);
    expect(await store.load(bytes, 'audio/pcm', { sampleRate: 16_000, channels: 2 })).toMatchObject({
      audio: { sampleRate: 16_000, length: 80 },
    });
    expect(counts.decoded).toBe(2);
  });

  it('passes encoded payload on as it is', async () => {
    const { store, counts } = setup();
    const prompt = await store.load(Uint8Array.of(1, 2, 3), '');
    const encoded = await store.encoded(prompt, PCMU);
    expect([...new Uint8Array(encoded.payload)]).toEqual([1, 2, 3]);
    expect(encoded).toMatchObject({ length: 3, encoding: '' });
    expect(counts).toMatchObject({ decoded: 0, encoded: 0 });
  });

  it('forgets what was used least recently when the cache is full', async () => {
    const { store, disk, counts } = setup({ promptCacheBytes: 40_000 });
    for (const name of ['a', 'b', 'c']) disk.set(name, { bytes: tone(8000, name.charCodeAt(0)), modified: 1 });
    const a = await store.load('a', 'audio/wav');
    await store.load('b', 'audio/wav');
    await store.load('a', 'audio/wav');
    await store.load('c', 'audio/wav');
    expect(store.cachedBytes).toBeLessThanOrEqual(40_000);
    expect(counts.decoded).toBe(3);
    await store.load('a', 'audio/wav');
    expect(counts.decoded).toBe(3);
    await store.load('b', 'audio/wav');
    expect(counts.decoded).toBe(4);
    expect(await store.encoded(a, PCMU)).toMatchObject({ length: 8000 });
  });

  it('keeps the rest when one prompt is larger than the whole cache', async () => {
    const { store, disk, counts } = setup({ promptCacheBytes: 4000 });
    disk.set('small', { bytes: tone(800), modified: 1 });
    disk.set('large', { bytes: tone(8000), modified: 1 });
    await store.load('small', 'audio/wav');
    expect(await store.load('large', 'audio/wav')).toMatchObject({ audio: { length: 8000 } });
    await store.load('small', 'audio/wav');
    expect(counts.decoded).toBe(2);
  });

  it('does not keep a failure', async () => {
    const { store, disk } = setup();
    disk.set('hi.wav', { bytes: Uint8Array.of(1, 2, 3), modified: 1 });
    await expect(store.load('hi.wav', 'audio/wav')).rejects.toMatchObject({ code: 'ERR_AUDIO_FORMAT' });
    disk.set('hi.wav', { bytes: tone(80), modified: 1 });
    await store.load('hi.wav', 'audio/wav');
  });

  it.each([
    ['a missing file', '/p/none.wav', 'audio/wav', 'ERR_FILE', 'cannot read /p/none.wav: no such file'],
    [
      'a URL that fails',
      'http://127.0.0.1/x.wav',
      'audio/wav',
      'ERR_FETCH',
      'cannot fetch http://127.0.0.1/x.wav: HTTP 404',
    ],
    ['a file that is no WAV', '/p/text', 'audio/wav', 'ERR_AUDIO_FORMAT', 'cannot play /p/text: it is not a WAV file'],
    ['a file URL with a host', 'file://host/x.wav', 'audio/wav', 'ERR_FILE', 'cannot read file://host/x.wav'],
    ['too large a file', '/p/large', '', 'ERR_AUDIO_FORMAT', 'cannot play /p/large: it is larger than 1 MB'],
  ] as const)('%s is %s', async (_, source, type, code, message) => {
    const { store, disk } = setup({ maxSourceBytes: 1024 * 1024 });
    disk.set('/p/text', { bytes: new TextEncoder().encode('hello, this is text'), modified: 1 });
    disk.set('/p/large', { bytes: new Uint8Array(1024 * 1024 + 1), modified: 1 });
    const error = store.load(source, type);
    await expect(error).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
  });

  it.each([
    { sampleRate: 0 },
    { sampleRate: Number.NaN },
    { channels: 0 },
    { channels: 3 },
  ])('refuses PCM of %j', async (format) => {
    const loading = setup().store.load(new Uint8Array(4), 'audio/pcm', format);
    await expect(loading).rejects.toMatchObject({ code: 'ERR_AUDIO_FORMAT' });
  });

  it('lets one caller go on its signal while the others still get the audio', async () => {
    const { store, web, pause } = setup();
    web.set('http://127.0.0.1/hi.wav', tone(80));
    const go = pause();
    const stop = new AbortController();
    const impatient = store.load('http://127.0.0.1/hi.wav', 'audio/wav', { signal: stop.signal });
    const patient = store.load('http://127.0.0.1/hi.wav', 'audio/wav');
    stop.abort(new Error('hung up'));
    await expect(impatient).rejects.toThrow('hung up');
    await expect(store.load('x', 'audio/wav', { signal: stop.signal })).rejects.toThrow('hung up');
    go();
    expect(await patient).toMatchObject({ audio: { length: 80 } });
  });

  it('closes once: requests end, the cache is empty, and nothing new begins', async () => {
    const { store, disk, counts, signals, pause } = setup();
    disk.set('hi.wav', { bytes: tone(80), modified: 1 });
    const prompt = await store.load('hi.wav', 'audio/wav');
    const go = pause();
    const fetching = store.load('http://127.0.0.1/hi.wav', 'audio/wav');
    const failed = expect(fetching).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    await Promise.all([store.close(), store.close()]);
    expect(signals.map((signal) => signal.aborted)).toEqual([true]);
    go();
    await failed;
    await expect(store.load('hi.wav', 'audio/wav')).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    await expect(store.encoded(prompt, PCMU)).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    expect(store.cachedBytes).toBe(0);
    expect(counts.closed).toBe(1);
  });
});

import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { TandemError } from '../../src/base/errors.ts';
import { Observer } from '../../src/base/events.ts';
import type { Logger } from '../../src/base/log.ts';
import { createNodeRandom } from '../../src/base/node.ts';
import { Archive } from '../../src/recordings/archive.ts';
import { nodeSend } from '../../src/recordings/node-send.ts';
import { NodeVault } from '../../src/recordings/node-vault.ts';
import { keyringOf, type RecordingsOptions } from '../../src/recordings/options.ts';
import type { TandemEvents } from '../../src/session/events.ts';
import { FakeClock } from '../../src/testing/index.ts';
import { TemporaryFolder } from '../helpers/cli.ts';
import { credentials, FakeStorage } from './storage.ts';

const random = createNodeRandom();
const encryption = { key: 'a long text, kept elsewhere', keyId: 'one' };
const dayMs = 86_400_000;

interface Said {
  readonly level: string;
  readonly message: string;
  readonly fields: Record<string, unknown>;
}

/** An archive over a folder on the disk; `restart` is another process over the same folder. */
class Bench {
  readonly folder = new TemporaryFolder();
  readonly clock = new FakeClock();
  readonly said: Said[] = [];
  recorded: string[] = [];
  observer = new Observer<TandemEvents>(() => {});
  vault: NodeVault;
  archive!: Archive;

  constructor(options: Partial<RecordingsOptions>) {
    this.vault = new NodeVault(this.folder.path, random);
    this.start(options);
  }

  start(options: Partial<RecordingsOptions>): void {
    const note = (level: string) => (fields: object, message: string) =>
      void this.said.push({ level, message, fields: fields as Said['fields'] });
    const logger: Logger = {
      ...{ trace: note('trace'), debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') },
      child: () => logger,
    };
    this.observer = new Observer<TandemEvents>(() => {});
    this.archive = new Archive(
      { folder: this.folder.path, ...options },
      {
        ...{ clock: this.clock, random, logger, observer: this.observer, send: nodeSend, vault: this.vault },
        recording: () => this.recorded,
      },
    );
    this.archive.open();
  }

  async restart(options: Partial<RecordingsOptions>): Promise<void> {
    await this.archive.close();
    this.start(options);
  }

  path(name: string): string {
    return join(this.folder.path, name);
  }

  begin(name: string, bytes: Uint8Array = audio(name)): void {
    const path = this.path(name);
    mkdirSync(dirname(path), { recursive: true });
    this.observer.emit('recording:started', {
      ...{ path, at: this.clock.wallclock(), callId: 'call-1', sessionId: 's', direction: 'inbound' },
      ...{ fromUri: 'sip:anna@example.com', toUri: 'sip:bürö@example.com' },
    });
    writeFileSync(path, bytes);
  }

  end(name: string): void {
    const stamp = { path: this.path(name), at: this.clock.wallclock(), callId: 'call-1', sessionId: 's' };
    this.observer.emit('recording:ended', { ...stamp, end: 'ended', durationMs: 1234.5 });
  }

  record(name: string, bytes?: Uint8Array): void {
    this.begin(name, bytes);
    this.end(name);
  }

  get files(): readonly string[] {
    return readdirSync(this.folder.path, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => entry.name)
      .sort();
  }

  note(name: string): Record<string, unknown> {
    return JSON.parse(readFileSync(`${this.path(name)}.json`, 'utf8'));
  }

  messages(level: string): readonly string[] {
    return this.said.filter((one) => one.level === level).map(({ message }) => message);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.archive.close();
    this.folder[Symbol.dispose]();
  }
}

function audio(name: string): Uint8Array {
  return Buffer.from(`RIFF....WAVE of ${name} ${'.'.repeat(1_000)}`);
}

/** Until it is so; else the test's own time ends it. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await setImmediate();
}

let storage: FakeStorage;
afterEach(async () => storage?.kill());

const s3 = (more: object = {}) => ({
  upload: { s3: { bucket: 'calls', endpoint: storage.url, prefix: 'x/', ...credentials }, ...more },
});

describe('a finished recording', () => {
  it('goes to S3 with what is known of it, and is deleted here when it is there', async () => {
    storage = await new FakeStorage().start();
    await using bench = new Bench(s3({ metadata: 'json' }));
    bench.record('2024/a b.wav');
    await until(() => bench.archive.report.uploaded === 1 && bench.archive.report.spool.waiting === 0);
    expect([...storage.objects.keys()]).toEqual(['/calls/x/2024/a%20b.wav', '/calls/x/2024/a%20b.wav.json']);
    const { bytes, headers } = storage.objects.get('/calls/x/2024/a%20b.wav') ?? {
      bytes: Buffer.alloc(0),
      headers: {},
    };
    expect(bytes.equals(audio('2024/a b.wav'))).toBe(true);
    expect(headers).toMatchObject({
      'content-type': 'audio/wav',
      'x-amz-meta-call-id': 'call-1',
      'x-amz-meta-from': 'sip:anna@example.com',
      'x-amz-meta-to': 'sip:b%C3%BCr%C3%B6@example.com',
      'x-amz-meta-duration-ms': '1235',
      'x-amz-meta-started-at': expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    });
    const json = JSON.parse(String(storage.objects.get('/calls/x/2024/a%20b.wav.json')?.bytes));
    expect(json).toMatchObject({ name: '2024/a b.wav', callId: 'call-1', to: 'sip:bürö@example.com', end: 'ended' });
    expect(bench.files).toEqual([]);
  });

  it('stays here as well where that is asked for', async () => {
    storage = await new FakeStorage().start();
    await using bench = new Bench(s3({ keepLocal: true }));
    bench.record('a.wav');
    await until(() => bench.archive.report.uploaded === 1 && bench.archive.report.spool.waiting === 0);
    expect(bench.files).toEqual(['a.wav', 'a.wav.json']);
    expect(bench.note('a.wav')).toMatchObject({ uploaded: { to: 's3://calls/x/a.wav' } });
    await bench.restart(s3({ keepLocal: true }));
    await bench.archive.round();
    expect(storage.asked).toEqual(['PUT /calls/x/a.wav']);
  });

  it('is believed to be there only if the storage says its MD5, or its size', async () => {
    storage = await new FakeStorage().start();
    storage.etag = () => '"of-another-kind"';
    await using bench = new Bench(s3());
    bench.record('a.wav');
    await until(() => bench.archive.report.uploaded === 1);
    expect(storage.asked).toEqual(['PUT /calls/x/a.wav', 'HEAD /calls/x/a.wav']);
    storage.etag = () => {
      storage.objects.set('/calls/x/b.wav', { bytes: Buffer.from('half'), headers: {} });
      return undefined;
    };
    bench.record('b.wav');
    await until(() => bench.archive.report.spool.failed === 1);
    expect(bench.archive.report.spool.problem).toBe('the storage has 4 bytes of it, and not 1022');
    expect(bench.files).toEqual(['b.wav', 'b.wav.json']);
  });

  it('goes to a URL by PUT or POST, with the authorization that was given', async () => {
    storage = await new FakeStorage().start();
    storage.checksSignature = false;
    const url = { url: `${storage.url}/in/{name}?token=secret`, method: 'POST' as const, authorization: 'Bearer t' };
    await using bench = new Bench({ upload: { url } });
    bench.record('a/b+c.opus');
    await until(() => bench.archive.report.uploaded === 1);
    expect(storage.asked).toEqual(['POST /in/a/b%2Bc.opus?token=secret']);
    expect(storage.objects.get('/in/a/b%2Bc.opus?token=secret')?.headers).toMatchObject({
      authorization: 'Bearer t',
      'content-type': 'audio/ogg',
      'x-recording-call-id': 'call-1',
    });
    expect(JSON.stringify(bench.said)).not.toContain('secret');
  });

  it('is left alone when it lies elsewhere, or is no audio', async () => {
    storage = await new FakeStorage().start();
    await using bench = new Bench(s3());
    bench.record('../elsewhere.wav');
    bench.record('dump.txt');
    bench.record('a.wav');
    await until(() => bench.archive.report.uploaded === 1);
    expect(storage.asked).toEqual(['PUT /calls/x/a.wav']);
    expect(existsSync(bench.path('../elsewhere.wav'))).toBe(true);
  });
});

describe('storage that is away', () => {
  it('loses nothing: all of it is tried again, later and later, until it is there', async () => {
    storage = await new FakeStorage().start();
    await storage.kill();
    await using bench = new Bench(s3());
    const names = Array.from({ length: 20 }, (_, index) => `${index}.wav`);
    for (const name of names) bench.record(name);
    await until(() => bench.archive.report.spool.problem !== undefined && bench.archive.report.spool.waiting === 20);
    expect(bench.messages('warn')).toEqual(['a recording could not be stored: it is tried again until it is']);
    await storage.start();
    // Each killing in the midst of it.
    for (let seen = 0; storage.objects.size < 20; ) {
      await bench.clock.advance(60_000);
      await until(() => storage.objects.size > seen || bench.archive.report.uploaded === 20);
      seen = storage.objects.size;
      if (seen >= 20) break;
      await storage.kill();
      await until(() => bench.archive.report.spool.problem !== undefined);
      await storage.start();
    }
    await bench.clock.advance(60_000);
    await until(() => bench.archive.report.spool.waiting === 0);
    expect(bench.files).toEqual([]);
    expect(storage.objects.size).toBe(20);
    expect(bench.archive.report.spool.bytes).toBe(0);
  });

  it('is not asked more often than once a minute when it stays away', async () => {
    storage = await new FakeStorage().start();
    storage.refuse = (_, response) => {
      response.writeHead(503).end('<Error><Code>SlowDown</Code></Error>');
      return true;
    };
    await using bench = new Bench(s3({ atOnce: 1 }));
    bench.record('a.wav');
    for (const [tries, wait] of [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000].entries()) {
      await until(() => bench.archive.report.spool.failed === tries + 1);
      await bench.clock.advance(wait - 1);
      await setImmediate();
      expect(storage.asked.length).toBe(tries + 1);
      await bench.clock.advance(1);
    }
    expect(bench.archive.report.spool.problem).toBe('HTTP 503 SlowDown');
  });

  it('does not hold up the others by one that it never takes', async () => {
    storage = await new FakeStorage().start();
    storage.refuse = (path, response) => {
      if (!path.includes('bad')) return false;
      response.writeHead(400).end();
      return true;
    };
    await using bench = new Bench(s3({ atOnce: 1 }));
    for (const name of ['bad.wav', 'a.wav', 'b.wav']) bench.record(name);
    await until(() => bench.archive.report.spool.failed === 1);
    await bench.clock.advance(1_000);
    await until(() => bench.archive.report.uploaded === 2 && bench.archive.report.spool.failed === 2);
    expect(bench.files).toEqual(['bad.wav', 'bad.wav.json']);
  });

  it('that refuses before it has read all is understood', async () => {
    const server = createServer((_, response) => response.writeHead(413, { connection: 'close' }).end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    await using bench = new Bench({ upload: { url: { url: `http://127.0.0.1:${port}/` } } });
    bench.record('a.wav', new Uint8Array(5_000_000));
    await until(() => bench.archive.report.spool.failed === 1);
    expect(bench.archive.report.spool.problem).toMatch(/HTTP 413|EPIPE|ECONNRESET/);
    server.closeAllConnections();
    server.close();
  });
});

describe('a process that was killed', () => {
  it('in mid-recording: the next one stores what there is', async () => {
    storage = await new FakeStorage().start();
    await using bench = new Bench(s3());
    bench.begin('a.wav');
    await until(() => existsSync(`${bench.path('a.wav')}.json`));
    await bench.restart(s3({ keepLocal: true }));
    await until(() => bench.archive.report.uploaded === 1 && bench.archive.report.spool.waiting === 0);
    expect(bench.note('a.wav')).toMatchObject({ callId: 'call-1', end: 'crash' });
  });

  it('in mid-recording, with a call that goes on: it is stored at its end', async () => {
    storage = await new FakeStorage().start();
    await using bench = new Bench(s3());
    bench.begin('a.wav');
    await until(() => existsSync(`${bench.path('a.wav')}.json`));
    bench.recorded = [bench.path('a.wav')];
    await bench.restart(s3());
    await bench.archive.round();
    expect(bench.archive.report.spool.waiting).toBe(0);
    bench.recorded = [];
    bench.end('a.wav');
    await until(() => bench.archive.report.uploaded === 1);
    expect(storage.objects.get('/calls/x/a.wav')?.headers['x-amz-meta-from']).toBe('sip:anna@example.com');
  });

  it('in mid-upload: the next one begins anew', async () => {
    storage = await new FakeStorage().start();
    storage.refuse = () => true; // no answer at all
    await using bench = new Bench(s3());
    bench.record('a.wav');
    await until(() => storage.asked.length === 1);
    storage.refuse = undefined;
    await bench.restart(s3());
    await until(() => bench.archive.report.uploaded === 1 && bench.archive.report.spool.waiting === 0);
    expect(bench.files).toEqual([]);
  });

  it('before it knew of a file: the next one takes it when it has come to rest', async () => {
    storage = await new FakeStorage().start();
    await using bench = new Bench(s3({ keepLocal: true }));
    await bench.archive.round();
    writeFileSync(bench.path('lost.wav'), audio('lost.wav'));
    const now = bench.clock.wallclock() / 1000;
    utimesSync(bench.path('lost.wav'), now, now - 30);
    await bench.archive.round();
    expect(bench.archive.report.spool.waiting).toBe(0);
    await bench.clock.advance(31_000);
    await bench.archive.round();
    await until(() => bench.archive.report.uploaded === 1 && bench.archive.report.spool.waiting === 0);
    expect(bench.note('lost.wav')).toMatchObject({ end: 'found' });
  });

  it('leaves notes that are no JSON, parts and folders: none of them stops the next one', async () => {
    storage = await new FakeStorage().start();
    await using bench = new Bench(s3());
    await bench.archive.close();
    for (const [name, text] of [
      ['a.wav', 'RIFF'],
      ['a.wav.json', '{"version":1,"startedAt":"x"'],
      ['b.wav.sealed.part', 'half'],
      ['c.wav.json', '[]'],
      ['c.wav', ''],
    ] as const)
      writeFileSync(bench.path(name), text);
    mkdirSync(bench.path('d.wav'));
    for (const name of ['a.wav', 'c.wav']) utimesSync(bench.path(name), 1_000, 1_000);
    bench.start(s3());
    await until(() => bench.archive.report.uploaded === 2);
    expect([...storage.objects.keys()].sort()).toEqual(['/calls/x/a.wav', '/calls/x/c.wav']);
  });
});

describe('encryption at rest', () => {
  it('leaves nothing but a sealed file, which is uploaded as it is', async () => {
    storage = await new FakeStorage().start();
    await using bench = new Bench({ ...s3({ keepLocal: true }), encryption });
    bench.record('a.wav');
    await until(() => bench.archive.report.uploaded === 1 && bench.archive.report.spool.waiting === 0);
    expect(bench.files).toEqual(['a.wav.json', 'a.wav.sealed']);
    const stored = storage.objects.get('/calls/x/a.wav.sealed');
    expect(stored?.bytes.equals(readFileSync(bench.path('a.wav.sealed')))).toBe(true);
    expect(stored?.bytes.includes('RIFF')).toBe(false);
  });

  it('uploads the audio where that is asked for', async () => {
    storage = await new FakeStorage().start();
    await using bench = new Bench({ ...s3({ encrypted: false, keepLocal: true }), encryption });
    bench.record('a.wav');
    await until(() => bench.archive.report.uploaded === 1);
    expect(storage.objects.get('/calls/x/a.wav')?.bytes.equals(audio('a.wav'))).toBe(true);
  });

  it('comes for what lies there in plain, and says which key is missing', async () => {
    storage = await new FakeStorage().start();
    await using bench = new Bench({});
    bench.record('a.wav');
    await until(() => bench.files.length === 2);
    await bench.restart({ encryption });
    await until(() => bench.files.join() === 'a.wav.json,a.wav.sealed');
    await bench.restart(s3({ encrypted: false }));
    await until(() => bench.archive.report.givenUp === 1);
    expect(bench.said.at(-1)?.fields.error).toContain('the key "one", which is not here');
    expect(bench.files).toEqual(['a.wav.json', 'a.wav.sealed']);
  });
});

describe('a full disk', () => {
  const full = new TandemError('ERR_FILE', 'no space', { facts: { errno: 'ENOSPC' } });

  it('is emptied by the upload: it is encrypted on its way, and needs no note', async () => {
    storage = await new FakeStorage().start();
    await using bench = new Bench({ ...s3(), encryption });
    bench.vault.seal = bench.vault.writeNote = () => Promise.reject(full);
    const bytes = random.bytes(200_000);
    bench.record('a.wav', bytes);
    await until(() => bench.archive.report.uploaded === 1 && bench.archive.report.spool.waiting === 0);
    expect(bench.files).toEqual([]);
    const { bytes: stored, headers } = storage.objects.get('/calls/x/a.wav.sealed') ?? {};
    expect(headers?.['x-amz-meta-call-id']).toBe('call-1');
    writeFileSync(bench.path('got.wav.sealed'), stored ?? '');
    const file = await bench.vault.open('got.wav', keyringOf(encryption));
    const pieces: Uint8Array[] = [];
    for await (const piece of file.stream()) pieces.push(piece);
    await file.close();
    expect(Buffer.concat(pieces).equals(bytes)).toBe(true);
  });

  it('leaves a recording in plain only until there is room', async () => {
    await using bench = new Bench({ encryption });
    const { seal } = bench.vault;
    bench.vault.seal = () => Promise.reject(full);
    bench.record('a.wav');
    await until(() => bench.archive.report.spool.failed === 1);
    expect(bench.files).toEqual(['a.wav', 'a.wav.json']);
    bench.vault.seal = seal;
    await bench.clock.advance(1_000);
    await until(() => bench.archive.report.spool.waiting === 0);
    expect(bench.files).toEqual(['a.wav.json', 'a.wav.sealed']);
    expect(bench.messages('info')).toEqual(['recordings are on their way again']);
  });
});

describe('retention', () => {
  it('deletes after days, but not what is held, or waits to be uploaded', async () => {
    await using bench = new Bench({ keepFor: 2 });
    for (const name of ['a.wav', 'held.wav']) bench.record(name);
    await bench.vault.hold('held.wav', true);
    await until(() => bench.files.length === 5);
    await bench.clock.advance(1.9 * dayMs);
    await bench.archive.round();
    expect(bench.files.length).toBe(5);
    await bench.clock.advance(0.1 * dayMs);
    await bench.archive.round();
    expect(bench.files).toEqual(['held.wav', 'held.wav.hold', 'held.wav.json']);
    expect(bench.said).toContainEqual({
      level: 'info',
      message: 'a recording has had its time: deleted',
      fields: { recording: 'a.wav', bytes: 1022, why: 'age' },
    });
    await bench.vault.hold('held.wav', false);
    storage = await new FakeStorage().start();
    await storage.kill();
    await bench.restart({ keepFor: 2, ...s3() });
    await bench.archive.round();
    expect(bench.files).toEqual(['held.wav', 'held.wav.json']);
  });

  it('deletes the oldest when there are too many bytes', async () => {
    await using bench = new Bench({ maxBytes: 2_500 });
    for (const name of ['a.wav', 'b.wav', 'c.wav']) {
      bench.record(name);
      await until(() => bench.files.includes(`${name}.json`));
      await bench.clock.advance(1_000);
    }
    await bench.archive.round();
    expect(bench.files).toEqual(['b.wav', 'b.wav.json', 'c.wav', 'c.wav.json']);
  });

  it('spares what is being recorded', async () => {
    await using bench = new Bench({ keepFor: 1, maxBytes: 10 });
    bench.begin('a.wav');
    await until(() => bench.files.length === 2);
    await bench.clock.advance(3 * dayMs);
    await bench.archive.round();
    expect(bench.files).toEqual(['a.wav', 'a.wav.json']);
  });
});

/** Recordings of a real server: it is killed, its storage is, and its disk is full. */
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeWav } from '../../media/audio/index.ts';
import { startServer, TemporaryFolder } from '../helpers/cli.ts';
import { RawPhone } from '../helpers/raw-phone.ts';
import { expectIdle, openTandem } from '../helpers/tandem.ts';
import { credentials, FakeStorage } from '../recordings/storage.ts';
import { mayMount, smallDisk } from './support/disk.ts';

const speech = Array.from({ length: 50 }, () => new Uint8Array(160).fill(0x21));
const script = `export default async (call) => {
  await call.answer();
  call.recording('data/recordings/' + call.callId.replace(/[^a-z0-9]/gi, '') + '.wav', { channels: 1 });
  await call.echo();
};
`;

let storage: FakeStorage;
beforeAll(async () => {
  storage = await new FakeStorage().start();
});
afterAll(() => storage.kill());

it('a server that is killed in mid-recording and in mid-upload: the next one uploads all of it', async () => {
  using folder = new TemporaryFolder();
  writeFileSync(folder.file('script.mjs'), script);
  const env = {
    TANDEM_RECOVERY_PATH: 'none',
    TANDEM_STORE_URL: 'none',
    TANDEM_RECORDINGS_UPLOAD_S3_BUCKET: 'calls',
    TANDEM_RECORDINGS_UPLOAD_S3_ENDPOINT: storage.url,
    TANDEM_RECORDINGS_UPLOAD_S3_REGION: credentials.region,
    TANDEM_RECORDINGS_UPLOAD_S3_ACCESS_KEY_ID: credentials.accessKeyId,
    TANDEM_RECORDINGS_UPLOAD_S3_SECRET_ACCESS_KEY_FILE: folder.file('secret'),
  };
  writeFileSync(folder.file('secret'), `${credentials.secretAccessKey}\n`);
  const start = () => startServer(['serve', 'script.mjs'], { cwd: folder.path, env });
  const recordings = (): string[] => {
    const path = folder.file('data/recordings');
    return existsSync(path) ? readdirSync(path) : [];
  };
  const wavs = (): string[] => recordings().filter((name) => name.endsWith('.wav'));
  storage.refuse = () => true; // takes all, and never answers
  {
    await using server = await start();
    using first = await RawPhone.open();
    await first.call(server.port);
    await first.speak(speech);
    await first.bye();
    await expect.poll(() => storage.asked.length, { timeout: 10_000 }).toBe(1);
    using second = await RawPhone.open();
    await second.call(server.port);
    await second.speak(speech);
    await expect.poll(() => recordings().length, { timeout: 10_000 }).toBe(4);
    server.tandem.child.kill('SIGKILL');
    await server.tandem.result;
  }
  expect(wavs()).toHaveLength(2);
  const names = wavs();
  storage.refuse = undefined;
  await using server = await start();
  await expect.poll(recordings, { timeout: 20_000 }).toEqual([]);
  expect([...storage.objects.keys()].sort()).toEqual(names.map((name) => `/calls/${name}`).sort());
  for (const { bytes } of storage.objects.values()) {
    const wav = decodeWav(bytes);
    expect(wav.ok && wav.value.samples.length).toBeGreaterThan(2_000);
  }
  const ends = [...storage.objects.values()].map(({ headers }) => headers['x-amz-meta-end']);
  expect(ends.sort()).toEqual(['crash', 'ended']);
  using phone = await RawPhone.open();
  expect((await phone.call(server.port)).status).toBe(200);
  await phone.bye();
});

describe.runIf(mayMount)('a full disk', () => {
  it('ends the recording and not the call, and is empty when the recording is uploaded', async () => {
    await using disk = await smallDisk(64 * 1024);
    const done = Promise.withResolvers<unknown>();
    const s3 = { bucket: 'calls', endpoint: storage.url, prefix: 'full/', ...credentials };
    await using server = await openTandem(
      async (call) => {
        await call.answer();
        await call.recording(join(disk.path, 'call.wav'), { channels: 1 }).done.catch(done.resolve);
        await call.playback().play(new Uint8Array(160 * 10).fill(0x21), '');
      },
      { recordings: { folder: disk.path, upload: { s3 }, encryption: { key: 'a long text, kept elsewhere' } } },
    );
    using phone = await RawPhone.open();
    await phone.call(server.port);
    expect(await done.promise).toMatchObject({ code: 'ERR_FILE', facts: { errno: 'ENOSPC' } });
    await phone.nextRequest('BYE');
    await expect.poll(() => readdirSync(disk.path), { timeout: 10_000 }).toEqual([]);
    const { bytes, headers } = storage.objects.get('/calls/full/call.wav.sealed') ?? {};
    expect(headers?.['x-amz-meta-end']).toBe('failed');
    expect(bytes?.length).toBeGreaterThan(40_000);
    await expectIdle(server.tandem);
  });
});

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { channel, readWav } from '../helpers/audio.ts';
import { type RunningServer, RunningTandem, root, runTandem, startServer, TemporaryFolder } from '../helpers/cli.ts';
import { heardInPieces } from '../helpers/pieces.ts';
import { RawPhone } from '../helpers/raw-phone.ts';

let server: RunningServer;

beforeAll(async () => {
  server = await startServer(['ivr']);
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

const to = (user: string): string => `sip:${user}@127.0.0.1:${server.port}`;
const message = join(root, 'prompts', 'message.wav');
const spoken = (): Int16Array => readWav(readFileSync(message)).samples;

function fits(heard: Int16Array, ms: number): number {
  return heardInPieces(heard, spoken().subarray(800, 800 + ms * 8));
}

describe('tandem call', () => {
  it('plays a file and records what comes back', async () => {
    using folder = new TemporaryFolder();
    const args = ['call', to('600'), '--play', message, '--record', 'out.wav', '--duration', '2.5'];
    const { status, stdout, stderr } = await runTandem(args, { cwd: folder.path });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^calling sip:.*\n(100 .*\n)?200 OK\nanswered \(PCMU\)\nended \(local\)\n$/);
    const { samples, channels, sampleRate } = readWav(readFileSync(folder.file('out.wav')));
    expect(sampleRate).toBe(8000);
    expect(fits(channel(samples, channels, 0), 1500)).toBeGreaterThan(0.95);
  });

  it('pipes PCM through - both ways', async () => {
    const input = new Uint8Array(spoken().slice(0, 16_000).buffer);
    const args = ['call', to('600'), '--play', '-', '--record', '-', '--duration', '2.5'];
    const { status, output, stderr } = await runTandem(args, { input });
    expect(status).toBe(0);
    expect(stderr).toContain('answered (PCMU)');
    const heard = Int16Array.from({ length: output.length >> 1 }, (_, i) => output.readInt16LE(i * 2));
    expect(fits(heard, 1500)).toBeGreaterThan(0.95);
  });

  it('presses keys, and is over when the far end hangs up', async () => {
    const { status, stdout } = await runTandem(['call', to('1000'), '--dtmf', '9,#', '--record', '/dev/null']);
    expect(status).toBe(0);
    expect(stdout).toContain('ended (remote)');
  });

  it('hangs up when it was told to play and has played', async () => {
    using phone = await RawPhone.open();
    const running = new RunningTandem([
      'call',
      `sip:a@127.0.0.1:${phone.sipPort}`,
      '--play',
      join(root, 'prompts', 'beep.wav'),
    ]);
    await phone.nextRequest('BYE');
    expect((await running.result).stdout).toContain('ended (local)');
    expect((await phone.hears(5)).length).toBeGreaterThanOrEqual(5);
  });

  it('hangs up on Ctrl-C', async () => {
    using phone = await RawPhone.open();
    const running = new RunningTandem(['call', `sip:a@127.0.0.1:${phone.sipPort}`]);
    await running.prints(/answered/);
    running.child.kill('SIGINT');
    await phone.nextRequest('BYE');
    expect((await running.result).status).toBe(0);
  });

  it('hangs up when nobody reads its PCM any more', async () => {
    using phone = await RawPhone.open();
    const running = new RunningTandem(['call', `sip:a@127.0.0.1:${phone.sipPort}`, '--record', '-']);
    await running.prints(/answered/);
    running.child.stdout.destroy();
    await phone.speak(Array.from({ length: 10 }, () => new Uint8Array(160)));
    await phone.nextRequest('BYE');
    expect((await running.result).status).toBe(0);
  });

  it('cancels on Ctrl-C while it rings', async () => {
    using phone = await RawPhone.open();
    phone.plan = { provisional: [{ status: '180 Ringing' }] };
    const running = new RunningTandem(['call', `sip:a@127.0.0.1:${phone.sipPort}`]);
    await running.prints(/180 Ringing/);
    running.child.kill('SIGINT');
    await phone.nextRequest('CANCEL');
    expect(await running.result).toMatchObject({ status: 1, stderr: '' });
  });
});

describe('tandem call says in one line why it failed', () => {
  it.each<[string, () => readonly string[], number, RegExp]>([
    ['refused', () => [to('99')], 1, /404/],
    // Before it calls: nobody is called for nothing.
    ['a file that is not there', () => ['sip:a@127.0.0.1:9', '--play', 'none.wav'], 1, /none\.wav/],
    ['a host that is not there', () => ['sip:a@host.invalid'], 1, /cannot be found or reached: 503/],
    ['a file that is no WAV', () => [to('600'), '--play', 'text.wav'], 1, /text\.wav/],
    [
      'a URL that nobody answers',
      () => [to('600'), '--play', 'http://127.0.0.1:9/a.wav'],
      1,
      /http:\/\/127\.0\.0\.1:9\/a\.wav/,
    ],
    ['a recording in no folder', () => [to('600'), '--record', 'no/such/folder.wav', '--duration', '1'], 1, /no\/such/],
    ['what is no URI', () => ['not a uri'], 2, /not a uri/],
    ['nobody there', () => ['sip:a@127.0.0.1:9', '--timeout', '1'], 1, /sip:|503|408|timeout|no answer/i],
  ])('%s', async (_, args, expected, text) => {
    using folder = new TemporaryFolder();
    writeFileSync(
      folder.file('text.wav'),
      'This is no audio at all, though it is long enough for a header of 44 bytes.',
    );
    const { status, stderr } = await runTandem(['call', ...args()], { cwd: folder.path });
    expect(stderr).toMatch(/^tandem: [^\n]+\n$/);
    expect(stderr).toMatch(text);
    expect(status).toBe(expected);
  });
});

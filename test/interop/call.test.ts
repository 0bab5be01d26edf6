/** `tandem call`: one Tandem calls another. */
import { readFile, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { channel, readWav } from '../helpers/audio.ts';
import { heardInPieces } from '../helpers/pieces.ts';
import { RawPhone } from '../helpers/raw-phone.ts';
import { digitsOf } from './support/digits.ts';
import { type Folder, temporaryFolder } from './support/folder.ts';
import { expectNoPrograms } from './support/process.ts';
import { prompt, sweep, wavOf } from './support/sound.ts';
import { startTandem, TandemServer, tandem } from './support/tandem.ts';

let folder: Folder;

beforeEach(async () => {
  folder = await temporaryFolder();
});

afterEach(async () => {
  await folder[Symbol.asyncDispose]();
  await expectNoPrograms();
});

async function readMono(path: string): Promise<Int16Array> {
  const { samples, channels, sampleRate } = readWav(await readFile(path));
  expect(sampleRate).toBe(8000);
  return channel(samples, channels, 0);
}

describe('tandem call', () => {
  it('records the welcome prompt of tandem ivr, as the README has it', async () => {
    await using server = await TandemServer.start(['ivr']);
    const out = folder.file('out.wav');
    const uri = `sip:1000@127.0.0.1:${server.port}`;
    const { code, stdout, stderr } = await tandem(['call', uri, '--record', out, '--duration', '4']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/answered \(PCMU\).*ended \(local\)/s);
    const welcome = (await prompt('welcome')).subarray(0, 8000 * 3);
    expect(heardInPieces(await readMono(out), welcome)).toBeGreaterThan(0.95);
    await server.expectIdle();
    await server.stop();
  });

  it('presses keys: 1 plays the message', async () => {
    await using server = await TandemServer.start(['ivr']);
    const out = folder.file('out.wav');
    const uri = `sip:1000@127.0.0.1:${server.port}`;
    const { code } = await tandem(['call', uri, '--dtmf', ',1', '--record', out, '--duration', '5']);
    expect(code).toBe(0);
    const message = (await prompt('message')).subarray(0, 8000 * 2);
    expect(heardInPieces(await readMono(out), message)).toBeGreaterThan(0.95);
    await server.expectIdle();
    await server.stop();
  });

  it('plays a file and presses keys that a script hears', async () => {
    const said = sweep(1500);
    await writeFile(folder.file('said.wav'), wavOf(said));
    await writeFile(
      folder.file('listen.ts'),
      `import type { DialogServerSession } from 'tandem';
export default async function listen(call: DialogServerSession): Promise<void> {
  await call.answer();
  if (call.toUser === 'keys') {
    const { digits, end } = await call.gather({ timeout: 20_000 });
    console.log(digits, end);
  } else {
    await using _ = call.recording(process.env.HEARD ?? '', { direction: 'in', channels: 1 });
    await call.ended;
  }
}
`,
    );
    await using server = await TandemServer.start(['serve', folder.file('listen.ts')], {
      env: { HEARD: folder.file('heard.wav') },
    });
    const call = (user: string, ...flags: string[]): ReturnType<typeof tandem> =>
      tandem(['call', `sip:${user}@127.0.0.1:${server.port}`, ...flags]);
    expect((await call('play', '--play', folder.file('said.wav'))).code).toBe(0);
    expect((await call('keys', '--dtmf', '12*9#')).code).toBe(0);
    await server.expectIdle();
    expect(heardInPieces(await readMono(folder.file('heard.wav')), said.subarray(0, 8 * 1400))).toBeGreaterThan(0.95);
    expect(server.program.stdout).toBe('12*9 terminator\n');
    await server.stop();
  });

  it('pipes raw audio in and out: an echo comes back', async () => {
    await using server = await TandemServer.start(['ivr']);
    const said = sweep(2000);
    const flags = ['--play', '-', '--record', '-', '--duration', '3'];
    const { code, bytes } = await tandem(['call', `sip:600@127.0.0.1:${server.port}`, ...flags], {
      input: Buffer.from(said.buffer),
    });
    expect(code).toBe(0);
    const heard = Int16Array.from({ length: bytes.length >> 1 }, (_, i) => bytes.readInt16LE(i * 2));
    expect(heardInPieces(heard, said.subarray(0, 8 * 1500))).toBeGreaterThan(0.95);
    await server.expectIdle();
    await server.stop();
  });

  it('goes by TCP when the URI asks for it', async () => {
    await using server = await TandemServer.start(['ivr'], { listen: ['tcp:127.0.0.1:0'] });
    const out = folder.file('out.wav');
    const uri = `sip:1003@127.0.0.1:${server.tcpPort};transport=tcp`;
    expect((await tandem(['call', uri, '--record', out, '--duration', '2'])).code).toBe(0);
    const music = (await prompt('music')).subarray(0, 8000);
    expect(heardInPieces(await readMono(out), music)).toBeGreaterThan(0.95);
    await server.expectIdle();
    await server.stop();
  });

  it('a refusal is one line and exit status 1', async () => {
    using phone = await RawPhone.open();
    phone.plan = { final: '486 Busy Here' };
    const { code, stderr } = await tandem(['call', `sip:bob@127.0.0.1:${phone.sipPort}`]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^tandem: .*486.*\n$/);
  });

  it('ends when the other side hangs up, and when it is interrupted', async () => {
    using phone = await RawPhone.open();
    await using first = startTandem(['call', `sip:bob@127.0.0.1:${phone.sipPort}`]);
    await phone.nextRequest('ACK');
    await phone.bye();
    expect((await first.ended()).code).toBe(0);
    expect(first.stdout).toContain('ended (remote');

    using other = await RawPhone.open();
    await using second = startTandem(['call', `sip:bob@127.0.0.1:${other.sipPort}`]);
    await other.nextRequest('ACK');
    await second.until('answered', () => second.stdout.includes('answered'));
    second.kill('SIGINT');
    await other.nextRequest('BYE');
    await second.ended();
  });

  it('presses keys that a phone hears, each once', async () => {
    using phone = await RawPhone.open();
    await using program = startTandem(['call', `sip:bob@127.0.0.1:${phone.sipPort}`, '--dtmf', '0123456789*#']);
    await phone.nextRequest('BYE', 20_000);
    expect((await program.ended()).code).toBe(0);
    expect(digitsOf(phone.packets)).toBe('0123456789*#');
  });
});

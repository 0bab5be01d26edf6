/** `tandem bridge`: connects two phones. */

import { readFile, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { channel, correlate, decodeUlaw, readWav } from '../helpers/audio.ts';
import { first, RawPhone } from '../helpers/raw-phone.ts';
import { digitsOf } from './support/digits.ts';
import { temporaryFolder } from './support/folder.ts';
import { expectNoPrograms, type Program } from './support/process.ts';
import { openPath, payloads, payloadsOf } from './support/sound.ts';
import { startTandem, TandemServer } from './support/tandem.ts';

let alice: RawPhone;
let bob: RawPhone;

beforeEach(async () => {
  alice = await RawPhone.open();
  bob = await RawPhone.open();
});

afterEach(async () => {
  alice.close();
  bob.close();
  await expectNoPrograms();
});

function bridge(...flags: string[]): Program {
  return startTandem(['bridge', `sip:alice@127.0.0.1:${alice.sipPort}`, `sip:bob@127.0.0.1:${bob.sipPort}`, ...flags]);
}

function lastPayloads(phone: RawPhone, count: number): Buffer {
  return payloadsOf(phone.packets).subarray(-160 * count);
}

async function bridged(...flags: string[]): Promise<Program> {
  const program = bridge(...flags);
  await bob.nextRequest('ACK');
  await program.until('bridged', () => program.stdout.includes('bridged'));
  return program;
}

describe('tandem bridge', () => {
  it('passes audio and keys both ways, and ends with the first one’s BYE', async () => {
    await using program = await bridged();
    await Promise.all([openPath(alice, bob), openPath(bob, alice)]);
    const [words, answer] = [payloads(100, 1), payloads(100, 2)];
    await Promise.all([alice.speak(words), bob.speak(answer)]);
    await alice.press('7');
    await bob.press('9');
    await expect.poll(() => lastPayloads(bob, words.length)).toEqual(Buffer.concat(words));
    // Before it, alice may have heard ringback.
    await expect.poll(() => lastPayloads(alice, answer.length)).toEqual(Buffer.concat(answer));
    await expect.poll(() => [digitsOf(bob.packets), digitsOf(alice.packets)]).toEqual(['7', '9']);
    await alice.bye();
    await bob.nextRequest('BYE');
    expect(await program.ended()).toEqual({ code: 0, signal: null });
    expect(program.stderr).toBe('');
    expect(program.stdout).toMatch(/first: answered.*second: answered.*bridged.*first: hung up/s);
  });

  it('ends with the second one’s BYE', async () => {
    await using program = await bridged();
    await bob.bye();
    await alice.nextRequest('BYE');
    expect((await program.ended()).code).toBe(0);
    expect(program.stdout).toContain('second: hung up');
  });

  it('plays ringback to the first while the second rings', async () => {
    bob.plan = { provisional: [{ status: '180 Ringing' }], ringMs: 1500, final: '200 OK' };
    await using program = await bridged();
    const heard = decodeUlaw(payloadsOf(alice.packets));
    expect(alice.packets.length).toBeGreaterThan(20);
    expect(heard.some((sample) => Math.abs(sample) > 500)).toBe(true);
    await bob.bye();
    expect((await program.ended()).code).toBe(0);
  });

  it('passes the second one’s early media instead of ringback', async () => {
    bob.plan = { provisional: [{ status: '183 Session Progress', sdp: true }], ringMs: 3000, final: '200 OK' };
    await using program = bridge();
    const invite = await bob.nextRequest('INVITE');
    bob.learnRtp(invite);
    await program.until('183', () => program.stdout.includes('183'));
    await openPath(bob, alice);
    const announcement = payloads(25, 3);
    await bob.speak(announcement);
    await expect.poll(() => payloadsOf(alice.packets).includes(Buffer.concat(announcement))).toBe(true);
    expect(program.stdout).not.toContain('second: answered');
    await bob.nextRequest('ACK');
    await bob.bye();
    expect((await program.ended()).code).toBe(0);
  });

  it('a second that refuses ends the first with the same cause, exit status 1', async () => {
    bob.plan = { provisional: [{ status: '180 Ringing' }], final: '486 Busy Here' };
    await using program = bridge();
    const bye = await alice.nextRequest('BYE');
    expect(first(bye, 'reason')).toMatch(/cause=486/);
    expect((await program.ended()).code).toBe(1);
    expect(program.stderr).toMatch(/^tandem: second: .*486.*\n$/);
  });

  it('a first that refuses means that the second is not called, exit status 1', async () => {
    alice.plan = { final: '603 Decline' };
    await using program = bridge();
    expect((await program.ended()).code).toBe(1);
    expect(program.stderr).toMatch(/^tandem: first: .*603.*\n$/);
    expect(bob.received).toEqual([]);
  });

  it('a first that hangs up while the second rings has the second cancelled', async () => {
    bob.plan = { provisional: [{ status: '180 Ringing' }] };
    await using program = bridge();
    await bob.nextRequest('INVITE');
    await program.until('ringing', () => program.stdout.includes('second: 180'));
    await alice.bye();
    await bob.nextRequest('CANCEL');
    await bob.nextRequest('ACK');
    expect((await program.ended()).code).toBe(1);
    expect(program.stderr).toMatch(/^tandem: first: .*\n$/);
  });

  it('a second that rings for too long is given up', async () => {
    bob.plan = { provisional: [{ status: '180 Ringing' }] };
    await using program = bridge('--timeout', '1');
    await bob.nextRequest('CANCEL');
    await alice.nextRequest('BYE');
    expect((await program.ended()).code).toBe(1);
    expect(program.stderr).toMatch(/^tandem: second: .*\n$/);
  });

  it('SIGINT hangs up both', async () => {
    await using program = await bridged();
    program.kill('SIGINT');
    await Promise.all([alice.nextRequest('BYE'), bob.nextRequest('BYE')]);
    await program.ended();
    expect(program.stdout).toContain('interrupted');
  });

  it('a PCMU leg and a PCMA leg do not go together', async () => {
    bob.codec = { payloadType: 8, name: 'PCMA' };
    await using program = bridge();
    await Promise.all([alice.nextRequest('BYE'), bob.nextRequest('BYE')]);
    expect((await program.ended()).code).toBe(1);
    expect(program.stderr).toMatch(/^tandem: second: .*codec.*\n$/i);
  });

  it('records both sides', async () => {
    await using folder = await temporaryFolder();
    await using program = await bridged('--record', folder.file('both.wav'));
    const [words, answer] = [payloads(80, 7), payloads(80, 8)];
    await Promise.all([alice.speak(words), bob.speak(answer)]);
    await Promise.all([bob.hears(words.length, 0), alice.hears(answer.length, 0)]);
    await alice.bye();
    expect((await program.ended()).code).toBe(0);
    const wav = readWav(await readFile(folder.file('both.wav')));
    expect([wav.channels, wav.sampleRate]).toEqual([2, 8000]);
    const part = (frames: Uint8Array[]): Int16Array => decodeUlaw(Buffer.concat(frames)).subarray(160 * 20, 160 * 60);
    expect(correlate(channel(wav.samples, 2, 0), part(words)).correlation).toBeGreaterThan(0.95);
    expect(correlate(channel(wav.samples, 2, 1), part(answer)).correlation).toBeGreaterThan(0.95);
  });
});

describe('tandem.bridge in a script', () => {
  it('says ERR_CODEC_MISMATCH and names both codecs', async () => {
    await using folder = await temporaryFolder();
    const script = folder.file('mismatch.ts');
    await writeFile(
      script,
      `import type { Tandem } from 'tandem';
export default {
  async start(tandem: Tandem): Promise<void> {
    const [a, b] = await Promise.all([
      tandem.invite(process.env.ALICE ?? '', { codecs: ['PCMU'] }),
      tandem.invite(process.env.BOB ?? '', { codecs: ['PCMA'] }),
    ]);
    try {
      await tandem.bridge(a, b);
    } catch (error) {
      console.log((error as { code: string }).code, (error as Error).message);
    }
    await Promise.all([a.close(), b.close()]);
  },
  call(): void {},
};
`,
    );
    bob.codec = { payloadType: 8, name: 'PCMA' };
    await using server = await TandemServer.start(['serve', script], {
      env: {
        ALICE: `sip:alice@127.0.0.1:${alice.sipPort}`,
        BOB: `sip:bob@127.0.0.1:${bob.sipPort}`,
      },
    });
    await server.program.until('the error', () => server.program.stdout.includes('\n'));
    expect(server.program.stdout).toMatch(/^ERR_CODEC_MISMATCH .*PCMU.*PCMA/);
    await server.expectIdle();
    await server.stop();
  });
});

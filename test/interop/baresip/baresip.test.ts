/** baresip: what it writes of what it heard is the proof. */
import { afterEach, describe, expect, it } from 'vitest';
import { heardInPieces } from '../../helpers/pieces.ts';
import { Baresip } from '../support/baresip.ts';
import { expectNoPrograms } from '../support/process.ts';
import { prompt } from '../support/sound.ts';
import { startTandem, TandemServer } from '../support/tandem.ts';

afterEach(expectNoPrograms);

const codecSettings = { env: { TANDEM_MEDIA_CODECS: JSON.stringify(['opus', 'G722', 'PCMU', 'telephone-event']) } };

describe('baresip', () => {
  it.each(['PCMU/8000/1', 'PCMA/8000/1'])('calls 1000 and hears the welcome prompt (%s)', async (codecs) => {
    await using server = await TandemServer.start(['ivr']);
    await using phone = await Baresip.start({ says: 'music', codecs });
    phone.dial(`sip:1000@127.0.0.1:${server.port}`);
    await phone.event('CALL_ESTABLISHED');
    const welcome = await prompt('welcome');
    // Its file is whole only when the call is over: it hangs up when the prompt has surely been played.
    await phone.heardFor(welcome.length / 8 + 500);
    phone.hangup();
    await phone.event('CALL_CLOSED');
    await server.expectIdle();
    expect(heardInPieces(await phone.heard(), welcome.subarray(0, welcome.length - 1600))).toBeGreaterThan(0.95);
    await server.stop();
  });

  it.each([
    ['opus/48000/2', 0.9],
    ['G722/16000/1', 0.95],
  ])('calls 1000 in %s and hears the prompt', async (codecs, least) => {
    await using server = await TandemServer.start(['ivr'], codecSettings);
    await using phone = await Baresip.start({ says: 'music', codecs });
    phone.dial(`sip:1000@127.0.0.1:${server.port}`);
    await phone.event('CALL_ESTABLISHED');
    const welcome = await prompt('welcome');
    await phone.heardFor(4000);
    phone.hangup();
    await phone.event('CALL_CLOSED');
    await server.expectIdle();
    expect(heardInPieces(await phone.heard(), welcome.subarray(0, 8 * 3000))).toBeGreaterThan(least);
    await server.stop();
  });

  it('speaks Opus to one that speaks PCMU', async () => {
    await using alice = await Baresip.start({ says: 'message', codecs: 'opus/48000/2' });
    await using bob = await Baresip.start({ says: 'welcome' });
    const uris = [alice, bob].map(({ port }) => `sip:bob@127.0.0.1:${port}`);
    await using program = startTandem(['bridge', '--transcode', ...uris], codecSettings);
    await program.until('bridged', () => program.stdout.includes('bridged'));
    await Promise.all([alice.heardFor(3000), bob.heardFor(3000)]);
    bob.hangup();
    await Promise.all([alice.event('CALL_CLOSED'), bob.event('CALL_CLOSED')]);
    const part = (samples: Int16Array): Int16Array => samples.subarray(8 * 1200, 8 * 2400);
    expect(heardInPieces(await alice.heard(), part(await prompt('welcome')))).toBeGreaterThan(0.9);
    expect(heardInPieces(await bob.heard(), part(await prompt('message')))).toBeGreaterThan(0.9);
  });

  it('two of them are connected by tandem bridge and hear each other', async () => {
    await using alice = await Baresip.start({ says: 'message' });
    await using bob = await Baresip.start({ says: 'welcome' });
    await using program = startTandem(['bridge', `sip:bob@127.0.0.1:${alice.port}`, `sip:bob@127.0.0.1:${bob.port}`]);
    await program.until('bridged', () => program.stdout.includes('bridged'));
    await Promise.all([alice.heardFor(3000), bob.heardFor(3000)]);
    bob.hangup();
    await Promise.all([alice.event('CALL_CLOSED'), bob.event('CALL_CLOSED')]);
    expect((await program.ended()).code).toBe(0);
    expect(program.stdout).toContain('second: hung up');
    // Whoever was called first spoke before there was anybody to hear: a part from the middle will do.
    const part = (samples: Int16Array): Int16Array => samples.subarray(8 * 1200, 8 * 2400);
    expect(heardInPieces(await alice.heard(), part(await prompt('welcome')))).toBeGreaterThan(0.95);
    expect(heardInPieces(await bob.heard(), part(await prompt('message')))).toBeGreaterThan(0.95);
  });
});

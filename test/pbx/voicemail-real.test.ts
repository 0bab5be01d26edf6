/** A mailbox on a real disk, over real sockets: what the lab says of it holds there. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { VoicemailMessage } from '../../src/pbx/voicemail/message.ts';
import { readWav } from '../helpers/audio.ts';
import { heardInPieces } from '../helpers/pieces.ts';
import { expectIdle, openTandem } from '../helpers/tandem.ts';

const goodbye = new URL('../../prompts/goodbye.wav', import.meta.url);

it('takes a message into its folder, reads and deletes it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tandem-voicemail-'));
  try {
    const left = Promise.withResolvers<VoicemailMessage | undefined>();
    await using server = await openTandem(async (call) => {
      await server.tandem.voicemail('5001').record(call).then(left.resolve, left.reject);
    });
    const box = server.tandem.voicemail('5001', { folder });
    expect(await box.messages()).toEqual([]);

    await using other = await openTandem();
    const call = await other.tandem.invite(`sip:5001@127.0.0.1:${server.port}`);
    await call.sendDtmf('1');
    await other.tandem.sleep(600);
    await call.playback().play(goodbye);
    await call.sendDtmf('#');
    const message = await left.promise;
    await call.hangup();

    const id = message?.id ?? '';
    expect((await readdir(join(folder, '5001'))).sort()).toEqual([`${id}.json`, `${id}.wav`]);
    const words = readWav(await readFile(goodbye)).samples;
    expect(heardInPieces(readWav(await box.read(id)).samples, words)).toBeGreaterThan(0.95);
    await box.mark(id, 'saved');

    await using again = await openTandem();
    expect(await again.tandem.voicemail('5001', { folder }).messages()).toEqual([{ ...message, state: 'saved' }]);
    await box.delete(id);
    expect(await readdir(join(folder, '5001'))).toEqual([]);
    await expectIdle(server.tandem);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

it('cannot be where a file is, and says so', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tandem-voicemail-'));
  try {
    await writeFile(join(folder, '5001'), 'a file');
    await using server = await openTandem();
    await expect(server.tandem.voicemail('5001', { folder }).messages()).rejects.toMatchObject({
      code: 'ERR_VOICEMAIL',
      message: expect.stringContaining('ENOTDIR'),
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

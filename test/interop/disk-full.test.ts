/** A disk that is really full: a small file system in memory, which root may mount. */
import { readFile, statfs, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { decodeWav } from '../../media/audio/index.ts';
import { RawPhone } from '../helpers/raw-phone.ts';
import { expectIdle, openTandem } from '../helpers/tandem.ts';
import { mayMount, smallDisk } from './support/disk.ts';

describe.runIf(mayMount)('a full disk', () => {
  it('ends a recording, which can be played, and not the call', async () => {
    await using disk = await smallDisk(64 * 1024);
    await writeFile(disk.file('other'), new Uint8Array(32 * 1024));
    const { promise, resolve } = Promise.withResolvers<unknown>();
    await using server = await openTandem(async (call) => {
      await call.answer();
      await call.recording(disk.file('call.wav'), { channels: 1 }).done.catch(resolve);
      await call.playback().play(new Uint8Array(160 * 10).fill(0x21), '');
    });
    using phone = await RawPhone.open();
    await phone.call(server.port);
    expect(await promise).toMatchObject({ code: 'ERR_FILE', facts: { errno: 'ENOSPC' } });
    await phone.hears(10, 0);
    expect((await statfs(disk.path)).bavail).toBe(0);
    const file = decodeWav(await readFile(disk.file('call.wav')));
    expect(file.ok && file.value.samples.length).toBeGreaterThan(8000);
    await phone.nextRequest('BYE');
    await expectIdle(server.tandem);
  });
});

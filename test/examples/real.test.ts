/** An example on real sockets, in real time: what the lab says of the others holds there. */
import { readFile } from 'node:fs/promises';
import { afterEach, expect, it, vi } from 'vitest';
import playback from '../../examples/playback.ts';
import { decodeUlaw, readWav } from '../helpers/audio.ts';
import { heardInPieces } from '../helpers/pieces.ts';
import { RawPhone } from '../helpers/raw-phone.ts';
import { expectIdle, openTandem } from '../helpers/tandem.ts';

afterEach(() => void vi.restoreAllMocks());

it('playback', async () => {
  vi.spyOn(console, 'log').mockImplementation(() => {});
  await using server = await openTandem(playback);
  using phone = await RawPhone.open();
  await phone.call(server.port);
  const heard = await phone.hears(50, 0);
  const samples = decodeUlaw(Buffer.concat(heard.map(({ payload }) => payload)));
  const welcome = readWav(await readFile(new URL('../../prompts/welcome.wav', import.meta.url))).samples;
  expect(heardInPieces(samples, welcome.subarray(0, 6_400))).toBeGreaterThan(0.95);
  await phone.bye();
  await expectIdle(server.tandem);
});

/** The recording of a call whose server is killed: one file, in which everything is where it was said. */
import { readFile, writeFile } from 'node:fs/promises';
import { afterEach, expect, it } from 'vitest';
import { channel, readWav } from '../../helpers/audio.ts';
import { RawPhone } from '../../helpers/raw-phone.ts';
import { DurableServer } from '../support/durable.ts';
import { temporaryFolder } from '../support/folder.ts';
import { expectNoPrograms } from '../support/process.ts';
import { ulawFrames } from '../support/sound.ts';
import { hearsMore, kills, proofOf, Talker } from './talk.ts';

const script = `
export default async function (call, tandem) {
  const callee = await call.invite(process.env.TARGET);
  await using bridge = await tandem.bridge(call, callee);
  call.recording(process.env.RECORDING, { channels: 2 });
  await bridge.ended;
}
`;
const voices = [0x11, 0x22] as const;

afterEach(expectNoPrograms);

it('is one playable file, with each gap as silence and marked', async () => {
  await using folder = await temporaryFolder();
  using caller = await RawPhone.open();
  using callee = await RawPhone.open();
  const recording = folder.file('call.wav');
  await writeFile(folder.file('record.ts'), script);
  await using server = await DurableServer.start(folder.file('record.ts'), {
    env: { TARGET: `sip:uas@127.0.0.1:${callee.sipPort}`, RECORDING: recording },
  });
  expect((await caller.call(server.port)).status).toBe(200);
  await callee.nextRequest('ACK');
  const talkers = [new Talker(caller, voices[0]), new Talker(callee, voices[1])];
  await Promise.all([hearsMore(caller, 150), hearsMore(callee, 150)]);
  for (let kill = 0; kill < kills; kill++) {
    await server.kill();
    await server.again();
    await Promise.all([hearsMore(caller, 150), hearsMore(callee, 150)]);
  }
  for (const talker of talkers) await talker.stop();
  await caller.bye();
  await callee.nextRequest('BYE');
  await expect.poll(async () => (await server.check()).media.recordings).toBe(0);

  const file = await readFile(recording);
  const { samples, channels, sampleRate } = readWav(file);
  expect([channels, sampleRate]).toEqual([2, 8000]);
  expect(file.toString('latin1').match(/gap \d+\.\d+ s/g)).toHaveLength(kills);
  for (const [side, voice] of voices.entries()) {
    const words = wordsIn(channel(samples, 2, side), voice);
    const [first, last] = [words.at(0), words.at(-1)];
    if (!first || !last) throw new Error('nothing was recorded');
    console.log(`words ${first.count} to ${last.count}, ${words.length} recorded, in ${samples.length / 16} ms`);
    // The last words are where they would be if nothing had happened; a frame or two is what buffers hold.
    const [written, said] = [last.at - first.at, (last.count - first.count) * 160];
    expect(Math.abs(written - said)).toBeLessThanOrEqual(kills * 800);
    expect(new Set(words.map(({ count }) => count)).size).toBe(words.length);
  }
});

/** Where which word begins. */
function wordsIn(samples: Int16Array, voice: number): { readonly at: number; readonly count: number }[] {
  const bytes = Buffer.concat(ulawFrames(samples));
  const [mark, behind] = [Buffer.alloc(4, voice), Buffer.alloc(8, voice)];
  const words: { at: number; count: number }[] = [];
  for (let at = bytes.indexOf(mark); at >= 0 && at + 20 <= bytes.length; at = bytes.indexOf(mark, at + 1)) {
    const number = bytes.subarray(at + 4, at + 8);
    if (!bytes.subarray(at + 8, at + 16).equals(behind) || number.includes(voice)) continue;
    const count = number.readUInt32BE(0);
    // µ-law has two zeros: what has one of them reads as another number, and its proof fits neither.
    if (bytes.readUInt32BE(at + 16) === proofOf(count)) words.push({ at, count });
  }
  return words;
}

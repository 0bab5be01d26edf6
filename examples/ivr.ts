/**
 * A menu: 1 plays a message, 2 records and plays back, 3 is an echo, # hangs up. No input or a wrong
 * key is told so, twice at most.
 *
 *   npx tandem serve examples/ivr.ts
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DialogServerSession } from 'tandem';

const prompt = (name: string): URL => new URL(`../prompts/${name}.wav`, import.meta.url);

export default async function ivr(call: DialogServerSession): Promise<void> {
  await call.ringing();
  await call.answer();

  for (let misses = 0; misses < 3; ) {
    const { digits, end } = await call.gather({ digits: 1, timeout: 5_000, play: prompt('welcome') });
    if (end === 'terminator') break;
    const option = menu[digits];
    if (option) {
      misses = 0;
      await option(call);
    } else {
      misses++;
      await call.playback().play(prompt(digits === '' ? 'no-input' : 'wrong-input'));
    }
  }
  await call.playback().play(prompt('goodbye'));
}

const menu: Record<string, (call: DialogServerSession) => Promise<void>> = {
  '1': async (call) => {
    await call.playback().play(prompt('message'));
  },
  '2': recordAndPlayBack,
  '3': async (call) => {
    await call.playback().play(prompt('echo'));
    await call.echo();
  },
};

async function recordAndPlayBack(call: DialogServerSession): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tandem-'));
  const file = join(folder, 'words.wav');
  try {
    await call.playback().play(prompt('record'));
    const recording = call.recording(file, { channels: 1, direction: 'in' });
    await call.gather({ timeout: 60_000 }); // until #
    await recording.close();
    await call.playback().play(file);
  } finally {
    await rm(folder, { recursive: true });
  }
}

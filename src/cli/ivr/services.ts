/** The services behind single numbers; the menu offers some of them by key. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DialogServerSession, Tandem } from '../../index.ts';

export type PromptName =
  | 'welcome'
  | 'message'
  | 'record'
  | 'goodbye'
  | 'no-input'
  | 'wrong-input'
  | 'echo'
  | 'conference'
  | 'music'
  | 'beep';
export type Prompts = (name: PromptName) => string;
export type Service = (call: DialogServerSession, prompts: Prompts, tandem: Tandem) => Promise<void>;

const longestRecordingMs = 5 * 60_000;

/** 600: what the caller says comes back as it was. */
export const echo: Service = async (call) => {
  const over = call.echo(); // before the answer, so that not even the first packet is missed
  await call.answer();
  await over;
};

/** 601: a file, again and again until hang-up. */
export const file: Service = async (call, prompts) => {
  await call.answer();
  await call.playback().play(prompts('message'), { type: 'audio/wav', loop: true });
};

/** 1003: music until hang-up. */
export const music: Service = async (call, prompts) => {
  await call.answer();
  await call.playback().play(prompts('music'), { type: 'audio/wav', loop: true });
};

/** 602: records until `#` and plays it back. */
export const recordAndPlayBack: Service = async (call, prompts) => {
  await call.answer();
  await call.playback().play(prompts('record'));
  await takeAndPlayBack(call, prompts);
};

/** Beeps, records the caller until `#` (five minutes at most), and plays that back. */
export async function takeAndPlayBack(call: DialogServerSession, prompts: Prompts): Promise<void> {
  await call.playback().play(prompts('beep'));
  const folder = await mkdtemp(join(tmpdir(), 'tandem-record-'));
  try {
    const path = join(folder, 'message.wav');
    const recording = call.recording(path, { direction: 'in', channels: 1, maxDuration: longestRecordingMs });
    await pressed(call, '#', recording.done);
    await recording.close();
    call.signal.throwIfAborted();
    await call.playback().play(path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Resolves when the key is pressed, the call is over, or `until` is settled. */
export async function pressed(
  call: Pick<DialogServerSession, 'dtmf'>,
  key: string,
  until?: Promise<unknown>,
): Promise<void> {
  const keys = call.dtmf();
  const stop = (): void => void keys.return?.();
  until?.then(stop, stop);
  for await (const { digit } of keys) if (digit === key) return;
}

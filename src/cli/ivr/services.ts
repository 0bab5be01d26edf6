/** Services that need nobody but the caller; a route or a key of a menu leads to each. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DialogServerSession } from '../../index.ts';
import type { ServiceName } from '../../routes/target.ts';
import type { PlaySource, Prompts } from './prompts.ts';

export interface ServiceOptions {
  /** Said before it. */
  readonly prompt?: PlaySource | undefined;
  /** The key that ends an echo. */
  readonly until?: string | undefined;
}

type Service = (call: DialogServerSession, prompts: Prompts, options: ServiceOptions) => Promise<void>;

const longestRecordingMs = 5 * 60_000;

export const services: Readonly<Record<ServiceName, Service>> = {
  /** What the caller says comes back as it was. */
  echo: async (call, _prompts, { prompt, until }) => {
    if (prompt === undefined && until === undefined) {
      const echoing = call.echo(); // before the answer, so that not even the first packet is missed
      await pickUp(call);
      return echoing;
    }
    await pickUp(call);
    if (prompt !== undefined) await call.playback().play(prompt);
    const ended = new AbortController();
    const echoing = call.echo({ signal: ended.signal });
    if (until !== undefined) {
      await pressed(call, until);
      ended.abort();
    }
    return echoing;
  },

  /** A file, again and again until hang-up. */
  file: async (call, prompts, { prompt = prompts.builtin('message') }) => {
    await pickUp(call);
    await call.playback().play(prompt, { loop: true });
  },

  /** Music until hang-up. */
  music: async (call, prompts, { prompt = prompts.builtin('music') }) => {
    await pickUp(call);
    await call.playback().play(prompt, { loop: true });
  },

  /** Records until `#` and plays it back. */
  record: async (call, prompts, { prompt = prompts.builtin('record') }) => {
    await pickUp(call);
    await call.playback().play(prompt);
    await takeAndPlayBack(call, prompts);
  },
};

/** Beeps, records the caller until `#` (five minutes at most), and plays that back. */
async function takeAndPlayBack(call: DialogServerSession, prompts: Prompts): Promise<void> {
  await call.playback().play(prompts.builtin('beep'));
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

/** Answers, unless that is done: a menu may lead here. */
export async function pickUp(call: DialogServerSession): Promise<void> {
  if (!call.isAnswered) await call.answer();
}

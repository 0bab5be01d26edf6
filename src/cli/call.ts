/** `tandem call <uri>`: one call that plays, records, presses keys. */
import { once } from 'node:events';
import { access, constants } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAbort, messageOf, TandemError } from '../base/errors.ts';
import type { DialogClientSession } from '../index.ts';
import { untilInterrupted } from './interrupt.ts';
import { inviteOptions, type OutgoingOptions, openOutgoing } from './outgoing.ts';

export interface CallCommandOptions extends OutgoingOptions {
  readonly play?: string;
  readonly record?: string;
  readonly dtmf?: string;
  /** Seconds. */
  readonly duration?: number;
}

const pcmRate = 8000;
const commaMs = 1000;

/** @returns 0 when the call was answered and is over, whoever ended it. */
export async function call(uri: string, options: CallCommandOptions): Promise<number> {
  const out = options.record === '-' ? process.stderr : process.stdout;
  const say = (text: string): void => void out.write(`${text}\n`);
  const interrupted = untilInterrupted();
  let tandem: Awaited<ReturnType<typeof openOutgoing>> | undefined;
  try {
    await mustBeReadable(options.play);
    tandem = await openOutgoing([uri], options);
    say(`calling ${uri}`);
    const leg = await tandem.invite(uri, {
      ...inviteOptions(options),
      signal: interrupted.signal,
      onResponse: ({ status, reason }) => say(`${status} ${reason}`),
    });
    say(`answered (${leg.media.audio?.codec.name ?? 'no audio'})`);
    await converse(leg, options, interrupted.signal);
    await leg.close();
    const cause = await leg.ended;
    say(`ended (${cause.by}${cause.reason ? `: ${cause.reason}` : ''})`);
    return 0;
  } catch (error) {
    if (!isAbort(error, interrupted.signal)) throw error;
    say('given up');
    return 1;
  } finally {
    await tandem?.close();
    interrupted.close();
  }
}

/** Better said now than when somebody has picked up. */
async function mustBeReadable(play: string | undefined): Promise<void> {
  if (play === undefined || play === '-' || /^https?:/.test(play)) return;
  await access(play, constants.R_OK).catch((error: unknown) => {
    throw new TandemError('ERR_FILE', `cannot read ${play}: ${messageOf(error)}`, { cause: error });
  });
}

/** Resolves when the call has done what it was asked to do, or is over. */
async function converse(
  leg: DialogClientSession,
  options: CallCommandOptions,
  interrupted: AbortSignal,
): Promise<void> {
  const { play, record, dtmf, duration } = options;
  const stop = AbortSignal.any([leg.signal, interrupted]);
  if (stop.aborted) return;
  const over = once(stop, 'abort');
  const limit: Promise<unknown> =
    duration === undefined ? over : sleep(duration * 1000, undefined, { signal: stop }).catch(() => {});
  const toFile = record !== undefined && record !== '-';
  await using recording = toFile ? leg.recording(record, { direction: 'in', channels: 1 }) : undefined;
  const listening = record === '-' ? pipeOut(leg, stop) : Promise.resolve();

  const tasks: Promise<unknown>[] = [];
  if (play !== undefined) tasks.push(playFrom(leg, play, stop));
  if (dtmf !== undefined) tasks.push(press(leg, dtmf, stop));
  const done = Promise.all(tasks);
  // Who plays or presses keys and records nothing has said all there was to say.
  const allSaid = tasks.length > 0 && record === undefined && duration === undefined;
  try {
    // A recording is over with the call, or at once if it cannot be written.
    await Promise.race([allSaid ? done : done.then(() => limit), limit, recording?.done ?? limit]);
  } catch (error) {
    if (!isAbort(error, stop)) throw error;
  } finally {
    done.catch(() => {});
    await leg.hangup();
    await listening;
  }
  await recording?.close();
}

async function playFrom(leg: DialogClientSession, source: string, signal: AbortSignal): Promise<void> {
  if (source === '-')
    await leg.playback().play(process.stdin, { type: 'audio/pcm', sampleRate: pcmRate, channels: 1, signal });
  else await leg.playback().play(source, { type: 'audio/wav', signal });
}

async function press(leg: DialogClientSession, keys: string, signal: AbortSignal): Promise<void> {
  for (const part of keys.split(/(,)/).filter((text) => text !== '')) {
    if (signal.aborted) return;
    if (part === ',') await sleep(commaMs, undefined, { signal }).catch(() => {});
    else await leg.sendDtmf(part);
  }
}

/** What is heard, as raw PCM on standard output. */
async function pipeOut(leg: DialogClientSession, signal: AbortSignal): Promise<void> {
  const reader = leg.audioReader({ sampleRate: pcmRate });
  signal.addEventListener('abort', () => reader.close(), { once: true });
  for await (const frame of reader) {
    const bytes = Buffer.alloc(frame.length * 2);
    for (const [index, sample] of frame.entries()) bytes.writeInt16LE(sample, index * 2);
    if (!process.stdout.write(bytes)) await once(process.stdout, 'drain', { signal }).catch(() => {});
  }
}

/** Text to speech by espeak-ng, a process for each phrase. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { messageOf, TandemError } from './errors.ts';
import type { TtsProvider } from './io.ts';

/** Processes at the same time; who asks for more waits. */
const mostProcesses = 4;
/** The header that espeak-ng writes before its samples. */
const headerBytes = 44;
const defaultRate = 22_050;

/** @param command the program, found by PATH */
export function espeakNg(command = 'espeak-ng'): TtsProvider {
  const turns = new Turns(mostProcesses);
  return {
    async synthesize(text, { voice, language = 'en', signal }) {
      const name = voice ?? language.toLowerCase();
      // Nothing else is a name; a path would have espeak-ng read a file.
      if (!/^[A-Za-z0-9][\w+-]{0,63}$/.test(name)) throw ttsError(`${JSON.stringify(name)} cannot be a voice`);
      const done = await turns.take(signal);
      const child = spawn(command, ['--stdout', '--stdin', '-b', '1', '-v', name]);
      const kill = (): void => void child.kill('SIGKILL');
      signal.addEventListener('abort', kill, { once: true });
      const failure = endOf(child, command);
      void failure.then(() => {
        signal.removeEventListener('abort', kill);
        done();
      });
      child.stdin.on('error', () => {}); // it ended before it had read all: its exit status says why
      child.stdin.end(text);
      const bytes = outputOf(child, failure);
      try {
        const { sampleRate, rest } = await readHeader(bytes);
        return { sampleRate, audio: samplesOf(rest, bytes, kill) };
      } catch (error) {
        kill();
        throw error;
      }
    },
  };
}

/** Resolves when the process has ended: with what went wrong, if anything did. */
function endOf(child: ChildProcessWithoutNullStreams, command: string): Promise<TandemError | undefined> {
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString()).slice(0, 300);
  });
  return new Promise((resolve) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      const missing = `${command} is not installed; install it (Debian: apt-get install espeak-ng), or give Tandem a tts`;
      resolve(ttsError(error.code === 'ENOENT' ? missing : error.message, error));
    });
    child.once('close', (code, signal) => {
      if (code === 0) resolve(undefined);
      else resolve(ttsError(signal ? `${command} was ended by ${signal}` : complaint.trim() || `${command}: ${code}`));
    });
  });
}

async function* outputOf(
  child: ChildProcessWithoutNullStreams,
  failure: Promise<TandemError | undefined>,
): AsyncGenerator<Buffer, void, void> {
  try {
    yield* child.stdout;
  } catch (error) {
    throw (await failure) ?? ttsError(messageOf(error), error);
  }
  const failed = await failure;
  if (failed) throw failed;
}

/** Of nothing that can be said there is not even a header. */
async function readHeader(bytes: AsyncGenerator<Buffer>): Promise<{ sampleRate: number; rest: Buffer }> {
  let head: Buffer = Buffer.alloc(0);
  while (head.length < headerBytes) {
    const next = await bytes.next();
    if (next.done) return { sampleRate: defaultRate, rest: Buffer.alloc(0) };
    head = Buffer.concat([head, next.value]);
  }
  if (head.toString('latin1', 0, 4) !== 'RIFF' || head.readUInt16LE(22) !== 1 || head.readUInt16LE(34) !== 16)
    throw ttsError('what it gives is not 16-bit mono');
  return { sampleRate: head.readUInt32LE(24), rest: head.subarray(headerBytes) };
}

async function* samplesOf(
  first: Buffer,
  bytes: AsyncGenerator<Buffer>,
  kill: () => void,
): AsyncGenerator<Int16Array, void, void> {
  try {
    let rest = first;
    for (;;) {
      const samples = Int16Array.from({ length: rest.length >> 1 }, (_, n) => rest.readInt16LE(2 * n));
      if (samples.length > 0) yield samples;
      const next = await bytes.next();
      if (next.done) return;
      rest = Buffer.concat([rest.subarray(2 * samples.length), next.value]);
    }
  } finally {
    kill();
  }
}

function ttsError(reason: string, cause?: unknown): TandemError {
  return new TandemError('ERR_TTS', `cannot speak: ${reason}`, { cause });
}

/** So many at a time, in the order in which they came. */
class Turns {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(most: number) {
    this.#free = most;
  }

  /** @returns how to let the next one in. Rejects with the signal's reason */
  async take(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    const done = (): void => {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    };
    if (!signal.aborted) return done;
    done();
    throw signal.reason;
  }
}

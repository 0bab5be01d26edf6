/** The command's entry: runs a command line, turns what it throws into one line and an exit status. */
import { messageOf, TandemError } from '../base/errors.ts';
import { createProgram, UsageError } from './program.ts';

export interface MainOptions {
  readonly argv: readonly string[];
  /** The package's folder: prompts lie there. */
  readonly root: string;
  readonly version: string;
}

/** How long a finished command waits for what it left open, before it exits all the same. */
const lingerMs = 2000;

/** Exit status: 0 done, 1 failed, 2 wrong command line or configuration. */
export async function main({ argv, root, version }: MainOptions): Promise<void> {
  const debug = argv.includes('--debug');
  process.exitCode = await run(argv, root, version, debug);
  setTimeout(() => {
    if (debug) process.stderr.write(`tandem: still open at exit: ${process.getActiveResourcesInfo().join(', ')}\n`);
    process.exit();
  }, lingerMs).unref();
}

async function run(argv: readonly string[], root: string, version: string, debug: boolean): Promise<number> {
  // A reader that went away (`| head`) ends the command quietly, as Ctrl-C does: a call is to be hung up.
  process.stdout.once('error', (error: NodeJS.ErrnoException) => {
    process.stdout.on('error', () => {});
    if (!process.emit('SIGINT', 'SIGINT')) process.exit(error.code === 'EPIPE' ? 0 : 1);
  });
  let status = 0;
  try {
    await createProgram({ root, version, exit: (code) => (status = code) }).parseAsync(argv, { from: 'user' });
    return status;
  } catch (error) {
    if (error instanceof UsageError && error.message === '') return error.status;
    for (const line of debug && error instanceof Error ? [error.stack] : linesOf(error))
      process.stderr.write(`tandem: ${line}\n`);
    return statusOf(error);
  }
}

/** One; of a configuration one for each thing that is wrong with it. */
function linesOf(error: unknown): string[] {
  const message = messageOf(error);
  return error instanceof TandemError && error.code === 'ERR_CONFIG' ? message.split('\n') : [oneLine(message)];
}

function oneLine(text: string): string {
  return text.trim().replace(/\s*\n\s*/g, ' ');
}

function statusOf(error: unknown): number {
  if (error instanceof UsageError) return error.status;
  return error instanceof TandemError && (error.code === 'ERR_CONFIG' || error.code === 'ERR_ARGUMENT') ? 2 : 1;
}

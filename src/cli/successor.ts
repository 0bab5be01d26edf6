/**
 * A restart that no call notices: the next process of the same command is loaded while this one serves; then this one
 * writes where every call is, and its end is the sign for the next one to go on. Who started the command keeps the
 * process that it knows: what is left of this one passes signals on (`bin/supervisor.js`).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { TandemError } from '../base/errors.ts';

/** Set for a process that takes the place of another. */
const successorKey = 'SUCCESSOR_OF_TANDEM';
/** Set for one whose signals come by the supervisor. */
const supervisedKey = 'SUPERVISED_BY_TANDEM';
const ready = 'ready';
/** ms until the next process is loaded. */
const loadMs = 30_000;

/** Whether this process takes the place of one that still serves. */
export function isSuccessor(): boolean {
  return process.env[successorKey] !== undefined && process.send !== undefined;
}

/** Whether signals come by the supervisor, too. */
export function isSupervised(): boolean {
  return process.env[supervisedKey] !== undefined;
}

/** Resolves when the process before has ended, or has become the supervisor. To be called when all is loaded. */
export async function awaitTurn(): Promise<void> {
  delete process.env[successorKey];
  const over = once(process, 'disconnect');
  process.send?.(ready);
  await over;
}

/** The next process, loaded and waiting. */
export class Successor {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /**
   * @param abandon ends it, as long as it does not serve
   * @throws TandemError ERR_RESTART when it does not come up: this process goes on
   */
  static async start(abandon: AbortSignal): Promise<Successor> {
    const child = spawn(nodeOfCommand(), [...process.execArgv, ...process.argv.slice(1)], {
      stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
      env: { ...process.env, [successorKey]: '1', [supervisedKey]: '1' },
      signal: abandon,
      killSignal: 'SIGKILL',
    });
    child.on('error', () => {}); // that it was abandoned
    const signal = AbortSignal.timeout(loadMs);
    try {
      await Promise.race([
        once(child, 'message', { signal }),
        once(child, 'exit', { signal }).then(([status]) => {
          throw new Error(`it ended with status ${status}`);
        }),
      ]);
      return new Successor(child);
    } catch (error) {
      child.kill('SIGKILL');
      throw new TandemError('ERR_RESTART', 'the next process does not come up: this one goes on', { cause: error });
    }
  }

  /**
   * Ends what this process does: the successor goes on. Never returns.
   * @param folder where the supervisor learns who serves
   * @param supervisor path of `bin/supervisor.js`
   */
  takeOver(folder: string, supervisor: string): never {
    const { pid = 0 } = this.#child;
    const file = join(folder, 'pid');
    writeFileSync(file, `${pid}\n`);
    if (process.env[supervisedKey] === undefined && process.execve)
      process.execve(process.execPath, [process.execPath, supervisor, String(pid), file], environment());
    process.exit(0);
  }
}

/** As the command named it: behind a link to the current release is another Node.js after a deployment. */
function nodeOfCommand(): string {
  return isAbsolute(process.argv0) && existsSync(process.argv0) ? process.argv0 : process.execPath;
}

function environment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

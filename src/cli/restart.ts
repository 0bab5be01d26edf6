/** `tandem restart`: the server is replaced by a new process of the same command, and its calls go on. */
import { realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf, TandemError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { RpcMethod } from '../control/rpc/methods.ts';
import type { Tandem } from '../index.ts';
import { type Ask, askFirst } from './rpc.ts';
import { Successor } from './successor.ts';

/** One at a time. */
export class Restarts {
  readonly #tandem: Tandem;
  readonly #folder: string;
  readonly #logger: Logger;
  #running = false;
  /** Ends a process that is to follow and does not serve yet. */
  #abandon = new AbortController();

  /** @param folder `recovery.path` */
  constructor(tandem: Tandem, folder: string, logger: Logger) {
    this.#tandem = tandem;
    this.#folder = folder;
    this.#logger = logger;
  }

  ask(): void {
    if (this.#running) return;
    this.#running = true;
    this.#restart().catch((error: unknown) => {
      this.#running = false;
      if (this.#abandon.signal.aborted) return;
      this.#abandon.abort();
      this.#abandon = new AbortController();
      this.#logger.error({ error: messageOf(error), err: error }, 'the restart failed: this process goes on');
    });
  }

  /** The server ends: nobody takes its place. Idempotent. */
  close(): void {
    this.#abandon.abort();
  }

  async #restart(): Promise<void> {
    if (this.#folder === 'none')
      throw new TandemError(
        'ERR_RESTART',
        'calls cannot go on elsewhere without recovery.path: set it, or drain (SIGTERM)',
      );
    this.#logger.info({}, 'restart: the next process is being loaded');
    const successor = await Successor.start(this.#abandon.signal);
    const calls = await this.#tandem.handOver();
    this.#logger.info({ calls }, 'restart: the calls go on in the next process');
    successor.takeOver(this.#folder, join(dirname(realpathSync(process.argv[1] ?? '')), 'supervisor.js'));
  }
}

/** `core.restart`, and `core.pid` to see that it is through. */
export function restartCommands(restart: () => void): RpcMethod[] {
  return [
    { name: 'core.pid', help: 'Returns the number of the process.', run: () => process.pid },
    {
      name: 'core.restart',
      help: 'Replaces the server by a new process of the same command; its calls go on.',
      changes: true,
      run: () => {
        // The answer goes out first.
        setImmediate(restart);
        return process.pid;
      },
    },
  ];
}

const pollMs = 100;
const restartMs = 60_000;

/** Asks a running server to restart, and waits until the next process answers. */
export async function restart({ server }: { readonly server?: string }): Promise<number> {
  const { answer, ask } = await askFirst(server, process.env, 'core.restart', []);
  if ('fault' in answer) throw new TandemError('ERR_RPC', `${answer.fault.code} ${answer.fault.text}`);
  const began = performance.now();
  const before = await startedAt(ask);
  for (;;) {
    await delay(pollMs);
    const now = await startedAt(ask).catch(() => undefined);
    if (now !== undefined && now !== before) break;
    if (performance.now() - began > restartMs)
      throw new TandemError('ERR_RESTART', 'the server was not replaced: its log says why');
  }
  process.stdout.write('restarted\n');
  return 0;
}

/** What differs from process to process. */
async function startedAt(ask: Ask): Promise<string> {
  const answer = await ask('core.pid', []);
  if ('fault' in answer) throw new TandemError('ERR_RPC', answer.fault.text);
  return JSON.stringify(answer.records);
}

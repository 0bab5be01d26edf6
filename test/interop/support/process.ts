/** Other programs, started by a test and gone when it is over. Linux only: it reads /proc. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';

export const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));

/** Every program that a test starts inherits it, and so do the programs that those start. */
const marker = 'INTEROP_TEST';

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface StartOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: Uint8Array;
}

export class Program implements AsyncDisposable {
  readonly name: string;
  readonly pid: number;
  readonly exit: Promise<Exit>;
  readonly child: ChildProcess;
  #stdout: Buffer[] = [];
  #stderr = '';
  #ended: Exit | undefined;

  constructor(command: string, args: readonly string[], { cwd, env, input }: StartOptions = {}) {
    this.name = [command.split('/').at(-1), ...args].join(' ');
    this.child = spawn(command, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(cwd === undefined ? {} : { cwd }),
      env: { ...process.env, ...env, [marker]: String(process.pid) },
    });
    this.pid = this.child.pid ?? 0;
    this.child.stdin?.on('error', () => {});
    this.child.stdin?.end(input);
    this.child.stdout?.on('data', (chunk: Buffer) => this.#stdout.push(chunk));
    this.child.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr += chunk.toString('utf8');
    });
    this.exit = new Promise((resolve, reject) => {
      this.child.once('error', reject);
      this.child.once('close', (code, signal) => {
        this.#ended = { code, signal };
        resolve(this.#ended);
      });
    });
    this.exit.catch(() => {});
  }

  get stdout(): string {
    return this.bytes.toString('utf8');
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#stdout);
  }

  get stderr(): string {
    return this.#stderr;
  }

  get output(): string {
    return `${this.stdout}${this.#stderr}`;
  }

  get hasEnded(): boolean {
    return this.#ended !== undefined;
  }

  /** Resolves when `ready()` is; fails when the program ends before, or after `timeoutMs`. */
  async until(what: string, ready: () => boolean, timeoutMs = 30_000): Promise<void> {
    const limit = AbortSignal.timeout(timeoutMs);
    while (!ready()) {
      if (this.#ended) throw new Error(`${this.name}: ended (${this.#ended.code}) before: ${what}\n${this.output}`);
      if (limit.aborted) throw new Error(`${this.name}: not in ${timeoutMs} ms: ${what}\n${this.output}`);
      await delay(20);
    }
  }

  /** Waits for the end by itself. */
  async ended(timeoutMs = 60_000): Promise<Exit> {
    const waited = new AbortController();
    const late = delay(timeoutMs, undefined, { signal: waited.signal }).then(() => {
      throw new Error(`${this.name}: did not end in ${timeoutMs} ms\n${this.output}`);
    });
    try {
      return await Promise.race([this.exit, late]);
    } finally {
      waited.abort();
      late.catch(() => {});
    }
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    if (!this.hasEnded) this.child.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
    await this.exit.catch(() => {});
  }
}

/** Runs a program to its end. */
export async function run(
  command: string,
  args: readonly string[],
  options: StartOptions & { readonly timeoutMs?: number } = {},
): Promise<Exit & { readonly stdout: string; readonly stderr: string; readonly bytes: Buffer }> {
  await using program = new Program(command, args, options);
  const exit = await program.ended(options.timeoutMs);
  return { ...exit, stdout: program.stdout, stderr: program.stderr, bytes: program.bytes };
}

/** Programs of this test file that still run, by name; orphans too. */
export function leftovers(): string[] {
  const mine = `${marker}=${process.pid}`;
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        if (
          !readFileSync(join('/proc', pid, 'environ'), 'latin1')
            .split('\0')
            .includes(mine)
        )
          return [];
        return [`${pid} ${readFileSync(join('/proc', pid, 'cmdline'), 'latin1').replaceAll('\0', ' ')}`];
      } catch {
        return []; // ended meanwhile
      }
    });
}

/** For `afterEach`: nothing that a test started outlives it. */
export async function expectNoPrograms(): Promise<void> {
  await expect.poll(leftovers, { timeout: 5_000 }).toEqual([]);
}

/** Starting programs on a core of their own, with as many open files as the machine allows. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { loadCore } from './cores.ts';

export interface ChildOptions {
  readonly core: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** All children that run, so that none is left when the bench ends early. */
const running = new Set<Child>();

export class Child {
  readonly process: ChildProcess;
  readonly exited: Promise<number | null>;
  stdout = '';
  /** The last lines it wrote to stderr. */
  readonly stderr: string[] = [];
  onStderrLine: (line: string) => void = () => {};
  readonly #program: string;
  #rest = '';

  constructor(program: string, args: readonly string[], { core, env, cwd }: ChildOptions) {
    this.#program = program;
    const command = `ulimit -n "$(ulimit -Hn)"; exec taskset -c ${core} "$0" "$@"`;
    this.process = spawn('bash', ['-c', command, program, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
      ...(cwd === undefined ? {} : { cwd }),
    });
    this.exited = new Promise((resolve) => this.process.once('close', (code) => resolve(code)));
    running.add(this);
    void this.exited.then(() => running.delete(this));
    this.process.stdout?.on('data', (chunk: Buffer) => {
      this.stdout += chunk;
    });
    this.process.stderr?.on('data', (chunk: Buffer) => this.#lines(String(chunk)));
  }

  get pid(): number {
    return this.process.pid as number;
  }

  /** Resolves with the first line of stderr that `test` likes. @throws when the program ends before, or says nothing. */
  line(test: (line: string) => boolean, timeoutMs: number): Promise<string> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(this.#failure(`said nothing in ${timeoutMs} ms`)), timeoutMs);
      void this.exited
        .then((code) => reject(this.#failure(`ended with status ${code}`)))
        .finally(() => clearTimeout(timer));
      this.onStderrLine = (line) => {
        if (!test(line)) return;
        clearTimeout(timer);
        resolve(line);
      };
    });
  }

  async stop(graceMs = 5000): Promise<void> {
    if (!running.has(this)) return;
    this.process.kill('SIGTERM');
    const timer = setTimeout(() => this.process.kill('SIGKILL'), graceMs);
    await this.exited;
    clearTimeout(timer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #lines(chunk: string): void {
    const lines = (this.#rest + chunk).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      this.stderr.push(line);
      if (this.stderr.length > 40) this.stderr.shift();
      this.onStderrLine(line);
    }
  }

  #failure(what: string): Error {
    return new Error(`${this.#program} ${what}: ${this.stderr.slice(-3).join(' | ')}`);
  }
}

/** Puts the bench itself on the core of the load, and sees to it that it leaves no process behind. */
export function settleDown(): void {
  execFileSync('taskset', ['-acp', String(loadCore), String(process.pid)], { stdio: 'ignore' });
  const end = (signal: NodeJS.Signals): void => {
    for (const child of running) child.process.kill('SIGKILL');
    process.exit(signal === 'SIGINT' ? 130 : 143);
  };
  process.once('SIGINT', end);
  process.once('SIGTERM', end);
}

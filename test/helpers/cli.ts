/** Runs the real command, as a user would, under the Node.js of the tests. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rtpPortsFlag, withRtpPorts } from './rtp-ports.ts';

export const root = fileURLToPath(new URL('../..', import.meta.url));
const ownBin = join(root, 'bin', 'tandem.js');

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Uint8Array;
  /** Arguments for Node.js itself. */
  readonly node?: readonly string[];
  /** Another copy of the command. */
  readonly bin?: string;
}

export interface RunResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly output: Buffer;
}

export async function runTandem(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const running = new RunningTandem(args, options);
  running.child.stdin.on('error', () => {});
  running.child.stdin.end(options.input ?? '');
  return running.result;
}

/** A command that goes on until it is told to stop. */
export class RunningTandem {
  readonly child: ChildProcessWithoutNullStreams;
  readonly result: Promise<RunResult>;
  readonly #output: Buffer[] = [];
  #stderr = '';
  #ended = false;

  constructor(args: readonly string[], { cwd, env, node = [], bin = ownBin }: RunOptions = {}) {
    this.child = spawn(process.execPath, [...node, bin, ...args], {
      cwd: cwd ?? root,
      // Where nobody says another folder it is the project's own: nothing is left there.
      env: {
        ...withoutTandem(process.env),
        ...(cwd === undefined && { TANDEM_STORE_URL: 'none', TANDEM_RECOVERY_PATH: 'none' }),
        ...env,
      },
    });
    // A test that failed half-way leaves nothing behind.
    const kill = (): void => void this.child.kill('SIGKILL');
    process.once('exit', kill);
    this.child.stdout.on('data', (chunk: Buffer) => this.#output.push(chunk));
    this.child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      this.#stderr += chunk;
    });
    this.result = once(this.child, 'close').then(([status]) => {
      this.#ended = true;
      process.off('exit', kill);
      const output = Buffer.concat(this.#output);
      return { status: status as number | null, output, stdout: output.toString(), stderr: this.#stderr };
    });
  }

  /** What was printed so far, both streams. */
  get printed(): string {
    return Buffer.concat(this.#output).toString() + this.#stderr;
  }

  /** Resolves when `pattern` is printed; rejects when the command ends without. */
  async prints(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.printed);
      if (match) return match;
      if (this.#ended) throw new Error(`ended without printing ${pattern}:\n${this.printed}`);
      await Promise.race([once(this.child.stdout, 'data'), once(this.child.stderr, 'data'), this.result]);
    }
  }

  /** SIGTERM, and how it ended. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<RunResult> {
    this.child.kill(signal);
    return this.result;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#ended) await this.stop('SIGKILL');
  }
}

export interface RunningServer {
  readonly port: number;
  readonly tandem: RunningTandem;
  readonly folder: string;
  [Symbol.asyncDispose](): Promise<void>;
}

/** `serve` or `ivr` on a free UDP port of 127.0.0.1, in a folder of its own, with RTP ports of its own. */
export async function startServer(args: readonly string[], options: RunOptions = {}): Promise<RunningServer> {
  return withRtpPorts(40, async (ports) => {
    const folder = new TemporaryFolder();
    const http = args.includes('--http') ? [] : ['--http', 'none'];
    const own = ['--listen', 'udp:127.0.0.1:0', ...rtpPortsFlag(ports), ...http];
    const tandem = new RunningTandem([...args, ...own], { cwd: folder.path, ...options });
    const end = async (): Promise<void> => {
      await tandem[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    };
    try {
      const [, port] = await tandem.prints(/"port":(\d+)[^\n]*"listening"/);
      return { tandem, port: Number(port), folder: options.cwd ?? folder.path, [Symbol.asyncDispose]: end };
    } catch (error) {
      await end();
      throw error;
    }
  });
}

export class TemporaryFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'tandem-test-'));

  file(name: string): string {
    return join(this.path, name);
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

function withoutTandem(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith('TANDEM_')));
}

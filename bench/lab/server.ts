/** The real server: `tandem serve <script>` as a user would start it, on a core of its own. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Child } from './child.ts';
import { loadCore, serverCore } from './cores.ts';

export const root = fileURLToPath(new URL('../..', import.meta.url));
export const command = join(root, 'bin', 'tandem.js');
/** Apart from the ports that the load generators take; the next is tried when another Tandem has some of them. */
export const rtpPorts = ['18500-32766', '18500-25999', '26000-32766'] as const;
const startMs = 20_000;
/** What a scenario does not measure is not there. */
const alone = {
  TANDEM_DRAIN_TIMEOUT: '100',
  TANDEM_STORE_URL: 'none',
  TANDEM_RECOVERY_PATH: 'none',
  // How much it carries is measured, not when it would say no.
  TANDEM_ADMISSION_MAX_CPU: '0',
  TANDEM_ADMISSION_MAX_LAG: '0',
};
const run = promisify(execFile);

export interface ServerOptions {
  /** In the package. */
  readonly script: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Writes CPU profiles into this folder when the server ends. */
  readonly profile?: string | undefined;
}

/** What `tandem check --json` tells, as far as the bench looks at it. */
export interface Report {
  readonly calls: number;
  readonly background: number;
  readonly sip: Readonly<Record<string, unknown>>;
  readonly media: Readonly<Record<string, unknown>>;
}

export class Server {
  readonly port: number;
  /** Bytes that the kernel granted to the SIP socket. */
  readonly receiveBuffer: number;
  /** Lines that the server logged as warning or worse. */
  readonly complaints: string[] = [];
  readonly #child: Child;
  readonly #folder: string;

  static async start(options: ServerOptions): Promise<Server> {
    let failure: unknown;
    for (const range of rtpPorts) {
      try {
        return await Server.#start(options, range);
      } catch (error) {
        if (!String(error).includes('--rtp-ports')) throw error;
        failure = error;
      }
    }
    throw failure;
  }

  static async #start({ script, env = {}, profile }: ServerOptions, range: string): Promise<Server> {
    const folder = await mkdtemp(join(tmpdir(), 'tandem-bench-'));
    const child = new Child(
      process.execPath,
      [...(profile ? ['--cpu-prof', `--cpu-prof-dir=${profile}`] : []), ...serveArguments(script, 0, folder, range)],
      { core: serverCore, cwd: folder, env: { ...alone, ...env } },
    );
    try {
      const line = await child.line((text) => text.includes('"listening"'), startMs);
      return new Server(child, folder, JSON.parse(line) as { port: number; receiveBuffer: number });
    } catch (error) {
      await child.stop();
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  private constructor(child: Child, folder: string, { port, receiveBuffer }: { port: number; receiveBuffer: number }) {
    this.#child = child;
    this.#folder = folder;
    this.port = port;
    this.receiveBuffer = receiveBuffer;
    child.onStderrLine = (line) => {
      if (!/"level":(4|5|6)0/.test(line)) return;
      if (this.complaints.length < 1000) this.complaints.push(line);
    };
  }

  get pid(): number {
    return this.#child.pid;
  }

  get target(): string {
    return `127.0.0.1:${this.port}`;
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT' | 'SIGWINCH'): void {
    this.#child.process.kill(signal);
  }

  /** Asks by the command line, as an operator would. */
  async check(): Promise<Report> {
    const { stdout } = await run('taskset', [
      ...['-c', String(loadCore), process.execPath, command],
      ...['check', '--json', '--socket', socketIn(this.#folder)],
    ]);
    return JSON.parse(stdout) as Report;
  }

  async stop(): Promise<void> {
    await this.#child.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** @param port 0 takes any free one. */
export function serveArguments(script: string, port: number, folder: string, range: string): string[] {
  return [
    ...[command, 'serve', join(root, script), '--listen', `udp:127.0.0.1:${port}`],
    ...['--rtp-ports', range, '--http', 'none', '--control', 'none', '--socket', socketIn(folder)],
  ];
}

function socketIn(folder: string): string {
  return join(folder, 'check.sock');
}

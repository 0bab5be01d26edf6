/** A server that is killed and started again in its place: same folder, same ports. */
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { onTestFailed } from 'vitest';
import { type PortRange, rtpPortsFlag, withRtpPorts } from '../../helpers/rtp-ports.ts';
import { type Folder, temporaryFolder } from './folder.ts';
import { freePort } from './ports.ts';
import { Program, root } from './process.ts';
import { type Check, checkOf, tandem } from './tandem.ts';

export interface DurableOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** Default UDP on a free port of 127.0.0.1. */
  readonly transports?: readonly Transport[];
  /** Serves HTTP at a port of 127.0.0.1 too. */
  readonly http?: boolean;
  /** `tandem.yaml`. */
  readonly config?: unknown;
}

type Transport = 'udp' | 'tls' | 'ws';

const rtpPorts = 1000;
/**
 * Below those of all other tests, and those of each test process apart: or another one could take some while the server
 * is away.
 */
const ownMin = 2000 + ((Number(process.env.VITEST_POOL_ID ?? '1') - 1) % 2) * 4000;
const ownPorts: PortRange = { min: ownMin, max: ownMin + 3999 };

export class DurableServer implements AsyncDisposable {
  readonly folder: Folder;
  readonly httpPort: number;
  readonly #command: readonly string[];
  readonly #env: NodeJS.ProcessEnv;
  readonly #ports: ReadonlyMap<string, number>;
  #program: Program;
  /** Of the processes before. */
  #output = '';

  private constructor(
    folder: Folder,
    command: readonly string[],
    env: NodeJS.ProcessEnv,
    ports: Map<string, number>,
    httpPort: number,
  ) {
    this.httpPort = httpPort;
    this.folder = folder;
    this.#command = command;
    this.#env = env;
    this.#ports = ports;
    this.#program = this.#start();
  }

  /** @param script `examples/b2bua.ts`, or an absolute path; `ivr` is the ready-made server. It listens when this resolves. */
  static async start(script: string, options: DurableOptions = {}): Promise<DurableServer> {
    const start = async (ports: PortRange): Promise<DurableServer> => {
      const server = await DurableServer.#first(script, ports, options);
      try {
        await server.listening();
        onTestFailed(() => console.error(server.output));
        return server;
      } catch (error) {
        await server[Symbol.asyncDispose]();
        throw error;
      }
    };
    return withRtpPorts(rtpPorts, start, ownPorts);
  }

  static async #first(
    script: string,
    rtp: PortRange,
    { env = {}, transports = ['udp'], config = {}, http }: DurableOptions,
  ): Promise<DurableServer> {
    const folder = await temporaryFolder();
    await writeFile(folder.file('tandem.yaml'), JSON.stringify(config));
    const ports = new Map<string, number>();
    for (const transport of transports) ports.set(transport, await freePort());
    const httpPort = http ? await freePort() : 0;
    const command = [
      join(root, 'bin', 'tandem.js'),
      ...(script === 'ivr' ? ['ivr'] : ['serve', resolve(root, script)]),
      ...['--config', folder.file('tandem.yaml'), '--http', http ? `127.0.0.1:${httpPort}` : 'none'],
      ...[...ports].flatMap(([transport, port]) => ['--listen', `${transport}:127.0.0.1:${port}`]),
      ...rtpPortsFlag(rtp),
      ...['--socket', folder.file('tandem.sock'), '--control', folder.file('tandem_ctl'), '--log-level', 'info'],
    ];
    return new DurableServer(folder, command, env, ports, httpPort);
  }

  get port(): number {
    return this.portOf('udp');
  }

  portOf(transport: Transport): number {
    return this.#ports.get(transport) ?? 0;
  }

  /** What all processes so far have printed. */
  get output(): string {
    return this.#output + this.#program.output;
  }

  /** What the last one has printed. */
  get printed(): string {
    return this.#program.output;
  }

  listening(): Promise<void> {
    return this.#program.until('"listening"', () => this.#program.stderr.includes('"listening"'));
  }

  signal(name: NodeJS.Signals): void {
    this.#program.kill(name);
  }

  /** @returns the exit status */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.#program.kill(signal);
    return (await this.#program.exit).code;
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    this.#program.kill('SIGKILL');
    await this.#program.exit;
  }

  /** Starts the next process. */
  again(): Promise<void> {
    this.#output += `${this.#program.output}\n--- killed\n`;
    this.#program = this.#start();
    return this.listening();
  }

  check(): Promise<Check> {
    return checkOf(this.folder.file('tandem.sock'));
  }

  /** What a command of the control socket answers. */
  async ask(...command: readonly string[]): Promise<string> {
    const { stdout } = await tandem([...command, '--server', `unixs:${this.folder.file('tandem_ctl')}`]);
    return stdout;
  }

  #start(): Program {
    return new Program(process.execPath, this.#command, { cwd: this.folder.path, env: this.#env });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program[Symbol.asyncDispose]();
    await this.folder[Symbol.asyncDispose]();
  }
}

/** The real command, as a user starts it. */
import { join } from 'node:path';
import { expect, onTestFailed } from 'vitest';
import { askCheckSocket } from '../../../src/cli/check-socket.ts';
import { rtpPortsFlag, withRtpPorts } from '../../helpers/rtp-ports.ts';
import { type Folder, temporaryFolder } from './folder.ts';
import { Program, root, run, type StartOptions } from './process.ts';

const command = join(root, 'bin', 'tandem.js');
const rtpPorts = 1000;
const checkTimeoutMs = 10_000;

type Transport = 'udp' | 'tcp' | 'tls' | 'ws' | 'wss';

/** What `tandem check --json` says, as far as tests look at it. */
export interface Check {
  readonly listeners: readonly { readonly transport: Transport; readonly port: number }[];
  readonly calls: number;
  readonly bindings: number;
  readonly background: number;
  readonly sip: Readonly<Record<string, unknown>> & {
    readonly transactions: number;
    readonly dialogs: number;
    readonly counters: Readonly<Record<string, number>>;
  };
  readonly media: Readonly<Record<'legs' | 'bridges' | 'playbacks' | 'recordings' | 'sockets' | 'timers', number>>;
  readonly admission: { readonly refused: Readonly<Record<'calls' | 'cpu' | 'lag', number>> };
  readonly invites: { readonly rejected: Readonly<Record<number, number>> };
  readonly process: { readonly memory: { readonly rss: number } };
}

export interface ServerOptions extends StartOptions {
  /** Default: UDP and TCP on 127.0.0.1. */
  readonly listen?: readonly string[];
  /** Where it serves HTTP; default nowhere. */
  readonly http?: string;
  /** URL of its database; default none. */
  readonly store?: string;
  /** Folder of its journal; default none. */
  readonly recovery?: string;
  /** Started in `beforeAll`, so that no single test can write its log when it fails. */
  readonly forAll?: boolean;
}

/** What `tandem check` is told at this socket. A process for each time that one looks would take the CPU from calls. */
export async function checkOf(socket: string): Promise<Check> {
  return (await askCheckSocket(socket, checkTimeoutMs)) as Check;
}

/** A running `tandem serve` or `tandem ivr`. */
export class TandemServer implements AsyncDisposable {
  readonly program: Program;
  readonly #folder: Folder;
  #ports: Partial<Record<Transport, number>> = {};

  private constructor(program: Program, folder: Folder) {
    this.program = program;
    this.#folder = folder;
  }

  /** @param args `['ivr']`, `['serve', 'script.ts']`. It listens when this resolves. */
  static async start(args: readonly string[], options: ServerOptions = {}): Promise<TandemServer> {
    return withRtpPorts(rtpPorts, async (ports) => {
      const folder = await temporaryFolder();
      const listen = options.listen ?? ['udp:127.0.0.1:0', 'tcp:127.0.0.1:0'];
      const server = new TandemServer(
        new Program(
          process.execPath,
          [
            command,
            ...args,
            ...listen.flatMap((one) => ['--listen', one]),
            ...rtpPortsFlag(ports),
            ...['--socket', folder.file('tandem.sock')],
            ...['--control', folder.file('tandem_ctl'), '--http', options.http ?? 'none'],
            ...['--store', options.store ?? 'none', '--recovery', options.recovery ?? 'none'],
            ...['--log-level', 'info', '--debug'],
          ],
          options,
        ),
        folder,
      );
      try {
        await server.program.until('"listening"', () => server.#listeners().length >= listen.length);
        for (const { transport, port } of server.#listeners()) server.#ports[transport] = port;
        if (!options.forAll) onTestFailed(() => console.error(server.program.output));
        return server;
      } catch (error) {
        await server[Symbol.asyncDispose]();
        throw error;
      }
    });
  }

  get port(): number {
    return this.#ports.udp ?? 0;
  }

  get tcpPort(): number {
    return this.#ports.tcp ?? 0;
  }

  portOf(transport: Transport): number {
    return this.#ports[transport] ?? 0;
  }

  /** Its control socket, as `kamcmd -s` takes it. */
  get control(): string {
    return `unixs:${this.#folder.file('tandem_ctl')}`;
  }

  /** Where `tandem check` asks. */
  get socket(): string {
    return this.#folder.file('tandem.sock');
  }

  get pid(): number {
    return this.program.pid;
  }

  /** The log's lines. */
  get log(): readonly Readonly<Record<string, unknown>>[] {
    return this.program.stderr.split('\n').flatMap((line) => {
      try {
        return [JSON.parse(line) as Record<string, unknown>];
      } catch {
        return [];
      }
    });
  }

  #listeners(): readonly { readonly transport: Transport; readonly port: number }[] {
    return this.log.filter(({ msg }) => msg === 'listening') as never;
  }

  check(): Promise<Check> {
    return checkOf(this.socket);
  }

  /**
   * Waits until nothing of a call is left; fails with what is.
   * @param options.transactions wait for RFC 3261's timers as well (half a minute over UDP)
   */
  async expectIdle({ transactions = false }: { readonly transactions?: boolean } = {}): Promise<void> {
    const open = async (): Promise<Record<string, number>> => {
      const { calls, background, sip, media } = await this.check();
      const all = { calls, background, dialogs: sip.dialogs, ...media };
      const counted = transactions ? { ...all, transactions: sip.transactions } : all;
      return Object.fromEntries(Object.entries(counted).filter(([, count]) => count !== 0));
    };
    await expect.poll(open, { timeout: transactions ? 60_000 : 10_000, interval: 250 }).toEqual({});
  }

  /** SIGTERM: it drains, exits with 0 and leaves nothing open. */
  async stop(): Promise<void> {
    this.program.kill('SIGTERM');
    const { code, signal } = await this.program.ended(30_000);
    expect({ code, signal, stillOpen: /still open at exit.*/.exec(this.program.stderr)?.[0] }).toEqual({
      code: 0,
      signal: null,
      stillOpen: undefined,
    });
  }

  /** What it says it cannot cope with. */
  get errors(): readonly Readonly<Record<string, unknown>>[] {
    return this.log.filter(({ level }) => Number(level) >= 50);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program[Symbol.asyncDispose]();
    await this.#folder[Symbol.asyncDispose]();
  }
}

/** Runs a command to its end. */
export function tandem(
  args: readonly string[],
  options: StartOptions & { readonly timeoutMs?: number } = {},
): ReturnType<typeof run> {
  return run(process.execPath, [command, ...args], options);
}

/** A command that goes on beside the test. */
export function startTandem(args: readonly string[], options: StartOptions = {}): Program {
  return new Program(process.execPath, [command, ...args], options);
}

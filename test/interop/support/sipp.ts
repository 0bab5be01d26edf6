/** sipp, with what it counted. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Folder, temporaryFolder } from './folder.ts';
import { freePort, isBound } from './ports.ts';
import { Program } from './process.ts';
import type { Script } from './script.ts';

export interface SippOptions {
  /** `uac`, `uas` (built in), the name of a file in `sipp/scenarios/`, or a script. */
  readonly scenario: string | Script;
  /** Whom to call; none for a scenario that is called. */
  readonly target?: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
  readonly user?: string;
  /** Where it is itself; default any free port. */
  readonly port?: number;
  readonly transport?: 'udp' | 'tcp';
  readonly calls?: number;
  /** Calls per second. */
  readonly rate?: number;
  /** How long a call of the built-in scenario lasts, ms. */
  readonly pause?: number;
  /** Send RTP back as it comes. */
  readonly rtpEcho?: boolean;
  readonly args?: readonly string[];
}

export interface SippResult {
  readonly code: number | null;
  readonly created: number;
  readonly successful: number;
  readonly failed: number;
  /** Messages that the scenario has no place for. */
  readonly unexpected: number;
  readonly retransmissions: number;
}

/** What a run without any fault looks like, apart from retransmissions: those depend on the machine. */
export function allWell(calls: number): Omit<SippResult, 'retransmissions'> {
  return { code: 0, created: calls, successful: calls, failed: 0, unexpected: 0 };
}

const builtIn = new Set(['uac', 'uas']);
const scenarios = fileURLToPath(new URL('../sipp/scenarios/', import.meta.url));

export class Sipp implements AsyncDisposable {
  readonly port: number;
  readonly program: Program;
  readonly #folder: Folder;

  private constructor(port: number, program: Program, folder: Folder) {
    this.port = port;
    this.program = program;
    this.#folder = folder;
  }

  /** Resolves when its port is bound. */
  static async start(options: SippOptions): Promise<Sipp> {
    for (let attempt = 1; ; attempt++) {
      const [folder, port] = [await temporaryFolder(), options.port ?? (await freePort())];
      const sipp = new Sipp(
        port,
        new Program('sipp', await argumentsOf(options, port, folder), { cwd: folder.path }),
        folder,
      );
      try {
        await sipp.program.until('bound', () => isBound(options.transport ?? 'udp', port) || sipp.#finished);
        return sipp;
      } catch (error) {
        await sipp[Symbol.asyncDispose]();
        if (attempt === 5) throw error;
      }
    }
  }

  get #finished(): boolean {
    return this.program.hasEnded && !/bind|in use/i.test(this.program.stderr);
  }

  /** Waits for its end. */
  async result(timeoutMs = 90_000): Promise<SippResult> {
    const { code } = await this.program.ended(timeoutMs);
    const read = (name: string): Promise<string> => readFile(join(this.#folder.path, name), 'latin1');
    const files = await readdir(this.#folder.path);
    const [stat, counts] = [files.find((f) => f === 'stat.csv'), files.find((f) => f.endsWith('_counts.csv'))];
    if (!stat || !counts) throw new Error(`${this.program.name}: ${code}, no statistics\n${this.program.output}`);
    const total = lastRow(await read(stat));
    const perMessage = lastRow(await read(counts));
    const sum = (end: string): number => {
      const values = [...perMessage].filter(([name]) => name.endsWith(end)).map(([, value]) => Number(value));
      return values.reduce((all, value) => all + value, 0);
    };
    const of = (name: string): number => Number(total.get(name) ?? Number.NaN);
    return {
      code,
      created: of('TotalCallCreated'),
      successful: of('SuccessfulCall(C)'),
      failed: of('FailedCall(C)'),
      unexpected: sum('_Unexp') + of('OutOfCallMsgs(C)'),
      retransmissions: of('Retransmissions(C)'),
    };
  }

  /** What it wrote of messages it did not expect. */
  async complaints(): Promise<string> {
    const name = (await readdir(this.#folder.path)).find((file) => file.endsWith('_errors.log'));
    return name ? readFile(join(this.#folder.path, name), 'latin1') : '';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program[Symbol.asyncDispose]();
    await this.#folder[Symbol.asyncDispose]();
  }
}

async function argumentsOf(options: SippOptions, port: number, folder: Folder): Promise<string[]> {
  const {
    scenario,
    target,
    host = '127.0.0.1',
    user,
    transport = 'udp',
    calls = 1,
    rate = 10,
    pause,
    rtpEcho,
    args = [],
  } = options;
  return [
    ...(await scenarioOf(scenario, folder)),
    ...(target === undefined ? [] : [`${host}:${target}`]),
    ...(user === undefined ? [] : ['-s', user]),
    ...(pause === undefined ? [] : ['-d', String(pause)]),
    ...(rtpEcho ? ['-rtp_echo'] : []),
    ...['-t', transport === 'tcp' ? 't1' : 'u1'],
    ...['-i', '127.0.0.1', '-p', String(port), '-mi', '127.0.0.1', '-mp', String(await freePort())],
    ...['-m', String(calls), '-r', String(rate)],
    ...['-nostdin', '-trace_stat', '-stf', 'stat.csv', '-fd', '1', '-trace_counts', '-trace_err'],
    ...args,
  ];
}

async function scenarioOf(scenario: string | Script, folder: Folder): Promise<string[]> {
  if (typeof scenario === 'string')
    return builtIn.has(scenario) ? ['-sn', scenario] : ['-sf', join(scenarios, `${scenario}.xml`)];
  await writeFile(folder.file('scenario.xml'), String(scenario));
  return ['-sf', folder.file('scenario.xml')];
}

/** Runs a scenario to its end. */
export async function runSipp(options: SippOptions): Promise<SippResult & { readonly complaints: string }> {
  await using sipp = await Sipp.start(options);
  const result = await sipp.result();
  return { ...result, complaints: (await sipp.complaints()).slice(0, 4000) };
}

/** The last line of a table with `;` between its cells, by the names of the first. */
function lastRow(csv: string): Map<string, string> {
  const lines = csv.trim().split('\n');
  const names = (lines[0] ?? '').split(';');
  const cells = (lines.at(-1) ?? '').split(';');
  return new Map(names.map((name, index) => [name, cells[index] ?? '']));
}

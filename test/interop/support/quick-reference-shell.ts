/** The shell in which the command blocks of the dialog module's quick reference run as they stand there. */
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { type Folder, temporaryFolder } from './folder.ts';
import { Program, root, run } from './process.ts';
import type { TandemServer } from './tandem.ts';

export type Face = 'kamcmd' | 'quickref';

/** A shell in which the commands of the quick reference mean this server. */
export class Shell implements AsyncDisposable {
  readonly #folder: Folder;
  readonly #environment: NodeJS.ProcessEnv;

  private constructor(folder: Folder, environment: NodeJS.ProcessEnv) {
    this.#folder = folder;
    this.#environment = environment;
  }

  static async open(server: TandemServer, face: Face): Promise<Shell> {
    const folder = await temporaryFolder();
    const kamcmd = (await run('sh', ['-c', 'command -v kamcmd'])).stdout.trim();
    const tandem = `'${process.execPath}' '${join(root, 'bin', 'tandem.js')}'`;
    await mkdir(folder.file('bin'));
    const commands: Readonly<Record<string, string>> = {
      sudo: `case "$2" in exec) shift 3; exec "$@" ;; logs) exec cat "$LOG" ;; esac; exit 127`,
      kamcmd:
        face === 'kamcmd' ? `exec '${kamcmd}' -s '${server.control}' "$@"` : `exec ${tandem} "$@" --format quickref`,
      tandem: `exec ${tandem} "$@"`,
      // The command of Terminal 1, once.
      watch: 'shift 2; exec sh -c "$1"',
    };
    for (const [name, text] of Object.entries(commands)) {
      await writeFile(folder.file(`bin/${name}`), `#!/bin/sh\n${text}\n`);
      await chmod(folder.file(`bin/${name}`), 0o755);
    }
    return new Shell(folder, {
      ...process.env,
      PATH: `${folder.file('bin')}:${process.env.PATH}`,
      TANDEM_CTL: server.control,
      LOG: folder.file('log'),
    });
  }

  /** What it prints. */
  async run(block: string, server?: TandemServer): Promise<string> {
    if (server) await writeFile(this.#folder.file('log'), server.program.stderr);
    await using program = new Program('bash', ['-e', '-c', block], { cwd: root, env: this.#environment });
    const { code } = await program.ended(30_000);
    expect({ block, code, stderr: program.stderr }).toEqual({ block, code: 0, stderr: '' });
    return program.stdout;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#folder[Symbol.asyncDispose]();
  }
}

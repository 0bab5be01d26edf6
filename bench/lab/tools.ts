/** The C tools that Tandem is measured with and against; they are not part of this package. */
import { execFile } from 'node:child_process';
import { access, constants, mkdir, readFile, stat } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const names = ['callload', 'cecho', 'loadgen', 'relay'] as const;
/** `callload` and `loadgen` make the load; `cecho` and `relay` are the yardsticks. */
export type Tools = Readonly<Record<(typeof names)[number], string>>;

/** What cannot be measured here, and why: one line, exit status 2. */
export class BenchUnavailable extends Error {}

const run = promisify(execFile);

/**
 * Finds each tool in `folder` as a program, or as a C source, which is compiled into a folder for temporary files.
 * @throws BenchUnavailable
 */
export async function findTools(folder = process.env.TANDEM_BENCH_TOOLS): Promise<Tools> {
  const wanted = 'callload, cecho, loadgen and relay (programs or their .c files)';
  if (!folder) throw new BenchUnavailable(`name the folder with ${wanted}: --tools <folder> or TANDEM_BENCH_TOOLS`);
  const found: [string, string][] = [];
  for (const name of names) {
    const program = resolve(folder, name);
    const source = `${program}.c`;
    if (await isProgram(program)) found.push([name, program]);
    else if (await exists(source)) found.push([name, await compile(name, source)]);
    else throw new BenchUnavailable(`${resolve(folder)} has no ${name}: the folder with ${wanted} is needed`);
  }
  return Object.fromEntries(found) as Tools;
}

/** Compiles unless an earlier run did. @throws BenchUnavailable */
export async function compile(name: string, source: string, libraries: readonly string[] = []): Promise<string> {
  const folder = join(tmpdir(), `tandem-bench-${userInfo().uid}`);
  await mkdir(folder, { recursive: true });
  const program = join(folder, name);
  if ((await isProgram(program)) && (await stat(program)).mtimeMs > (await stat(source)).mtimeMs) return program;
  const math = (await readFile(source, 'utf8')).includes('<math.h>') ? ['-lm'] : [];
  try {
    await run('gcc', ['-O2', '-w', '-o', program, source, ...math, ...libraries]);
  } catch (error) {
    throw new BenchUnavailable(`cannot compile ${source}: ${String((error as Error).message).split('\n')[0]}`);
  }
  return program;
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

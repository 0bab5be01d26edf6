/** Where and when figures were taken. */
import { existsSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';
import { BenchUnavailable } from './tools.ts';

/** @throws BenchUnavailable where the bench cannot run. */
export function requireMachine(): void {
  if (process.platform !== 'linux') throw new BenchUnavailable('the bench needs Linux: it reads CPU times from /proc');
  if (availableParallelism() < 2)
    throw new BenchUnavailable('the bench needs two cores: one for the server, one for the load');
  for (const program of ['/usr/bin/taskset', '/bin/bash'])
    if (!existsSync(program)) throw new BenchUnavailable(`the bench needs ${program}`);
}

export function describeMachine(line: string): string {
  const model = cpus()[0]?.model ?? 'unknown processor';
  const built = existsSync(new URL('../../dist/src/index.js', import.meta.url)) ? 'dist/' : 'src/, types stripped';
  return [
    `${model}, ${cpus().length} cores, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Linux ${release()},`,
    `Node.js ${process.version} (Tandem from ${built}); ${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC,`,
    `load average ${loadavg()[0]?.toFixed(2)} at the start. Command: \`${line}\`.`,
  ].join('\n');
}

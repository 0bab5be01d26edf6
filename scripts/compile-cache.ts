/**
 * Our sources with their types stripped, for all processes and threads that tests start. Each would do it for itself
 * otherwise, which takes a second; and by Node.js' WebAssembly module for that, whose code V8 frees twice now and then
 * when threads come and go by the dozen: "Check failed: jit_page.has_value()", or SIGSEGV (nodejs/node#64500).
 */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** For `NODE_COMPILE_CACHE`. */
export const compileCache = fileURLToPath(new URL('../node_modules/.cache/tandem-test', import.meta.url));

/** Of processes that start threads by the dozen. On CPUs with memory protection keys the same is noticed more often. */
export const threadFlags = ['--no-memory-protection-keys'];

export function fillCompileCache(): void {
  const sources = globSync('{src,media}/**/*.ts', { cwd: root, exclude: ['src/console/web/**'] });
  const urls = sources.map((path) => new URL(`../${path}`, import.meta.url).href);
  // Entries of threads fail, once they are compiled.
  const script = `await Promise.allSettled(${JSON.stringify(urls)}.map((url) => import(url))); process.exit();`;
  // A process finds what one with its flags has left.
  for (const flags of [[], threadFlags]) {
    const { status, stderr } = spawnSync(process.execPath, [...flags, '--input-type=module', '--eval', script], {
      env: { ...process.env, NODE_COMPILE_CACHE: compileCache },
      encoding: 'utf8',
      timeout: 60_000,
    });
    if (status !== 0) throw new Error(`the sources cannot be compiled: ${stderr}`);
  }
}

/**
 * Strips the types of what threads run once, before any test. Each thread would do it for itself otherwise, by Node.js'
 * WebAssembly module for that; and when threads come and go by the dozen, V8 frees code of such modules twice, which all
 * threads share: "Check failed: jit_page.has_value()", or SIGSEGV (nodejs/node#64500). A server fills such a cache too.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const threads = [
  'media/host/engine-thread',
  'media/prompt/decode-worker',
  'media/recorder/recorder-worker',
  'src/recovery/journal/journal-worker',
  'src/store/adapters/sqlite-thread',
].map((name) => new URL(`../../${name}.ts`, import.meta.url).href);

/** Of processes that start threads. On CPUs with memory protection keys the same is noticed more often. */
export const threadFlags = ['--no-memory-protection-keys'];

/** For `NODE_COMPILE_CACHE`. The flags of the process are part of a cache's key. */
export const compileCache = fileURLToPath(new URL('../../node_modules/.cache/tandem-test', import.meta.url));

export default function fillCompileCache(): void {
  // What is imported is compiled with all that it imports, although little of it runs outside a thread.
  const script = `await Promise.allSettled(${JSON.stringify(threads)}.map((url) => import(url))); process.exit();`;
  const { status, stderr } = spawnSync(process.execPath, [...threadFlags, '--input-type=module', '--eval', script], {
    env: { ...process.env, NODE_COMPILE_CACHE: compileCache },
    encoding: 'utf8',
    timeout: 60_000,
  });
  if (status !== 0) throw new Error(`the code of threads cannot be compiled: ${stderr}`);
}

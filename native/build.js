// Compiles udp-io.c, for the Node.js of any version that has Node-API. Plain JavaScript, since npm runs it where the
// package is installed. The addon is optional: as `postinstall` this prints one line and never fails.
import { spawnSync } from 'node:child_process';
import { renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const target = join(here, 'udp-io.node');
// Written aside first: a running Tandem has the old one mapped.
const fresh = join(here, `udp-io.${process.pid}.node`);

/** @returns what is in the way, or undefined when it is built */
function build() {
  if (process.platform !== 'linux') return `it is for Linux, this is ${process.platform}`;
  let headers;
  try {
    headers = createRequire(import.meta.url)('node-api-headers').include_dir;
  } catch {
    return 'the package node-api-headers is missing';
  }
  const compiler = process.env.CC || 'cc';
  const flags = ['-shared', '-fPIC', '-O2', '-std=gnu11', '-Wall', '-Wextra', '-fvisibility=hidden', '-I', headers];
  const { error, status, stderr } = spawnSync(compiler, [...flags, '-o', fresh, join(here, 'udp-io.c')], {
    encoding: 'utf8',
  });
  if (error) return `there is no C compiler (${compiler}: ${error.code})`;
  if (status !== 0) return `${compiler} failed: ${stderr.trim().split('\n')[0]}`;
  try {
    createRequire(import.meta.url)(fresh);
  } catch (failure) {
    return `it cannot be loaded: ${failure.message.split('\n')[0]}`;
  }
  renameSync(fresh, target);
  return undefined;
}

let problem;
try {
  problem = build();
} catch (failure) {
  problem = failure.message;
} finally {
  rmSync(fresh, { force: true });
}
if (problem === undefined) console.log(`tandem: native RTP sockets are built: ${target}`);
else if (process.argv.includes('--required')) {
  console.error(`tandem: native RTP sockets cannot be built: ${problem}`);
  process.exitCode = 1;
} else console.log(`tandem: no native RTP sockets, node:dgram serves instead: ${problem}`);

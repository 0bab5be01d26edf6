// Compiles the addons of this folder, for the Node.js of any version that has Node-API. Plain JavaScript, since npm runs it
// where the package is installed. They are optional: as `postinstall` this prints one line and never fails.
import { spawnSync } from 'node:child_process';
import { renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const addons = ['udp-io', 'unix-datagram'];
const target = (name) => join(here, `${name}.node`);
// Written aside first: a running Tandem has the old one mapped.
const fresh = (name) => join(here, `${name}.${process.pid}.node`);

/** @returns what is in the way, or undefined when it is built */
function build(name) {
  if (process.platform !== 'linux') return `it is for Linux, this is ${process.platform}`;
  let headers;
  try {
    headers = createRequire(import.meta.url)('node-api-headers').include_dir;
  } catch {
    return 'the package node-api-headers is missing';
  }
  const compiler = process.env.CC || 'cc';
  const flags = ['-shared', '-fPIC', '-O2', '-std=gnu11', '-Wall', '-Wextra', '-fvisibility=hidden', '-I', headers];
  const { error, status, stderr } = spawnSync(compiler, [...flags, '-o', fresh(name), join(here, `${name}.c`)], {
    encoding: 'utf8',
  });
  if (error) return `there is no C compiler (${compiler}: ${error.code})`;
  if (status !== 0) return `${compiler} failed: ${stderr.trim().split('\n')[0]}`;
  try {
    createRequire(import.meta.url)(fresh(name));
  } catch (failure) {
    return `it cannot be loaded: ${failure.message.split('\n')[0]}`;
  }
  renameSync(fresh(name), target(name));
  return undefined;
}

/** The first says what most people build them for; the second is for `kamcmd -s unixd:` alone. */
const problems = addons.map((name) => {
  try {
    return build(name);
  } catch (failure) {
    return failure.message;
  } finally {
    rmSync(fresh(name), { force: true });
  }
});
const [problem, other] = problems;
const without = other === undefined ? '' : ` (unix datagrams are not: ${other})`;
if (problem === undefined) console.log(`tandem: native RTP sockets are built: ${target(addons[0])}${without}`);
else if (process.argv.includes('--required')) {
  console.error(`tandem: native RTP sockets cannot be built: ${problem}`);
  process.exitCode = 1;
} else console.log(`tandem: no native RTP sockets, node:dgram serves instead: ${problem}`);

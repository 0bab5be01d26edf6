#!/usr/bin/env node
// The command. Plain JavaScript of 2015, so that an old Node.js can read it and say what it lacks.
import { existsSync, readFileSync } from 'node:fs';
import module from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

if (Number(process.versions.node.split('.')[0]) < 24) {
  process.stderr.write(`tandem needs Node.js 24 or newer; this is ${process.version}\n`);
  process.exit(1);
}

// What was compiled once need not be again: a server that crashed is back in half the time. Threads read the variable.
// It is written while the process runs, as one that is killed writes nothing.
if (module.enableCompileCache && !process.env.NODE_DISABLE_COMPILE_CACHE) {
  module.enableCompileCache();
  const folder = module.getCompileCacheDir();
  if (folder) {
    process.env.NODE_COMPILE_CACHE ??= folder;
    setTimeout(() => module.flushCompileCache(), 5000).unref();
  }
}

// A clone runs from src/ by type stripping; the published package has dist/, as Node strips no types under node_modules.
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const built = join(root, 'dist', 'src', 'cli', 'main.js');
const main = existsSync(built) ? built : join(root, 'src', 'cli', 'main.ts');

const fail = (error) => {
  const text = process.argv.includes('--debug') ? error.stack : String(error.message).split('\n')[0];
  process.stderr.write(`tandem: ${text}\n`);
  process.exit(1);
};
import(pathToFileURL(main).href)
  .then((cli) => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    return cli.main({ argv: process.argv.slice(2), root, version });
  })
  .catch(fail);

/**
 * `npm test`: every test this machine can run. `--long` adds the `*.long.test.ts`; everything else
 * on the command line goes to vitest. It never installs: `npm run test:setup` does.
 */
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fillCompileCache } from './compile-cache.ts';
import { missingPeers } from './peers.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
const given = process.argv.slice(2);
const long = given.includes('--long');
const missing = missingPeers();

if (missing.length > 0) {
  const names = missing.join(', ');
  if (process.env.CI === '1' || process.env.CI === 'true') {
    process.stderr.write(`missing: ${names} (npm run test:setup installs them)\n`);
    process.exit(1);
  }
  process.stderr.write(`missing: ${names}; their tests are left out (npm run test:setup installs them)\n`);
}

fillCompileCache();
const child = spawn(process.execPath, [vitest, 'run', ...given.filter((argument) => argument !== '--long')], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, ...(long ? { TANDEM_TEST_LONG: '1' } : {}) },
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
child.on('close', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)));

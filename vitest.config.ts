import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { compileCache, threadFlags } from './scripts/compile-cache.ts';
import { missingPeers, type Peer } from './scripts/peers.ts';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const long = process.env.TANDEM_TEST_LONG === '1';
/** A test that needs another program carries its name in its path: `test/interop/sipp/…`, `…/sipp-and-baresip.test.ts`. */
const needs = (peer: Peer): string[] => [`test/interop/**/*${peer}*`, `test/interop/**/*${peer}*/**`];
const notLong = long ? [] : ['**/*.long.test.ts'];
/** Tests that let `TANDEM_TEST_WORKERS` say how many media threads there are. */
const withMedia = readdirSync(path('./test'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.ts') && !name.startsWith('interop'))
  .map((name) => `test/${name}`)
  .filter((name) => /\b(openTandem|testWorkers)\b/.test(readFileSync(path(name), 'utf8')));

const unit = {
  pool: 'forks' as const,
  // These processes start and stop media threads by the dozen.
  execArgv: threadFlags,
  // Many wait for processes of their own: a core that is left to nobody would idle.
  maxWorkers: '100%',
  testTimeout: 20_000,
  hookTimeout: 20_000,
  // One process runs many files, and loads the sources once.
  isolate: false,
};

/** They replace modules, or need some not to be loaded yet: each has a process of its own. */
const isolated = ['testing/clock', 'testing/hearing/ear', 'media/sdp/more-codecs'].map(
  (name) => `test/${name}.test.ts`,
);

const inInterop = (names: readonly string[]): string[] => names.map((name) => `test/interop/${name}`);
/** Phones by others that hear in real time, each with a sound card of its own to keep up with. */
const listening = inInterop([
  'baresip/*.test.ts',
  'kamailio-and-sipp-and-baresip/*.test.ts',
  'chromium/baresip.test.ts',
]);
/** They take all that the machine has. */
const alone = inInterop([
  'flood.test.ts',
  'attacks.test.ts',
  'killed.test.ts',
  'recovery/crowd.test.ts',
  'sipp/overload.test.ts',
]);

const interop = (name: string, include: string[], exclude: readonly string[], maxWorkers: number, order: number) => ({
  extends: true as const,
  test: {
    name,
    include,
    exclude: [...exclude, ...missingPeers().flatMap(needs)],
    pool: 'forks' as const,
    globalSetup: path('./test/interop/support/pages.ts'),
    maxWorkers,
    testTimeout: long ? 600_000 : 120_000,
    hookTimeout: 60_000,
    sequence: { groupOrder: order },
  },
});

// `npm test` has filled it.
process.env.NODE_COMPILE_CACHE ??= compileCache;

export default defineConfig({
  test: {
    reporters: ['default', path('./scripts/totals-reporter.ts')],
    // A busy machine may take seconds for what is usually there at once; what never comes is found as surely.
    expect: { poll: { timeout: 15_000 } },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts', 'examples/**/*.test.ts'],
          exclude: ['test/interop/**', ...notLong, ...isolated],
          sequence: { groupOrder: 0 },
          ...unit,
        },
      },
      {
        extends: true,
        test: { name: 'unit-isolated', include: isolated, sequence: { groupOrder: 0 }, ...unit, isolate: true },
      },
      // The same once more with media in threads of its own.
      ...[1, 2].map((workers) => ({
        extends: true as const,
        test: {
          name: `workers-${workers}`,
          include: withMedia,
          exclude: notLong,
          env: { TANDEM_TEST_WORKERS: String(workers), TANDEM_TEST_IO: workers === 1 ? 'dgram' : 'auto' },
          sequence: { groupOrder: workers },
          ...unit,
        },
      })),
      // Mostly they wait for audio to be heard, or for a timer.
      interop('interop', ['test/interop/**/*.test.ts'], [...notLong, ...listening, ...alone], 2, 3),
      interop('interop-listening', listening, notLong, 2, 4),
      interop('interop-alone', alone, notLong, 1, 5),
    ],
  },
  resolve: {
    alias: [
      { find: /^tandem$/, replacement: path('./src/index.ts') },
      { find: /^tandem\/media$/, replacement: path('./media/index.ts') },
      { find: /^tandem\/testing$/, replacement: path('./src/testing/index.ts') },
    ],
  },
});

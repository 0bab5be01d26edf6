import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runTandem, TemporaryFolder } from '../helpers/cli.ts';

describe('tandem serve says in one line what is wrong with a script', () => {
  it.each([
    ['that is not there', undefined, /^tandem: there is no script \/.*\/ivr\.ts\n$/],
    ['with a syntax error', 'const x = 1;\nconst = 3;\n', /^tandem: ivr\.ts cannot be loaded: .+\n$/],
    [
      'with syntax that cannot be stripped',
      'enum A { B }\nexport default () => {};\n',
      /^tandem: ivr\.ts cannot be loaded: .*enum.*\n$/,
    ],
    [
      'that throws',
      'export {};\nthrow new Error("no disk");\n',
      /^tandem: ivr\.ts cannot be loaded: ivr\.ts:2: no disk\n$/,
    ],
    ['that misses a module', 'import "./helper.ts";\n', /^tandem: ivr\.ts cannot be loaded: .*helper\.ts.*\n$/],
    ['without a default export', 'export const x = 1;\n', /^tandem: ivr\.ts has no default export: .+\n$/],
    ['that exports something else', 'export default 3;\n', /^tandem: ivr\.ts must export a function by default.+\n$/],
    ['without call', 'export default { start() {} };\n', /^tandem: ivr\.ts must export a function by default.+\n$/],
    ['with a broken hook', 'export default { call() {}, stop: 3 };\n', /^tandem: ivr\.ts: stop is no function\n$/],
  ])('%s', async (_, source, line) => {
    using folder = new TemporaryFolder();
    if (source !== undefined) writeFileSync(folder.file('ivr.ts'), source);
    const { status, stdout, stderr } = await runTandem(['serve', 'ivr.ts'], { cwd: folder.path });
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(line);
  });
});

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { described, licensedPackages, ownPackages, unclear } from '../../scripts/licences.ts';
import { root } from '../helpers/cli.ts';

describe('licences', () => {
  it('are all ones that were looked at, and listed', () => {
    const packages = ownPackages();
    expect(unclear(packages)).toEqual([]);
    expect(readFileSync(join(root, 'docs', 'licences.md'), 'utf8')).toBe(described(packages));
  });

  it('count as shipped for dependencies, and for databases with all that they need', () => {
    const lock = {
      '': { version: '1' },
      'node_modules/a': { version: '1', license: 'MIT' },
      'node_modules/db': { version: '1', license: 'MIT', dev: true, dependencies: { x: '2' } },
      'node_modules/db/node_modules/x': { version: '2', license: 'ISC', dev: true },
      'node_modules/x': { version: '1', license: 'ISC', dev: true, dependencies: { b: '1' } },
      'node_modules/b': { version: '1', license: 'MIT', dev: true },
    };
    const shipped = licensedPackages(lock, ['db']).filter((one) => one.shipped);
    expect(shipped.map(({ name, version }) => `${name}@${version}`)).toEqual(['a@1', 'db@1', 'x@2']);
  });

  it.each([
    ['MIT', true],
    ['(MIT OR GPL-3.0-only)', true],
    ['MIT AND ISC', true],
    ['MIT AND GPL-3.0-only', false],
    ['GPL-3.0-only', false],
    ['AGPL-3.0-or-later', false],
    ['SEE LICENSE IN x', false],
    ['unknown', false],
  ])('%s is clear: %s', (licence, clear) => {
    expect(unclear([{ name: 'a', version: '1', licence, shipped: true }])).toHaveLength(clear ? 0 : 1);
  });
});

/** docs/system.md: its steps make examples/office.yaml, and all that stands in it is good. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/sources.ts';
import { readYaml } from '../../src/config/yaml-file.ts';
import { targetKinds } from '../../src/routes/target.ts';
import { root } from '../helpers/cli.ts';

const page = readFileSync(join(root, 'docs', 'system.md'), 'utf8');
const office = readFileSync(join(root, 'examples', 'office.yaml'), 'utf8');
const blocks = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text = '']) => text);
const steps = blocks.slice(0, -1);

function load(text: string) {
  return loadConfig({
    flags: new Map(),
    environment: {},
    file: { path: 'office.yaml', text },
    readSecret: () => '',
    exists: (path) => path.startsWith('builtin:') || path.includes('address'),
  });
}

describe('docs/system.md', () => {
  it('makes examples/office.yaml, step by step', () => {
    expect(readYaml(steps.join('')).value).toEqual(readYaml(office).value);
    expect(load(office).warnings).toEqual([]);
  });

  it('has a menu with everything', () => {
    const rest = readYaml(office).value as object;
    const { menus } = readYaml(blocks.at(-1) as string).value as { menus: object };
    const { warnings } = load(JSON.stringify({ ...rest, menus }));
    expect(warnings).toEqual([]);
  });

  it('names every target', () => {
    for (const kind of Object.keys(targetKinds)) expect(page).toMatch(new RegExp(`\`${kind}: `));
  });
});

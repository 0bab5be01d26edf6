/**
 * What scripts rely on. A change here is a change of the contract: it needs a line in the changelog.
 * (What TypeScript calls protected shows up too: JavaScript can reach it.)
 */
import { describe, expect, it } from 'vitest';
import * as tandem from '../src/index.ts';

type Class = { readonly prototype: object };

/** Methods and accessors of a class, its base classes' too. */
function members(type: Class): string[] {
  const names = new Set<string>();
  for (let at: object | null = type.prototype; at && at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const name of Object.getOwnPropertyNames(at)) names.add(name);
  }
  names.delete('constructor');
  return [...names].sort();
}

const exported = Object.entries(tandem);
const classes = exported.filter(([name, value]) => typeof value === 'function' && /^[A-Z](?!.*Error$)/.test(name));

describe('the public names', () => {
  it('of the package', () => {
    expect(exported.map(([name]) => name).sort()).toMatchSnapshot();
  });

  it.each(classes)('of %s', (_, type) => {
    expect(members(type as unknown as Class)).toMatchSnapshot();
  });
});

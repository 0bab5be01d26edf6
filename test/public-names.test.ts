/**
 * What scripts rely on. A change here is a change of the contract: it needs a line in the changelog.
 * (What TypeScript calls protected shows up too: JavaScript can reach it.)
 */
import { describe, expect, it } from 'vitest';
import * as tandem from '../src/index.ts';
import * as testing from '../src/testing/index.ts';

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

const isClass = ([name, value]: [string, unknown]): boolean =>
  typeof value === 'function' && /^[A-Z](?!.*Error$)/.test(name);

describe.each([
  ['tandem', tandem],
  ['tandem/testing', testing],
])('the public names of %s', (_, module) => {
  const exported = Object.entries(module) as [string, unknown][];

  it('are these', () => {
    expect(exported.map(([name]) => name).sort()).toMatchSnapshot();
  });

  it.each(exported.filter(isClass))('of %s', (_, type) => {
    expect(members(type as Class)).toMatchSnapshot();
  });
});

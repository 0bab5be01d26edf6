/** What variables and files may set is what the JSON Schema, which editors are given, says of it. */
import { expect, it } from 'vitest';
import type { JsonSchema } from '../../src/config/json-schema.ts';
import { leaves } from '../../src/config/leaves.ts';
import { configJsonSchema } from '../../src/config/schema.ts';

it('has the settings of the JSON Schema, in its order', () => {
  const described = (node: JsonSchema, path: string): string[] =>
    node.properties
      ? Object.entries(node.properties).flatMap(([key, child]) => described(child, path ? `${path}.${key}` : key))
      : [path];
  expect([...leaves.keys()]).toEqual(described(configJsonSchema(), ''));
});

it.each([
  ['userAgent', 'string'],
  ['drainTimeout', 'number'],
  ['media.rtcpMux', 'boolean'],
  ['registry.sendBye', 'boolean'],
  ['listen', 'list'],
  ['users', 'object'],
])('%s is read as a %s', (path, type) => expect(leaves.get(path)).toBe(type));

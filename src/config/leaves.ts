/** Which settings there are, and what a variable's text is read as. */
import { z } from 'zod';
import { configSchema } from './schema.ts';

export type LeafType = 'string' | 'number' | 'boolean' | 'list' | 'object';

/** Every setting by its path, in the order of the schema. */
export const leaves: ReadonlyMap<string, LeafType> = new Map(leavesOf(configSchema, ''));

function leavesOf(node: z.core.$ZodType, path: string): [string, LeafType][] {
  const type = given(node);
  if (!(type instanceof z.ZodObject)) return [[path, typeOf(type)]];
  return Object.entries(type.shape).flatMap(([key, child]) => leavesOf(child, path ? `${path}.${key}` : key));
}

/** What may be given, where nothing need be. */
function given(node: z.core.$ZodType): z.core.$ZodType {
  if (node instanceof z.ZodPipe) return given(node.in);
  const isWrapped = node instanceof z.ZodOptional || node instanceof z.ZodDefault || node instanceof z.ZodPrefault;
  return isWrapped ? given(node.unwrap()) : node;
}

function typeOf(type: z.core.$ZodType): LeafType {
  // What has several forms is read as the richest of them.
  if (type instanceof z.ZodUnion) {
    const forms = type.options.map((form) => typeOf(given(form)));
    return (['list', 'boolean'] as const).find((one) => forms.includes(one)) ?? 'string';
  }
  if (type instanceof z.ZodArray) return 'list';
  if (type instanceof z.ZodObject || type instanceof z.ZodRecord) return 'object';
  if (type instanceof z.ZodBoolean) return 'boolean';
  return type instanceof z.ZodNumber ? 'number' : 'string';
}

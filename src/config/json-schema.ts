/** Looks into a JSON Schema: which keys there may be at a place. Pure. */
import type { KeyPath } from './issues.ts';

export interface JsonSchema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, JsonSchema>>;
}

/** Names of the settings at `path`; none where any name is good. */
export function keysAt(schema: unknown, path: KeyPath): string[] {
  const root = schema as JsonSchema;
  let nodes: readonly JsonSchema[] = formsOf(root, root);
  for (const step of path) nodes = nodes.flatMap((node) => inner(node, step)).flatMap((node) => formsOf(node, root));
  return [...new Set(nodes.flatMap((node) => Object.keys(node.properties ?? {})))];
}

function inner(node: JsonSchema, step: string | number): JsonSchema[] {
  if (typeof step === 'number') return node.items ? [node.items] : [];
  const named = node.properties && Object.hasOwn(node.properties, step) ? node.properties[step] : undefined;
  if (named) return [named];
  return typeof node.additionalProperties === 'object' ? [node.additionalProperties] : [];
}

/** What a node may be: of a union each, of a reference what it names. */
function formsOf(node: JsonSchema, root: JsonSchema): JsonSchema[] {
  if (node.$ref !== undefined) {
    const target = root.$defs?.[node.$ref.replace('#/$defs/', '')];
    return target ? formsOf(target, root) : [];
  }
  return [node, ...[...(node.anyOf ?? []), ...(node.allOf ?? [])].flatMap((one) => formsOf(one, root))];
}

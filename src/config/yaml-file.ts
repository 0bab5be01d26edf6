/** The configuration file as a tree, and where in it each setting stands. The only module that knows yaml. */
import { isMap, isNode, isPair, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument } from 'yaml';
import { ConfigError } from '../base/errors.ts';
import type { KeyPath } from './issues.ts';

export interface YamlFile {
  readonly value: unknown;
  /** Line and message of what is no YAML. */
  readonly errors: readonly { readonly line: number; readonly message: string }[];
  /** From 1: of the setting, else of the nearest that it would stand in. @param isKey the line of its name is meant */
  lineOf(path: KeyPath, isKey?: boolean): number;
  /** A plain value as it is written: `0049`. */
  sourceOf(path: KeyPath): string | undefined;
}

export function readYaml(text: string): YamlFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'silent' });
  const errors = document.errors.map(({ message, pos }) => ({
    line: lines.linePos(pos[0]).line,
    message: (message.split('\n')[0] as string).replace(/\.$/, ''),
  }));
  const lineAt = (node: unknown): number | undefined =>
    isNode(node) && node.range ? lines.linePos(node.range[0]).line : undefined;
  let value: unknown;
  try {
    value = errors.length > 0 ? undefined : document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    errors.push({ line: 1, message: (error as Error).message });
  }
  return {
    value,
    errors,
    lineOf: (path, isKey = false) => {
      let node: unknown = document.contents;
      let line = lineAt(node) ?? 1;
      for (const [at, step] of path.entries()) {
        const pair = pairAt(node, step);
        const next = pair?.value ?? (pair ? undefined : itemAt(node, step));
        const isLast = at === path.length - 1;
        // A block begins below its key: the key's line says more.
        const named = pair && (isKey || !isLast || !isScalar(next)) ? lineAt(pair.key) : lineAt(next);
        line = named ?? lineAt(next) ?? (pair ? lineAt(pair.key) : undefined) ?? line;
        if (!pair && next === undefined) break;
        node = next;
      }
      return line;
    },
    sourceOf: (path) => {
      let node: unknown = document.contents;
      for (const step of path) node = pairAt(node, step)?.value ?? itemAt(node, step);
      return isScalar(node) ? node.source : undefined;
    },
  };
}

/** The text of a configuration file with one setting changed; comments and order stay. @throws ConfigError for no YAML */
export function withSetting(text: string, path: string, value: unknown): string {
  const document = parseDocument(text);
  const [error] = document.errors;
  if (error) throw new ConfigError(`not changed, as it is no YAML: ${error.message}`);
  document.setIn(path.split('.'), value);
  return document.toString();
}

function pairAt(node: unknown, step: string | number): Pair | undefined {
  if (!isMap(node)) return undefined;
  return node.items.find((pair) => isPair(pair) && isScalar(pair.key) && String(pair.key.value) === String(step));
}

function itemAt(node: unknown, step: string | number): Node | undefined {
  if (!isSeq(node) || typeof step !== 'number') return undefined;
  const item = node.items[step];
  return isNode(item) ? item : undefined;
}

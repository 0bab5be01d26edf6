/** The configuration in effect: what can change in a server that runs is changed here. */
import { leaves } from '../config/leaves.ts';
import type { Config } from '../config/schema.ts';

export interface Live {
  readonly config: Config;
}

/** Settings, and sections of them, that a running server takes over; everything else needs a restart. */
const changeable = [
  'users',
  'trunks',
  'routes',
  'menus',
  'calendar',
  'ringGroups',
  'queues',
  'voicemail',
  'parking',
  'origins',
  'log.level',
  'drainTimeout',
  'tls.cert',
  'tls.key',
  'tls.names',
  'tls.ca',
  'tls.clients',
  'remote.park',
  'remote.timeout',
  'remote.answer',
];

export interface Changes {
  /** Settings that differ and can change, by their paths. */
  readonly live: readonly string[];
  /** Those that differ and cannot. */
  readonly restart: readonly string[];
  /** The configuration in effect with those that can. */
  readonly config: Config;
}

/** @param before in effect @param after as the file has it now */
export function changesOf(before: Config, after: Config): Changes {
  const differ = [...leaves.keys()].filter((path) => !isSame(at(before, path), at(after, path)));
  const canChange = (path: string): boolean => {
    // Who has no users has no registrar, either.
    if (path === 'users' && isEmpty(before.users) !== isEmpty(after.users)) return false;
    return changeable.some((one) => path === one || path.startsWith(`${one}.`));
  };
  const live = differ.filter(canChange);
  const config = structuredClone(before);
  for (const path of live) put(config, path.split('.'), at(after, path));
  return { live, restart: differ.filter((path) => !canChange(path)), config };
}

function at(tree: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((node, key) => (node as Record<string, unknown> | undefined)?.[key], tree);
}

function put(tree: object, [first = '', ...rest]: readonly string[], value: unknown): void {
  const node = tree as Record<string, unknown>;
  if (rest.length > 0) put(node[first] as object, rest, value);
  else if (value === undefined) delete node[first];
  else node[first] = value;
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function isEmpty(section: object): boolean {
  return Object.keys(section).length === 0;
}

/** `tandem config`: the settings in effect and where each came from. */
import { isSecret } from '../config/issues.ts';
import { configJsonSchema } from '../config/schema.ts';
import { loadSettings } from './settings.ts';

export interface ConfigCommandOptions {
  readonly config?: string;
  readonly json?: boolean;
  readonly schema?: boolean;
}

/** @param root folder of this package */
export async function showConfig(options: ConfigCommandOptions, root: string): Promise<number> {
  if (options.schema) {
    print(configJsonSchema());
    return 0;
  }
  const flags = options.config === undefined ? {} : { config: options.config };
  const { config, origins, warnings } = loadSettings(flags, { root });
  for (const warning of warnings) process.stderr.write(`tandem: ${warning}\n`);
  const rows = [...origins].map(([key, origin]) => ({ key, value: shown(key, valueAt(config, key)), origin }));
  if (options.json) {
    print(Object.fromEntries(rows.map(({ key, value, origin }) => [key, { value: value ?? null, from: origin }])));
    return 0;
  }
  const cells = rows.map(({ key, value, origin }) => [key, value === undefined ? '-' : JSON.stringify(value), origin]);
  const width = (column: number): number => Math.max(...cells.map((row) => row[column]?.length ?? 0));
  const [first, second] = [width(0), width(1)];
  for (const [key = '', value = '', origin = ''] of cells)
    process.stdout.write(`${key.padEnd(first)}  ${value.padEnd(second)}  ${origin}\n`);
  return 0;
}

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

function valueAt(tree: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((node, key) => (node as Record<string, unknown> | undefined)?.[key], tree);
}

/** @param key of the setting */
function shown(key: string, value: unknown): unknown {
  return value !== undefined && isSecret(key) ? '…' : masked(value);
}

/** Neither is a password in a URL (`postgres://tandem:…@db/tandem`) anybody's business, nor a private key. */
function masked(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(masked);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, isSecret(key) ? '…' : masked(one)]));
  if (typeof value !== 'string') return value;
  return value.includes('PRIVATE KEY-----') ? '…' : value.replace(/(\/\/[^/@:]*):[^/@]*@/, '$1:…@');
}

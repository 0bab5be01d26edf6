/** Where dialogs and call detail records are kept, and when they are written: Kamailio's parameters in camelCase. */
import { ConfigError } from '../base/errors.ts';
import { type DialogColumn, defaultDialogColumns, defaultVarsColumns, type VarsColumn } from './columns.ts';

/** When dialogs are written: never, at each change, every `updatePeriod`, or when the server ends. */
export type StoreMode = 'none' | 'realtime' | 'delayed' | 'shutdown';

export const storeModes: readonly StoreMode[] = ['none', 'realtime', 'delayed', 'shutdown'];

export interface StoreOptions {
  /** `sqlite:./data/tandem.db`, `postgres://user:password@host/database`, `mysql://…` (MariaDB too). */
  readonly url: string;
  /** Default `realtime`. With `none` only call detail records are written. */
  readonly mode?: StoreMode | undefined;
  /** Seconds between two writes in mode `delayed`; default 60. */
  readonly updatePeriod?: number | undefined;
  /** Rows that are read at once at the start; 0 for all; default 200. */
  readonly fetchRows?: number | undefined;
  /** Read nothing at the start. */
  readonly skipLoad?: boolean | undefined;
  /** Default `dialog`. */
  readonly tableName?: string | undefined;
  /** Other names for columns of it. */
  readonly columns?: Partial<Record<DialogColumn, string>> | undefined;
  /** Default `dialog_vars`. */
  readonly varsTableName?: string | undefined;
  readonly varsColumns?: Partial<Record<VarsColumn, string>> | undefined;
  /**
   * Which rows are ours, where several servers share a database: it has to be the same after a restart. Default: the
   * name of the machine, and `tandem` with SQLite.
   */
  readonly serverName?: string | undefined;
  /** Without the database there is no start. Default: the server goes on without it, and keeps trying. */
  readonly required?: boolean | undefined;
  /** Days for which call detail records are kept; 0, the default, for ever. */
  readonly cdrRetentionDays?: number | undefined;
  /** What is needed to go on with a call is sealed with it (AES-256-GCM): a passphrase, or 32 bytes. */
  readonly encryptionKey?: string | Uint8Array | undefined;
}

export interface StoreSettings {
  readonly mode: StoreMode;
  readonly updatePeriod: number;
  readonly fetchRows: number;
  readonly skipLoad: boolean;
  readonly tableName: string;
  readonly columns: Readonly<Record<DialogColumn, string>>;
  readonly varsTableName: string;
  readonly varsColumns: Readonly<Record<VarsColumn, string>>;
  readonly serverName: string | undefined;
  readonly required: boolean;
  readonly cdrRetentionDays: number;
}

/** @throws ConfigError */
export function storeSettings(options: StoreOptions): StoreSettings {
  const { mode = 'realtime', updatePeriod = 60, fetchRows = 200, skipLoad = false, serverName } = options;
  const { tableName = 'dialog', varsTableName = 'dialog_vars', required = false, cdrRetentionDays = 0 } = options;
  if (!storeModes.includes(mode)) throw new ConfigError(`store.mode is one of ${storeModes.join(', ')}, not ${mode}`);
  atLeast('updatePeriod', updatePeriod, 1);
  atLeast('fetchRows', fetchRows, 0);
  atLeast('cdrRetentionDays', cdrRetentionDays, 0);
  if (serverName !== undefined && !/^[!-~]{1,64}$/.test(serverName))
    throw new ConfigError('store.serverName is up to 64 letters, digits and signs, without a space');
  const columns = named('columns', defaultDialogColumns, options.columns);
  const varsColumns = named('varsColumns', defaultVarsColumns, options.varsColumns);
  for (const [key, name] of Object.entries({ tableName, varsTableName })) checkName(key, name);
  return {
    ...{ mode, updatePeriod, fetchRows, skipLoad, tableName, columns, varsTableName, varsColumns },
    ...{ serverName, required, cdrRetentionDays },
  };
}

function atLeast(key: string, value: number, least: number): void {
  if (!Number.isFinite(value) || value < least)
    throw new ConfigError(`store.${key} is a number from ${least} on, not ${value}`);
}

function checkName(key: string, name: string): void {
  if (!/^\w{1,60}$/.test(name))
    throw new ConfigError(`store.${key} is a name of letters, digits and _, not ${JSON.stringify(name)}`);
}

/** @throws ConfigError for a name that is none, or that two columns have */
function named<K extends string>(
  key: string,
  defaults: Readonly<Record<K, string>>,
  given: Partial<Record<K, string>> | undefined,
): Readonly<Record<K, string>> {
  const said = Object.entries(given ?? {}).filter(([, name]) => name !== undefined);
  const all = { ...defaults, ...Object.fromEntries(said) } as Record<K, string>;
  const names = Object.entries<string>(all);
  for (const [column, name] of names) {
    if (!(column in defaults)) throw new ConfigError(`store.${key}.${column} is no column`);
    checkName(`${key}.${column}`, name);
    const twin = names.find(([other, its]) => other !== column && its.toLowerCase() === name.toLowerCase());
    if (twin || name.toLowerCase() === 'id')
      throw new ConfigError(`store.${key}.${column}: ${name} is the name of another column (${twin?.[0] ?? 'id'})`);
  }
  return all;
}

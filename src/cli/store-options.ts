/** The `store` section of the configuration, as the library wants it. */
import type { StoreConfig } from '../config/registry-schema.ts';
import type { TandemOptions } from '../index.ts';
import type { StoreOptions } from '../store/options.ts';

/** Nothing where the database is none. */
export function storeOptions(config: StoreConfig): Pick<TandemOptions, 'store'> {
  const store = storeOf(config);
  return store ? { store } : {};
}

/** @param url in place of that of the configuration */
export function storeOf(config: StoreConfig, url = config.dbUrl ?? config.url): StoreOptions | undefined {
  if (url === 'none') return undefined;
  const { serverName, required, cdrRetentionDays, encryptionKey, tableName, varsTableName } = config;
  return {
    ...{ url, mode: config.dbMode ?? config.mode, serverName, required, cdrRetentionDays, encryptionKey },
    ...{ updatePeriod: config.dbUpdatePeriod, fetchRows: config.dbFetchRows, skipLoad: config.dbSkipLoad },
    tableName,
    varsTableName,
    columns: {
      hEntry: config.hEntryColumn,
      hId: config.hIdColumn,
      callId: config.callIdColumn,
      fromUri: config.fromUriColumn,
      fromTag: config.fromTagColumn,
      toUri: config.toUriColumn,
      toTag: config.toTagColumn,
      fromCseq: config.fromCseqColumn,
      toCseq: config.toCseqColumn,
      fromRoute: config.fromRouteColumn,
      toRoute: config.toRouteColumn,
      fromContact: config.fromContactColumn,
      toContact: config.toContactColumn,
      fromSock: config.fromSockColumn,
      toSock: config.toSockColumn,
      state: config.stateColumn,
      startTime: config.startTimeColumn,
      timeout: config.timeoutColumn,
      sflags: config.sflagsColumn,
      torouteName: config.torouteNameColumn,
    },
    varsColumns: {
      hEntry: config.varsHEntryColumn,
      hId: config.varsHIdColumn,
      key: config.varsKeyColumn,
      value: config.varsValueColumn,
    },
  };
}

/** Several loaded sources as one, in their order. */
import type { EngineItem, EngineSource } from '../protocol.ts';
import type { LoadedSource } from './playback.ts';

/** One source, as part of a list too. */
export interface LoadedItem extends LoadedSource {
  readonly source: EngineItem;
  readonly recode?: (signal: AbortSignal) => Promise<EngineItem>;
}

export function playlist(items: readonly LoadedItem[]): LoadedSource {
  return {
    source: { kind: 'list', items: items.map(({ source }) => source) },
    feed: async (signal) => {
      // A stream is asked for more when the one before it has given all.
      for (const { feed } of items) await feed?.(signal);
    },
    onSpace: () => {
      for (const { onSpace } of items) onSpace?.();
    },
    recode: async (signal): Promise<EngineSource> => ({
      kind: 'list',
      items: await Promise.all(items.map(({ source, recode }) => recode?.(signal) ?? source)),
    }),
  };
}

/** What every view of the console can use, and the hooks that redraw it. */
import { createContext } from 'preact';
import { useContext, useEffect, useReducer, useState } from 'preact/hooks';
import type { SessionInfo } from '../../protocol.ts';
import type { Api } from './api.ts';
import type { Connection } from './connection.ts';
import type { Live, Slice } from './live.ts';

export interface Listening {
  readonly sessionId: string;
  /** Undefined: asked for, the server has not begun. */
  readonly since: number | undefined;
}

export interface ConsoleTools {
  readonly api: Api;
  readonly live: Live;
  readonly connection: Connection;
  readonly session: SessionInfo;
  readonly listening: Listening | undefined;
  readonly listen: (sessionId: string | undefined) => void;
  /** A line at the foot of the page, read out. */
  readonly say: (text: string, tone?: 'good' | 'bad') => void;
  readonly logout: () => void;
}

export const ConsoleContext = createContext<ConsoleTools | undefined>(undefined);

export function useConsole(): ConsoleTools {
  const tools = useContext(ConsoleContext);
  if (!tools) throw new Error('outside of the console');
  return tools;
}

/** Redraws when the server told something of it. */
export function useLive(...slices: readonly Slice[]): Live {
  const { live } = useConsole();
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  useEffect(() => {
    const stops = slices.map((slice) => live.subscribe(slice, () => redraw(0)));
    return () => {
      for (const stop of stops) stop();
    };
  }, [live]);
  return live;
}

const tickers = new Set<() => void>();
let ticking: ReturnType<typeof setInterval> | undefined;

/** Redraws once a second, all of the page at the same moment. @returns the server's time, Unix ms. */
export function useNow(): number {
  const { live } = useConsole();
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  useEffect(() => {
    const tick = (): void => redraw(0);
    tickers.add(tick);
    ticking ??= setInterval(() => {
      for (const one of tickers) one();
    }, 1_000);
    return () => {
      tickers.delete(tick);
      if (tickers.size > 0) return;
      clearInterval(ticking);
      ticking = undefined;
    };
  }, []);
  return Date.now() + live.ahead;
}

export function useMedia(query: string): boolean {
  const [matches, setMatches] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const media = matchMedia(query);
    const changed = (): void => setMatches(media.matches);
    changed();
    media.addEventListener('change', changed);
    return () => media.removeEventListener('change', changed);
  }, [query]);
  return matches;
}

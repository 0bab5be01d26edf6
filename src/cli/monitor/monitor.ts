/** `tandem monitor`: the calls of a running server, again and again. */
import { messageOf, TandemError } from '../../base/errors.ts';
import { resultOf } from '../../control/binrpc/json.ts';
import { untilInterrupted } from '../interrupt.ts';
import { askFirst } from '../rpc.ts';
import type { CallRow, Snapshot } from './calls.ts';
import { press } from './keys.ts';
import { type AskServer, MonitorSource } from './source.ts';
import { Terminal } from './terminal.ts';
import { firstView, render, renderPlain, shownCalls, type View } from './view.ts';

export interface MonitorOptions {
  readonly server?: string;
  /** Seconds. */
  readonly interval: number;
  readonly once?: boolean;
}

export async function monitor({ server, interval, once = false }: MonitorOptions): Promise<number> {
  const source = new MonitorSource(askServer(server), () => performance.now());
  // Nobody there is an error at first; later it is waited for.
  const first = await source.look();
  const { signal, close } = untilInterrupted();
  try {
    if (process.stdout.isTTY && process.stdin.isTTY && !once) await onScreen(source, first, interval * 1000, signal);
    else await asText(source, first, once ? 0 : interval * 1000, signal);
    return 0;
  } finally {
    close();
  }
}

function askServer(server: string | undefined): AskServer {
  return async (method, args) => {
    const { answer } = await askFirst(server, process.env, method, args);
    if (!('fault' in answer)) return resultOf(method, answer.records);
    const { code, text } = answer.fault;
    throw new TandemError('ERR_RPC', `${code} ${text}`, { facts: { fault: code } });
  };
}

/** @param intervalMs 0: once */
async function asText(source: MonitorSource, first: Snapshot, intervalMs: number, signal: AbortSignal): Promise<void> {
  const print = (lines: readonly string[]): void => void process.stdout.write(`${lines.join('\n')}\n`);
  print(renderPlain(first));
  while (intervalMs > 0 && (await pause(intervalMs, signal)))
    print(await source.look().then(renderPlain, (error: unknown) => [`${messageOf(error)}; trying again`]));
}

async function onScreen(
  source: MonitorSource,
  first: Snapshot,
  intervalMs: number,
  signal: AbortSignal,
): Promise<void> {
  let snapshot = first;
  let view: View = firstView;
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  const shown = (): readonly CallRow[] => shownCalls(snapshot.calls, view);
  const draw = (): void => terminal.draw(render(snapshot, view, terminal.size));
  const look = async (): Promise<void> => {
    try {
      const next = await source.look();
      // The call that is asked about stays where it is until there is an answer.
      if (view.asking !== 'end') snapshot = next;
    } catch (error) {
      view = { ...view, note: `${messageOf(error)}; trying again` };
    }
    draw();
  };
  const end = async (call: CallRow | undefined): Promise<void> => {
    if (!call) return;
    const note = await source.end(call).then(
      () => `ended ${call.callId}`,
      (error: unknown) => messageOf(error),
    );
    view = { ...view, note };
    await look();
  };
  const terminal = new Terminal(process.stdin, process.stdout, {
    key: (key) => {
      const calls = shown();
      const { view: after, act } = press(view, key, calls.length);
      view = after;
      if (act === 'quit') over.abort();
      if (act === 'end') void end(calls[Math.min(view.selected, calls.length - 1)]);
      draw();
    },
    resized: () => draw(),
    ended: () => over.abort(),
  });
  try {
    draw();
    while (await pause(intervalMs, either)) await look();
  } finally {
    terminal.close();
  }
}

/** @returns false when the signal was aborted meanwhile */
async function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return false;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const stop = (): void => resolve();
  signal.addEventListener('abort', stop, { once: true });
  await promise;
  clearTimeout(timer);
  signal.removeEventListener('abort', stop);
  return !signal.aborted;
}

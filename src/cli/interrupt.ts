/** The end of a command by Ctrl-C. */

/** Aborted by Ctrl-C or SIGTERM; the second one ends the process at once. */
export function untilInterrupted(): { readonly signal: AbortSignal; close(): void } {
  const interrupted = new AbortController();
  const onSignal = (): void => {
    if (interrupted.signal.aborted) process.exit(1);
    interrupted.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return {
    signal: interrupted.signal,
    close: () => {
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
    },
  };
}

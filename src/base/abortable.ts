/**
 * Waits for `work` until the signal is aborted; what others still want goes on. Nothing of a wait outlives it: a
 * signal that is waited on for every chunk of an endless stream must not collect them.
 * @returns rejects with the signal's reason
 */
export async function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  work.catch(() => {}); // its failure after the abort is nobody's
  let onAbort = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    signal.throwIfAborted();
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

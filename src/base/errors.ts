/**
 * Every error that leaves this package is a `TandemError`: a stable `code`, the facts, a `cause`
 * and, where one fits, the SIP status that tells a peer the same thing.
 */
export interface TandemErrorOptions {
  readonly cause?: unknown;
  /** The SIP status that says this to the peer. */
  readonly status?: number;
  /** Facts for the log and for the program: plain values only. */
  readonly facts?: Readonly<Record<string, unknown>>;
}

export class TandemError extends Error {
  override readonly name: string = 'TandemError';
  /** Stable, for programs: `ERR_…`. */
  readonly code: string;
  readonly status: number | undefined;
  readonly facts: Readonly<Record<string, unknown>>;

  constructor(code: string, message: string, options: TandemErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.status = options.status;
    this.facts = options.facts ?? {};
  }
}

/** A setting is wrong or two settings contradict each other. */
export class ConfigError extends TandemError {
  override readonly name = 'ConfigError';
  constructor(message: string, options: TandemErrorOptions = {}) {
    super('ERR_CONFIG', message, options);
  }
}

/** True for an abort by a signal, whatever its reason was. */
export function isAbort(error: unknown, signal: AbortSignal | undefined): boolean {
  return (
    signal?.aborted === true && (error === signal.reason || (error instanceof Error && error.name === 'AbortError'))
  );
}

/** What a log line or a one-line CLI message says of a thrown value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Bad input is a value, not an exception. */
export type Result<T, E = string> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: E };

export function ok<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value };
}

export function fail<E>(error: E): { readonly ok: false; readonly error: E } {
  return { ok: false, error };
}

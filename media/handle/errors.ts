/** Errors cross between threads as plain data. */
import { messageOf, TandemError } from '../../src/base/errors.ts';
import type { ErrorData } from '../protocol.ts';

export function toErrorData(error: unknown, code = 'ERR_MEDIA'): ErrorData {
  if (error instanceof TandemError) return { code: error.code, message: error.message, facts: error.facts };
  const errno = error instanceof Error && 'code' in error ? String(error.code) : undefined;
  return { code, message: messageOf(error), ...(errno === undefined ? {} : { facts: { errno } }) };
}

export function fromErrorData(data: ErrorData): TandemError {
  return new TandemError(data.code, data.message, data.facts ? { facts: data.facts } : {});
}

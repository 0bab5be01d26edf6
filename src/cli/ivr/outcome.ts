/** How a target came out, and what a failure means for who called. */
import { DialogResponseError, TandemError } from '../../index.ts';

export type Failure = 'busy' | 'no-answer' | 'unavailable';

/**
 * `done`: a service is over, and a menu goes on; `over`: whoever talked has hung up, and so is the call; `failed`: nobody
 * took the call; `refused`: what was called is not there, or not for this caller.
 */
export type Outcome =
  | { readonly end: 'done' | 'over' }
  | { readonly end: 'failed'; readonly why: Failure; readonly error: unknown }
  | { readonly end: 'key'; readonly error: unknown }
  | { readonly end: 'refused'; readonly error: unknown };

export const done: Outcome = { end: 'done' };
export const over: Outcome = { end: 'over' };

/** An error with a SIP status, for who is not answered yet. */
export function refusal(status: number, message: string): TandemError {
  return new TandemError('ERR_ROUTE', message, { status });
}

export function refused(status: number, message: string): Outcome {
  return { end: 'refused', error: refusal(status, message) };
}

export function failed(why: Failure, error: unknown): Outcome {
  return { end: 'failed', why, error };
}

const statusOf: Readonly<Record<Failure, number>> = { busy: 486, 'no-answer': 480, unavailable: 480 };

export function failedBy(why: Failure, message: string): Outcome {
  return failed(why, refusal(statusOf[why], message));
}

/** What a call that could not be made means. @throws what is no answer of the called, nor a way that is closed */
export function failureOf(error: unknown): Outcome {
  if (!(error instanceof TandemError)) throw error;
  if (error.code === 'ERR_TIMEOUT') return failed('no-answer', error);
  const { status } = error;
  if (!(error instanceof DialogResponseError) && status === undefined && !/^ERR_(RESOLVE|TRANSPORT)/.test(error.code))
    throw error;
  if (status === 486 || status === 600 || status === 603) return failed('busy', error);
  return failed(status === 408 ? 'no-answer' : 'unavailable', error);
}

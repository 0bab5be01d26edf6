/** One call to several targets: who answers first gets it, the others are cancelled. */
import type { DialogClientSession, InviteOptions } from './dialog-client-session.ts';
import { DialogResponseError } from './errors.ts';

export type ForkStrategy = 'parallel' | 'sequence';

/**
 * @param legs made but not yet invited, in order of preference.
 * @returns the answered leg, ACKed.
 * @throws the best refusal (RFC 3261 §16.7: a 6xx, else the lowest), or the signal's reason.
 */
export async function fork(
  legs: readonly DialogClientSession[],
  strategy: ForkStrategy,
  options: InviteOptions,
): Promise<DialogClientSession> {
  const failures: unknown[] = [];
  if (strategy === 'sequence') {
    for (const [index, leg] of legs.entries()) {
      try {
        await leg.invite(options);
        await Promise.all(legs.slice(index + 1).map((unused) => unused.close()));
        return await confirmed(leg);
      } catch (error) {
        failures.push(error);
        await leg.close();
        options.signal?.throwIfAborted();
      }
    }
    throw best(failures);
  }

  const losers = new AbortController();
  const signal = options.signal ? AbortSignal.any([losers.signal, options.signal]) : losers.signal;
  const attempts = legs.map((leg) => leg.invite({ ...options, signal }).then(() => leg));
  try {
    const winner = await Promise.any(attempts);
    return await confirmed(winner);
  } catch (error) {
    options.signal?.throwIfAborted();
    throw error instanceof AggregateError ? best(error.errors) : error;
  } finally {
    losers.abort();
    for (const leg of legs) if (leg.state !== 'confirmed') void leg.close();
  }
}

async function confirmed(leg: DialogClientSession): Promise<DialogClientSession> {
  await leg.ack();
  return leg;
}

function best(failures: readonly unknown[]): unknown {
  const refusals = failures.filter((error) => error instanceof DialogResponseError);
  const rank = (error: DialogResponseError): number => (error.status >= 600 ? 0 : error.status);
  return refusals.sort((a, b) => rank(a) - rank(b))[0] ?? failures[0];
}

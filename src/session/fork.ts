/** One call to several targets: who answers first gets it. */
import type { DialogClientSession, InviteOptions, InviteTarget } from './dialog-client-session.ts';
import { DialogResponseError } from './errors.ts';

export type ForkStrategy = 'parallel' | 'sequence';

export function targetsOf(target: InviteTarget | readonly InviteTarget[]): readonly InviteTarget[] {
  return isList(target) ? target : [target];
}

// `Array.isArray` does not tell a readonly array.
function isList(target: InviteTarget | readonly InviteTarget[]): target is readonly InviteTarget[] {
  return Array.isArray(target);
}

export interface CallOneOf {
  readonly targets: readonly InviteTarget[];
  readonly strategy: ForkStrategy;
  /** As `fork`'s. */
  readonly options: InviteOptions;
  /** @param first the leg that was made first, if there is one */
  make(target: InviteTarget, first: DialogClientSession | undefined): DialogClientSession;
  /** Takes the farewell to those that did not get the call. */
  background(work: Promise<void>): void;
}

/** Makes a leg for each target and calls them. @throws as `fork`, and what `make` throws; no leg is left then */
export async function callOneOf({
  targets,
  strategy,
  options,
  make,
  background,
}: CallOneOf): Promise<DialogClientSession> {
  const legs: DialogClientSession[] = [];
  let winner: DialogClientSession | undefined;
  try {
    for (const target of targets) legs.push(make(target, legs[0]));
    winner = await fork(legs, strategy, options);
    return winner;
  } finally {
    for (const leg of legs) if (leg !== winner) background(leg.close());
  }
}

/**
 * @param legs made but not yet invited, in order of preference. The caller closes all but the one it gets.
 * @returns the answered leg, ACKed (not with `earlyMedia`, see there).
 * @throws the best refusal (RFC 3261 §16.7: a 6xx, else the lowest), or the signal's reason.
 */
export async function fork(
  legs: readonly DialogClientSession[],
  strategy: ForkStrategy,
  options: InviteOptions,
): Promise<DialogClientSession> {
  const winner = await (strategy === 'sequence' ? oneByOne(legs, options) : allAtOnce(legs, options));
  if (options.earlyMedia) return winner;
  // Whoever gave it up right behind the answer wants to hear that, not that the call is over.
  options.signal?.throwIfAborted();
  await winner.ack();
  return winner;
}

async function oneByOne(legs: readonly DialogClientSession[], options: InviteOptions): Promise<DialogClientSession> {
  const failures: unknown[] = [];
  for (const leg of legs) {
    try {
      await leg.invite(options);
      return leg;
    } catch (error) {
      options.signal?.throwIfAborted();
      failures.push(error);
      await leg.close();
      // Wanted nowhere (RFC 3261 §21.6).
      if (error instanceof DialogResponseError && error.status >= 600) break;
    }
  }
  throw best(failures);
}

async function allAtOnce(legs: readonly DialogClientSession[], options: InviteOptions): Promise<DialogClientSession> {
  try {
    return await Promise.any(legs.map((leg) => leg.invite(options).then(() => leg)));
  } catch (error) {
    options.signal?.throwIfAborted();
    throw best((error as AggregateError).errors);
  }
}

function best(failures: readonly unknown[]): unknown {
  const refusals = failures.filter((error) => error instanceof DialogResponseError);
  const rank = (error: DialogResponseError): number => (error.status >= 600 ? 0 : error.status);
  return refusals.sort((a, b) => rank(a) - rank(b))[0] ?? failures[0];
}

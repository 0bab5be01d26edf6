/**
 * A side system that has to know in the very turn what a call does: traces, whose ids go along with what is sent. All
 * else hears of it from the observer.
 */
import { isAbort } from '../base/errors.ts';
import type { HeaderField } from '../sip/message.ts';
import type { LegBirth } from './call-data.ts';
import type { DialogSession } from './dialog-session.ts';

export type ActivityName = 'step' | 'play' | 'record' | 'gather' | 'bridge' | 'conference' | 'transfer' | 'refer';

/** What is known of an activity; what is undefined is not. */
export type ActivityFacts = Readonly<Record<string, string | number | boolean | undefined>>;

/** Something that a call does and that takes time. */
export interface Activity {
  /** Runs `work`: what it begins is a part of this. */
  run<T>(work: () => T): T;
  /** It is over. Once. @param error why it failed */
  end(facts?: ActivityFacts, error?: unknown): void;
}

/** None of it throws or waits. */
export interface CallFollower {
  /** A leg begins, or goes on from an earlier process. */
  began(session: DialogSession, birth: LegBirth): void;
  /** Of the INVITE of an outgoing leg. */
  headers(session: DialogSession): readonly HeaderField[];
  activity(session: DialogSession, name: ActivityName, facts: ActivityFacts): Activity;
  /** Runs the handler of a call: what it begins is a part of the call. */
  handle<T>(session: DialogSession, work: () => T): T;
}

/** Starts an activity; undefined when nobody follows. */
export type BeginActivity = (name: ActivityName, facts: ActivityFacts) => Activity | undefined;

/**
 * `work` as an activity that is over when it is.
 * @param factsOf what its result tells
 */
export function followed<T>(
  activity: Activity | undefined,
  work: () => Promise<T>,
  factsOf: (result: T) => ActivityFacts = () => ({}),
): Promise<T> {
  if (!activity) return work();
  let done: Promise<T>;
  try {
    done = activity.run(work);
  } catch (error) {
    activity.end({}, error);
    throw error;
  }
  done.then(
    (result) => activity.end(factsOf(result)),
    (error: unknown) => activity.end({}, error),
  );
  return done;
}

/** What an end of the call cuts off has not failed. */
export function isCutOff(error: unknown, signal: AbortSignal): boolean {
  return isAbort(error, signal) || (error as { code?: unknown } | null)?.code === 'ERR_DIALOG_ENDED';
}

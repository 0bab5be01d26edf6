/** Agents ring for a caller: who answers first gets the call, the others are cancelled. */
import type { DialogClientSession } from '../session/dialog-client-session.ts';
import type { MemberLegOptions } from './ports.ts';
import type { QueueAgent } from './queue-agents.ts';
import type { QueuePlace } from './queue-place.ts';

/** An agent that answered. */
export interface Taken {
  readonly agent: QueueAgent;
  readonly leg: DialogClientSession;
}

export interface RingOptions {
  readonly ringTime: number;
  /** ms that an agent has for itself after the call. */
  readonly wrapUp: number;
  readonly invite: MemberLegOptions;
  readonly onRinging: (agent: QueueAgent) => void;
  /** It did not take the call, and nobody kept it from doing so. */
  readonly onMissed: (agent: QueueAgent, error: unknown) => void;
  readonly background: (work: Promise<unknown>) => void;
}

/** @returns undefined when nobody answered, or the caller waits no longer; no leg is left then */
export async function ringAgents(
  place: QueuePlace,
  agents: readonly QueueAgent[],
  { ringTime, wrapUp, invite, onRinging, onMissed, background }: RingOptions,
): Promise<Taken | undefined> {
  const { call } = place;
  const stop = new AbortController();
  const signal = AbortSignal.any([place.signal, stop.signal]);
  let taken: Taken | undefined;
  const ring = async (agent: QueueAgent): Promise<void> => {
    onRinging(agent);
    let leg: DialogClientSession;
    try {
      leg = await call.invite(agent.member.targets, {
        ...invite,
        ...{ early: 'none', transcode: true, timeout: ringTime, signal },
      });
    } catch (error) {
      if (!signal.aborted && !call.signal.aborted) onMissed(agent, error);
      return;
    }
    // Two may answer in the same moment, and the caller may leave in it.
    if (taken || !place.settle()) {
      background(leg.close());
      return;
    }
    taken = { agent, leg };
    agent.tookOne();
    agent.member.join(leg, wrapUp);
    stop.abort();
  };
  await Promise.all(agents.map(ring));
  return taken;
}

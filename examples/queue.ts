/**
 * A support line. Callers wait with music and are told which place they have; agents are users of tandem.yaml, who are
 * there while their phones are registered. Whoever waits for too long, or presses 1, leaves a message.
 *
 *   AGENTS=5001,5002 npx tandem serve examples/queue.ts --config tandem.yaml
 */
import type { DialogServerSession, Tandem } from 'tandem';

const { AGENTS = '5001,5002', MAILBOXES = 'voicemail' } = process.env;

/** Runs once, when the server is up. */
export function start(tandem: Tandem): void {
  tandem.queue('support', {
    members: AGENTS.split(','),
    announceEvery: 45_000,
    maxWait: 5 * 60_000,
    wrapUp: 10_000,
    exitKeys: '1',
    overflow: async (call) => {
      await tandem.voicemail('support').record(call);
    },
  });
  tandem.voicemail('support', { folder: MAILBOXES });
  tandem.observer.on('queue:agent', ({ agent, state }) => console.log(`${agent} is ${state}`));
}

export async function call(caller: DialogServerSession, tandem: Tandem): Promise<void> {
  const { end, agent, waitedMs } = await tandem.queue('support').enter(caller);
  const waited = `${Math.round(waitedMs / 1000)} s`;
  console.log(`${caller.fromUser}: ${end}${agent ? ` by ${agent}` : ''} after ${waited}`);
}

export default { start, call };

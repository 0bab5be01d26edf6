/** Queues and mailboxes that are made up, and what commands make of them. */
import type {
  AgentState,
  MailboxInfo,
  MailboxMessage,
  QueueCaller,
  QueueInfo,
  ServerMessage,
  VoicemailPage,
} from '../../src/console/protocol.ts';

const commands = ['queue.pause', 'queue.resume', 'voicemail.mark', 'voicemail.delete'];

export class FakePbx {
  #queues: readonly QueueInfo[];
  #boxes: readonly MailboxInfo[];

  /** @param now Unix ms */
  constructor(now: number) {
    const agent = (name: string, state: AgentState, taken: number) => ({ name, state, taken, missed: taken % 3 });
    const left = { answered: 41, abandoned: 3, timeout: 1, full: 0, 'no-agents': 0, key: 2 };
    const agents = [agent('5001', 'idle', 12), agent('5002', 'talking', 20), agent('5003', 'unregistered', 0)];
    const caller = (position: number, from: string): QueueCaller => ({
      ...{ sessionId: `waiting-${position}`, callId: `waiting-${position}@pbx`, from, position, priority: 0 },
      ...{ since: now - 100_000 + position * 20_000, ringing: position === 1 ? ['5001'] : [] },
    });
    const callers = [caller(1, '+4930123456'), caller(2, '')];
    this.#queues = [
      { name: 'sales', callers, waiting: callers.length, agents, left },
      { name: 'support', callers: [], waiting: 0, agents: [], left: {} },
    ];
    const message = (i: number, state: MailboxMessage['state']): MailboxMessage => ({
      ...{ id: `${now - i * 3_600_000}-0a0b0c0${i}`, at: now - i * 3_600_000, durationMs: 7_000 + i * 1_000, state },
      ...{ from: `500${i}`, fromName: i === 1 ? 'Ann Example' : '' },
    });
    this.#boxes = [
      box('5001', []),
      box('sales', [message(1, 'new'), message(2, 'new'), message(3, 'saved')]),
      { ...box('5002', []), problem: 'its folder cannot be read: see the log of the server' },
    ];
  }

  get message(): Extract<ServerMessage, { type: 'pbx' }> {
    const mailboxes = this.#boxes.map(({ name, new: fresh, saved }) => ({ name, new: fresh, saved }));
    return { type: 'pbx', queues: this.#queues, mailboxes };
  }

  get page(): VoicemailPage {
    return { boxes: this.#boxes };
  }

  /** A caller leaves a queue, or comes. */
  wait(queue: string, change: (callers: readonly QueueCaller[]) => readonly QueueCaller[]): void {
    this.#queues = this.#queues.map((one) => {
      if (one.name !== queue) return one;
      const callers = change(one.callers).map((caller, i) => ({ ...caller, position: i + 1 }));
      return { ...one, callers, waiting: callers.length };
    });
  }

  /** @returns seconds; undefined where there is no such message */
  lengthOf(name: string, id: string): number | undefined {
    const messages = this.#boxes.find((one) => one.name === name)?.messages;
    const message = messages?.find((one) => one.id === id);
    return message && message.durationMs / 1_000;
  }

  /** @returns whether it was one for queues and mailboxes */
  run(method: string, params: unknown): boolean {
    if (!commands.includes(method)) return false;
    const [name, which, state] = params as readonly [string, string, MailboxMessage['state']];
    const agentState = method === 'queue.pause' ? 'paused' : 'idle';
    if (method.startsWith('queue'))
      this.#queues = this.#queues.map((queue) =>
        queue.name === name ? { ...queue, agents: withState(queue.agents, which, agentState) } : queue,
      );
    else
      this.#boxes = this.#boxes.map((one) => {
        if (one.name !== name) return one;
        const kept = one.messages.filter(({ id }) => method !== 'voicemail.delete' || id !== which);
        return box(
          name,
          kept.map((message) => (message.id === which ? { ...message, state } : message)),
        );
      });
    return true;
  }
}

function box(name: string, messages: readonly MailboxMessage[]): MailboxInfo {
  const fresh = messages.filter(({ state }) => state === 'new').length;
  return { name, new: fresh, saved: messages.length - fresh, messages };
}

function withState(agents: QueueInfo['agents'], name: string, state: AgentState): QueueInfo['agents'] {
  return agents.map((agent) => (agent.name === name ? { ...agent, state } : agent));
}

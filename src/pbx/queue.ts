/** Callers who wait for an agent: in order, with music, each agent with one call at a time. */
import { messageOf, TandemError } from '../base/errors.ts';
import type { DialogServerSession } from '../session/dialog-server-session.ts';
import { DialogResponseError, StateError } from '../session/errors.ts';
import type { PbxEvents, QueueEndReason } from '../session/pbx-events.ts';
import type { Member, Members } from './members.ts';
import type { PbxPorts } from './ports.ts';
import { numberPrompt } from './prompts.ts';
import { nextAgents, QueueAgent } from './queue-agents.ts';
import { checkedQueue, type QueueOptions, type QueueResult, type QueueState } from './queue-options.ts';
import { QueuePlace, type Turn } from './queue-place.ts';
import { ringAgents, type Taken } from './queue-ring.ts';
import { talk } from './talk.ts';
import { playWhileWaiting } from './waiting-audio.ts';

export type QueuePorts = Pick<PbxPorts, 'clock' | 'random' | 'logger' | 'observer' | 'media' | 'prompt' | 'background'>;

export interface EnterOptions {
  /** Who has more comes before those who have less; default 0. */
  readonly priority?: number;
}

/** Variables of a call that waits: where, and since when, Unix ms. A call that goes on after a crash keeps its time. */
const nameVariable = 'queue_name';
const sinceVariable = 'queue_since';
/** More than anybody waits. */
const longestWaitMs = 86_400_000;

export class Queue {
  readonly name: string;
  readonly #ports: QueuePorts;
  readonly #members: Members;
  readonly #unfollow: () => void;
  #options: QueueOptions;
  #agents = new Map<string, QueueAgent>();
  /** In the order in which they are served. */
  #waiting: readonly QueuePlace[] = [];
  #matching = false;
  /** An agent was registered in this process. */
  #wasManned = false;
  readonly #left: Record<QueueEndReason, number> = {
    answered: 0,
    timeout: 0,
    full: 0,
    'no-agents': 0,
    abandoned: 0,
    key: 0,
  };

  /** Made by `tandem.queue`, not by users. @throws ConfigError */
  constructor(name: string, options: QueueOptions, ports: QueuePorts, members: Members) {
    this.name = name;
    this.#ports = ports;
    this.#members = members;
    this.#options = checkedQueue(name, options);
    this.#useAgents();
    this.#unfollow = members.onChange((member) => this.#changed(member));
  }

  get options(): QueueOptions {
    return this.#options;
  }

  /** For agents at once, for callers that come from now on. @throws ConfigError; all is as it was then */
  configure(options: QueueOptions): void {
    this.#options = checkedQueue(this.name, options);
    this.#useAgents();
    this.#match();
  }

  get state(): QueueState {
    return {
      name: this.name,
      callers: this.#waiting.map((place, index) => ({
        callId: place.call.callId,
        sessionId: place.call.id,
        fromUser: place.call.fromUser,
        position: index + 1,
        priority: place.priority,
        waitedMs: place.waitedMs,
        ringing: place.ringing.map(({ name }) => name),
      })),
      agents: [...this.#agents.values()].map(({ report }) => report),
      left: { ...this.#left },
    };
  }

  /** The agent gets no calls of this queue; one that it has goes on. @throws TandemError ERR_ARGUMENT for a stranger */
  pause(agent: string): void {
    this.#setPaused(agent, true);
  }

  /** It gets calls again, at once even in its wrap-up time. @throws as `pause` */
  resume(agent: string): void {
    this.#setPaused(agent, false);
    this.#agents.get(agent)?.member.endWrapUp();
  }

  /**
   * The call waits for an agent, and talks with it. Resolves when they are done, or when it has left the queue; a call
   * that was not let in (`full`, `no-agents`) is not answered here.
   * @throws StateError for a call that is in a queue already; what `answer` and `overflow` throw
   */
  async enter(call: DialogServerSession, options: EnterOptions = {}): Promise<QueueResult> {
    const result = await this.#enter(call, options);
    const { end, waitedMs, agent, talkedMs } = result;
    this.#left[end]++;
    this.#tell('queue:left', {
      ...this.#stamp(call),
      ...{ end, waitedMs },
      ...(agent === undefined ? {} : { agent }),
      ...(talkedMs === undefined ? {} : { talkedMs }),
    });
    const { overflow } = this.#options;
    if (overflow && end !== 'answered' && end !== 'abandoned' && !call.signal.aborted) await overflow(call, result);
    return result;
  }

  /** No timer of it is left. */
  close(): void {
    this.#unfollow();
    for (const agent of this.#agents.values()) agent.close();
  }

  async #enter(call: DialogServerSession, { priority = 0 }: EnterOptions): Promise<QueueResult> {
    if (!Number.isFinite(priority))
      throw new TandemError('ERR_ARGUMENT', `queue: priority is a number, not ${priority}`);
    if (this.#waiting.some((place) => place.call === call))
      throw new StateError(call.callId, `the call is in the queue ${this.name} already`);
    if (call.signal.aborted) return { end: 'abandoned', waitedMs: 0 };
    if (this.#waiting.length >= (this.#options.maxCallers ?? 100)) return { end: 'full', waitedMs: 0 };
    if (this.#isDeserted() && this.#isNotToStay(call)) return { end: 'no-agents', waitedMs: 0 };
    const place = this.#takePlace(call, priority);
    try {
      if (!call.isAnswered) await call.answer();
      return await this.#wait(place);
    } catch (error) {
      if (call.signal.aborted) return { end: 'abandoned', waitedMs: place.waitedMs };
      throw error;
    } finally {
      this.#givePlace(place);
    }
  }

  #takePlace(call: DialogServerSession, priority: number): QueuePlace {
    const { clock } = this.#ports;
    const place = new QueuePlace(clock, call, priority, this.#waitedBefore(call));
    const after = this.#waiting.filter((other) => !isBefore(place, other));
    this.#waiting = [...after, place, ...this.#waiting.slice(after.length)];
    call.variables.set(nameVariable, this.name);
    call.variables.set(sinceVariable, String(Math.round(clock.wallclock() - place.waitedMs)));
    this.#tell('queue:entered', {
      ...this.#stamp(call),
      position: after.length + 1,
      waiting: this.#waiting.length,
    });
    return place;
  }

  #givePlace(place: QueuePlace): void {
    place.leave({ end: 'abandoned' });
    this.#forget(place);
    this.#match();
  }

  /** It waits no longer. */
  #forget(place: QueuePlace): void {
    if (!this.#waiting.includes(place)) return;
    this.#waiting = this.#waiting.filter((other) => other !== place);
    place.call.variables.delete(nameVariable);
    place.call.variables.delete(sinceVariable);
  }

  /** ms that it has waited in an earlier process. */
  #waitedBefore({ variables }: DialogServerSession): number {
    const since = Number(variables.get(sinceVariable));
    if (variables.get(nameVariable) !== this.name || !Number.isFinite(since)) return 0;
    return Math.min(Math.max(0, this.#ports.clock.wallclock() - since), longestWaitMs);
  }

  async #wait(place: QueuePlace): Promise<QueueResult> {
    const { maxWait } = this.#options;
    for (;;) {
      if (maxWait !== undefined) place.limit(maxWait);
      const taken = await this.#waitForAgent(place);
      if (!taken) break;
      const result = await this.#connect(place, taken);
      if (result) return result;
    }
    const { end = 'abandoned', key } = place.end ?? {};
    const waited = { waitedMs: place.waitedMs, ...(key === undefined ? {} : { key }) };
    return { end: place.call.signal.aborted ? 'abandoned' : end, ...waited };
  }

  /** @returns undefined when the caller is to leave */
  async #waitForAgent(place: QueuePlace): Promise<Taken | undefined> {
    const quiet = new AbortController();
    const audio = this.#play(place, AbortSignal.any([quiet.signal, place.signal]));
    const forget = this.#listenForKeys(place);
    try {
      for (;;) {
        const coming = place.turn();
        this.#match();
        const turn = await coming;
        const taken = turn && (await this.#ring(place, turn));
        if (taken || !turn) return taken;
      }
    } finally {
      forget();
      quiet.abort();
      await audio;
    }
  }

  /** @returns undefined when the agent was gone before they heard each other: the caller has its place still */
  async #connect(place: QueuePlace, { agent, leg }: Taken): Promise<QueueResult | undefined> {
    const { clock, media } = this.#ports;
    const { waitedMs, call } = place;
    const begun = clock.now();
    const hasTalked = await talk(media, call, leg, () => {
      // Those behind it move up.
      this.#forget(place);
      this.#tell('queue:answered', this.#agentStamp(place, agent));
    });
    if (!hasTalked) return undefined;
    return { end: 'answered', agent: agent.name, waitedMs, talkedMs: Math.round(clock.now() - begun) };
  }

  /** @returns who answered first */
  async #ring(place: QueuePlace, turn: Turn): Promise<Taken | undefined> {
    const { ringTime = 15_000, wrapUp = 0, invite = {} } = this.#options;
    const taken = await ringAgents(place, turn.agents, {
      ...{ ringTime, wrapUp, invite, background: this.#ports.background },
      onRinging: (agent) => this.#tell('queue:ringing', this.#agentStamp(place, agent)),
      onMissed: (agent, error) => this.#missed(place, agent, error),
    });
    place.rangOut();
    turn.release();
    return taken;
  }

  #missed(place: QueuePlace, agent: QueueAgent, error: unknown): void {
    const { clock, logger } = this.#ports;
    const { retryAfter = 5000, pauseAfterMissed = Number.POSITIVE_INFINITY } = this.#options;
    const status = error instanceof DialogResponseError ? { status: error.status } : {};
    const inARow = agent.missedOne(clock, retryAfter, () => this.#match());
    logger.debug({ queue: this.name, agent: agent.name, error: messageOf(error) }, 'an agent did not take a call');
    this.#tell('queue:missed', { ...this.#agentStamp(place, agent), ...status });
    if (inARow < pauseAfterMissed) return;
    agent.paused = true;
    this.#tellOf(agent);
  }

  /** Gives those who wait the agents that are free, the first of them first. */
  #match(): void {
    // To take an agent is a change, which leads here again.
    if (this.#matching) return;
    this.#matching = true;
    try {
      const { strategy = 'longest-idle' } = this.#options;
      const agents = [...this.#agents.values()];
      const waiting = this.#waiting.filter(({ wantsAgents }) => wantsAgents);
      if (this.#isDeserted())
        for (const place of waiting) if (this.#isNotToStay(place.call)) place.leave({ end: 'no-agents' });
      for (const place of waiting) {
        const next = place.wantsAgents ? nextAgents(agents, strategy, this.#ports.random) : [];
        // Who is not free for the first is not for those behind it.
        if (next.length === 0) break;
        this.#give(place, next);
      }
    } finally {
      this.#matching = false;
    }
  }

  #give(place: QueuePlace, agents: readonly QueueAgent[]): void {
    const kept: { readonly agent: QueueAgent; readonly release: () => void }[] = [];
    for (const agent of agents) {
      const release = agent.member.reserve();
      if (release) kept.push({ agent, release });
    }
    if (kept.length === 0) return;
    place.give({
      agents: kept.map(({ agent }) => agent),
      release: () => {
        for (const { release } of kept) release();
      },
    });
  }

  /** Nobody is there, and callers are not to wait for somebody to come. */
  #isDeserted(): boolean {
    const { whenEmpty = 'leave' } = this.#options;
    if (whenEmpty === 'wait') return false;
    const isManned = [...this.#agents.values()].some(({ member }) => member.isRegistered);
    if (isManned) this.#wasManned = true;
    return !isManned;
  }

  /** In a deserted queue one waits that did in an earlier process: phones register again at their own time. */
  #isNotToStay({ recovered }: DialogServerSession): boolean {
    return this.#wasManned || !recovered;
  }

  #useAgents(): void {
    const former = this.#agents;
    this.#agents = new Map(
      this.#options.members.map((name) => [name, former.get(name) ?? new QueueAgent(this.#members.get(name))]),
    );
    for (const [name, agent] of former) if (!this.#agents.has(name)) agent.close();
  }

  #setPaused(name: string, paused: boolean): void {
    const agent = this.#agents.get(name);
    if (!agent) throw new TandemError('ERR_ARGUMENT', `the queue ${this.name} has no agent ${JSON.stringify(name)}`);
    agent.paused = paused;
    this.#tellOf(agent);
    this.#match();
  }

  #changed(member: Member): void {
    const agent = this.#agents.get(member.name);
    if (agent?.member !== member) return;
    this.#tellOf(agent);
    this.#match();
  }

  #tellOf(agent: QueueAgent): void {
    const state = agent.news();
    const { clock } = this.#ports;
    if (state) this.#tell('queue:agent', { queue: this.name, agent: agent.name, state, at: clock.wallclock() });
  }

  #play(place: QueuePlace, signal: AbortSignal): Promise<void> {
    const { clock, logger, prompt } = this.#ports;
    const { music = prompt('music'), announceEvery = 30_000 } = this.#options;
    const { announce = (position: number) => numberPrompt(prompt, 'queue-position', position) } = this.#options;
    return playWhileWaiting(
      place.call,
      {
        clock,
        announceEvery,
        music: music === false ? undefined : music,
        // Who is being connected does not want to hear that it waits.
        announcement: () =>
          place.ringing.length > 0 ? undefined : announce(this.#waiting.indexOf(place) + 1, place.waitedMs),
        failed: (error) =>
          logger.warn({ queue: this.name, error: messageOf(error) }, 'a caller in a queue hears nothing'),
      },
      signal,
    );
  }

  /** @returns how to stop it */
  #listenForKeys(place: QueuePlace): () => void {
    const { exitKeys = '' } = this.#options;
    if (exitKeys === '') return () => {};
    const keys = place.call.dtmf();
    const listen = async (): Promise<void> => {
      for await (const { digit } of keys) {
        if (!exitKeys.includes(digit)) continue;
        place.leave({ end: 'key', key: digit });
        return;
      }
    };
    this.#ports.background(listen());
    return () => void keys.return?.();
  }

  #agentStamp({ call, waitedMs }: QueuePlace, { name }: QueueAgent): PbxEvents['queue:ringing'] {
    return { ...this.#stamp(call), agent: name, waitedMs };
  }

  #stamp({ callId, id }: DialogServerSession): {
    readonly queue: string;
    readonly callId: string;
    readonly sessionId: string;
    readonly at: number;
  } {
    return { queue: this.name, callId, sessionId: id, at: this.#ports.clock.wallclock() };
  }

  #tell<K extends keyof PbxEvents>(event: K, payload: PbxEvents[K]): void {
    this.#ports.observer.emit(event, payload as never);
  }
}

/** More priority first, then who came earlier. */
function isBefore(a: QueuePlace, b: QueuePlace): boolean {
  return a.priority !== b.priority ? a.priority > b.priority : a.since < b.since;
}

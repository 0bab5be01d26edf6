/** Several who are rung for one call: all at once, or one after the other. */
import type { PlaySource } from '../../media/index.ts';
import { isAbort, messageOf, TandemError } from '../base/errors.ts';
import type { DialogClientSession, InviteTarget } from '../session/dialog-client-session.ts';
import type { CallInviteOptions, DialogServerSession } from '../session/dialog-server-session.ts';
import { DialogResponseError } from '../session/errors.ts';
import { Checks } from './checks.ts';
import type { Member, Members } from './members.ts';
import { byIdleTime, shuffled } from './order.ts';
import { playOn } from './play-on.ts';
import type { MemberLegOptions, PbxPorts } from './ports.ts';
import { talk } from './talk.ts';

export const ringStrategies = ['all', 'sequence', 'random', 'longest-idle'] as const;
export type RingStrategy = (typeof ringStrategies)[number];

export interface RingGroupOptions {
  /** Users, rung where they are registered, and SIP URIs. */
  readonly members: readonly string[];
  /**
   * `all` at once (default); one after the other in the order given (`sequence`), in a `random` one, or whoever has been
   * off the phone longest first (`longest-idle`).
   */
  readonly strategy?: RingStrategy;
  /** ms that a member rings, and with `all` the group; default 20,000. */
  readonly ringTime?: number;
  /** Members who are on the phone are passed over; default false: their phones decide. */
  readonly skipBusy?: boolean;
  /** What a caller hears that is not answered yet: as of `call.invite`. Default `pass`. */
  readonly early?: CallInviteOptions['early'];
  /** Answers, and plays this until somebody takes the call. */
  readonly music?: PlaySource;
  /** Caller ID, headers and way of the calls to members; default: the caller's. */
  readonly invite?: MemberLegOptions;
}

export interface RingGroupResult {
  /**
   * `answered`: they talked, and one hung up; `abandoned`: the caller gave up. Else nobody took it: `no-answer` when a
   * phone rang, `busy` when all that could be reached were busy or declined, `unavailable` when none was reached.
   */
  readonly end: 'answered' | 'no-answer' | 'busy' | 'unavailable' | 'abandoned';
  /** Who answered. */
  readonly member?: string;
  /** ms until it was answered, or over. */
  readonly rangMs: number;
  /** ms that they talked. */
  readonly talkedMs?: number;
}

type Failure = Exclude<RingGroupResult['end'], 'answered' | 'abandoned'>;

export type RingGroupPorts = Pick<PbxPorts, 'clock' | 'random' | 'media' | 'logger'>;

/** @throws ConfigError */
export function checkedRingGroup(name: string, options: RingGroupOptions): RingGroupOptions {
  const checks = new Checks('ring group', name);
  checks.members(options.members);
  checks.oneOf('strategy', options.strategy ?? 'all', ringStrategies);
  checks.oneOf('early', options.early ?? 'pass', ['pass', 'ringback', 'none']);
  checks.ms('ringTime', options.ringTime ?? 0);
  return options;
}

export class RingGroup {
  readonly name: string;
  readonly #ports: RingGroupPorts;
  readonly #members: Members;
  #options: RingGroupOptions;

  /** Made by `tandem.ringGroup`, not by users. @throws ConfigError */
  constructor(name: string, options: RingGroupOptions, ports: RingGroupPorts, members: Members) {
    this.name = name;
    this.#options = checkedRingGroup(name, options);
    this.#ports = ports;
    this.#members = members;
    for (const member of options.members) members.get(member);
  }

  get options(): RingGroupOptions {
    return this.#options;
  }

  /** For the calls that come from now on. @throws ConfigError; all is as it was then */
  configure(options: RingGroupOptions): void {
    this.#options = checkedRingGroup(this.name, options);
    for (const member of options.members) this.#members.get(member);
  }

  /**
   * Rings the members until one answers, and resolves when that talk is over; or when nobody does, and the call is as it
   * was. A member that calls its own group is not rung.
   * @param options.signal gives up
   * @throws the signal's reason
   */
  async connect(call: DialogServerSession, options: { readonly signal?: AbortSignal } = {}): Promise<RingGroupResult> {
    const { clock, media } = this.#ports;
    const { music, early = 'pass' } = this.#options;
    const begun = clock.now();
    const rang = (): number => Math.round(clock.now() - begun);
    if (call.signal.aborted) return { end: 'abandoned', rangMs: 0 };
    let heard: (() => void) | undefined;
    try {
      if (music !== undefined) await call.answer();
      heard = this.#sound(call, music, early);
      const found = await this.#ring(call, options.signal);
      heard?.();
      if (typeof found === 'string') return { end: found, rangMs: rang() };
      const { member, leg } = found;
      const rangMs = rang();
      member.join(leg);
      const answered = clock.now();
      if (!(await talk(media, call, leg))) return { end: 'no-answer', rangMs: rang() };
      return { end: 'answered', member: member.name, rangMs, talkedMs: Math.round(clock.now() - answered) };
    } catch (error) {
      // Before its answer, that is; whoever hangs up later has talked.
      if (call.signal.aborted) return { end: 'abandoned', rangMs: rang() };
      throw error;
    } finally {
      heard?.();
    }
  }

  /** What a caller that was answered hears meanwhile; who was not hears what its own phone makes of 180. */
  #sound(call: DialogServerSession, music: PlaySource | undefined, early: string): (() => void) | undefined {
    if (!call.isAnswered || early === 'none') return undefined;
    if (music === undefined) return call.ringtone().playBackground();
    const stop = new AbortController();
    playOn(call, () => call.playback().play(music, { loop: true, signal: stop.signal })).catch((error: unknown) =>
      this.#ports.logger.warn({ group: this.name, error: messageOf(error) }, 'no music'),
    );
    return () => stop.abort();
  }

  /** @throws what the caller's end gives */
  async #ring(
    call: DialogServerSession,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly member: Member; readonly leg: DialogClientSession } | Failure> {
    const { members, strategy = 'all', skipBusy = false } = this.#options;
    const wanted = members
      .filter((name) => name !== call.user)
      .map((name) => this.#members.get(name))
      .filter((member) => member.isRegistered);
    const free = wanted.filter((member) => !skipBusy || !member.isBusy);
    if (free.length === 0) return wanted.length === 0 ? 'unavailable' : 'busy';
    const turns = strategy === 'all' ? [free] : this.#ordered(free, strategy).map((member) => [member]);
    const failures: Failure[] = free.length < wanted.length ? ['busy'] : [];
    for (const turn of turns) {
      const found = await this.#ringTurn(call, turn, signal);
      if (typeof found !== 'string') return found;
      failures.push(found);
    }
    return worst(failures);
  }

  #ordered(members: readonly Member[], strategy: Exclude<RingStrategy, 'all'>): readonly Member[] {
    if (strategy === 'random') return shuffled(members, this.#ports.random);
    return strategy === 'longest-idle' ? byIdleTime(members) : members;
  }

  /** Rings some at once. */
  async #ringTurn(
    call: DialogServerSession,
    members: readonly Member[],
    signal: AbortSignal | undefined,
  ): Promise<{ readonly member: Member; readonly leg: DialogClientSession } | Failure> {
    const { ringTime = 20_000, early = 'pass', invite = {} } = this.#options;
    const owners = new Map<string, Member>();
    const targets: InviteTarget[] = [];
    for (const member of members) {
      for (const target of member.targets) {
        const uri = typeof target === 'string' ? target : target.uri;
        if (owners.has(uri)) continue;
        owners.set(uri, member);
        targets.push(target);
      }
    }
    // Gone since it was looked at.
    if (targets.length === 0) return 'unavailable';
    const failures: Failure[] = [];
    try {
      const leg = await call.invite(targets, {
        ...invite,
        early,
        transcode: true,
        timeout: ringTime,
        ...(signal ? { signal } : {}),
        onResponse: ({ status }) => {
          if (status >= 300) failures.push(isBusy(status) ? 'busy' : 'unavailable');
        },
      });
      return { member: owners.get(leg.calledUri) as Member, leg };
    } catch (error) {
      if (call.signal.aborted || isAbort(error, signal)) throw error;
      if (error instanceof TandemError && error.code === 'ERR_TIMEOUT') return 'no-answer';
      if (!(error instanceof DialogResponseError)) throw error;
      // A phone that did not answer is not told of by a response.
      if (failures.length < targets.length) failures.push('no-answer');
      return worst(failures);
    }
  }
}

/** 486, 600 and 603: somebody is there who does not want it. */
function isBusy(status: number): boolean {
  return status === 486 || status === 600 || status === 603;
}

/** Of several the one that tells most of what could have been. */
function worst(failures: readonly Failure[]): Failure {
  if (failures.includes('no-answer')) return 'no-answer';
  return failures.includes('busy') ? 'busy' : 'unavailable';
}

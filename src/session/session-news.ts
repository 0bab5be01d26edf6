/** What others hear of a leg: the observer, the call that it is a part of, and who follows it. */
import type { RecordingResult } from '../../media/index.ts';
import { defined } from '../base/defined.ts';
import type { IncomingRequest } from '../sip/incoming-request.ts';
import type { LegBirth, LegReport } from './call-data.ts';
import { consentVariable } from './consent.ts';
import type { DialogSession } from './dialog-session.ts';
import type { EndCause } from './errors.ts';
import type { SessionEvent } from './events.ts';
import type { Activity, ActivityFacts, ActivityName } from './follower.ts';
import type { SessionContext } from './session-context.ts';
import type { SessionState } from './session-options.ts';

export class SessionNews {
  readonly #session: DialogSession;
  readonly #context: SessionContext;
  #birth: LegBirth | undefined;
  #report: LegReport | undefined;
  #leave: (() => void) | undefined;

  constructor(session: DialogSession, context: SessionContext) {
    this.#session = session;
    this.#context = context;
  }

  /** What every event of the leg begins with. */
  stamp(): SessionEvent {
    const { callId, id } = this.#session;
    return { callId, sessionId: id, at: this.#context.clock.wallclock() };
  }

  /** Tells a follower what the call does from now on; undefined when there is none. */
  activity(name: ActivityName, facts: ActivityFacts): Activity | undefined {
    return this.#context.follower?.activity(this.#session, name, facts);
  }

  /** Once: the leg exists from now on. @param again an earlier process began it */
  began(birth: LegBirth, again: boolean): void {
    const session = this.#session;
    const { data } = session;
    this.#leave = this.#context.adopt(session);
    this.#report = again ? data.rejoin(session, birth) : data.join(session, birth);
    this.#birth = birth;
    this.#context.follower?.began(session, birth);
    const { direction, fromUri, toUri } = birth;
    const event = again ? 'call:recovered' : 'call:created';
    this.#context.observer.emit(event, { ...this.stamp(), direction, fromUri, toUri });
  }

  /** What its snapshot says is another thing now. */
  changed(): void {
    this.#report?.changed();
  }

  /** The peer asks for something in the dialog. */
  heard(incoming: IncomingRequest): void {
    const { request } = incoming;
    this.#report?.request(request);
    incoming.onFinal = (status) => this.#report?.response(request, status);
  }

  pressed(digit: string): void {
    this.#context.observer.emit('media:dtmf', { ...this.stamp(), digit });
  }

  /** @param isNew it was not in this state before; every provisional response is told to its call */
  advanced(state: Exclude<SessionState, 'initial' | 'ended'>, status: number, isNew: boolean): void {
    if (isNew || state === 'early') this.#report?.advanced(state, status);
    if (!isNew) return;
    if (state === 'early') this.#context.observer.emit('call:early', { ...this.stamp(), status });
    else this.#context.observer.emit(`call:${state}`, this.stamp());
  }

  /** Another peer is at its other end. */
  replaced(peer: string, peerCallId: string): void {
    this.#report?.replaced();
    this.#context.observer.emit('call:replaced', { ...this.stamp(), peer, peerCallId });
  }

  recordingStarted(path: string): void {
    const { direction, fromUri, toUri } = this.#birth ?? {};
    const consent = this.#session.variables.get(consentVariable);
    const about = { direction, fromUri, toUri, consent };
    this.#context.observer.emit('recording:started', { ...this.stamp(), path, ...defined(about) });
  }

  /** @param result undefined when it failed */
  recordingEnded(path: string, result: RecordingResult | undefined): void {
    const { end = 'failed', durationMs, pauses } = result ?? {};
    const { observer } = this.#context;
    observer.emit('recording:ended', { ...this.stamp(), path, end, ...defined({ durationMs, pauses }) });
  }

  recordingFailed(code: string, error: string): void {
    this.#context.observer.emit('recording:failed', { ...this.stamp(), code, error });
  }

  /** @param over resolves when the peer knows */
  ended(cause: EndCause, over: Promise<void>): void {
    this.#report?.left(cause, over);
    this.#context.observer.emit('call:ended', { ...this.stamp(), cause });
    this.#leave?.();
  }
}

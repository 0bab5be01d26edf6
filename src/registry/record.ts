/**
 * One call as the registry keeps it: the record of Kamailio's dialog module, over the legs that a B2BUA has. It is what
 * the legs share (`CallData`), and hears of each what happens, in the turn in which it does.
 */
import { TandemError } from '../base/errors.ts';
import { type Listener, Observer, type Unsubscribe } from '../base/events.ts';
import { type CallData, FlagWord, type LegBirth, type LegReport } from '../session/call-data.ts';
import type { DialogSession } from '../session/dialog-session.ts';
import type { EndCause } from '../session/errors.ts';
import type { ReferOutcome } from '../session/refer-out.ts';
import type { ReferOptions } from '../session/session-options.ts';
import { CallSteps } from '../session/steps.ts';
import type { HeaderField, SipResponse } from '../sip/message.ts';
import type { BodyOptions } from '../sip/options.ts';
import { uriUser } from '../sip/uri.ts';
import type { DialogDirection, DialogRegistryEvents } from './events.ts';
import { DialogLife, type LifeOwner } from './life.ts';
import { RecordProfiles } from './profiles.ts';
import { type DialogProperty, RecordFlags } from './record-flags.ts';
import type { RecordHouse } from './record-house.ts';
import { type LegOwner, RecordLeg } from './record-leg.ts';
import type { RecordSnapshot } from './record-snapshot.ts';
import { type DialogEnds, endsOf, isMeant, type Side } from './sides.ts';
import { confirmed, confirmedNa, type DialogState, deleted } from './states.ts';
import type { DialogId } from './table.ts';
import { DialogVariables } from './variables.ts';

const unborn: LegBirth = { direction: 'inbound', fromUri: '', toUri: '', requestUri: '' };

export class DialogRecord implements CallData, LegOwner, LifeOwner {
  /** Of the call, whatever becomes of its numbers: it names what is kept of it. */
  readonly id: string;
  readonly variables = new DialogVariables();
  readonly profiles: RecordProfiles;
  readonly flags = new FlagWord();
  readonly steps: CallSteps;
  /** Another server set it up: there is no audio of it here. */
  foreign = false;
  /** Called when its time is up, before it is hung up; it may give it more (`setTimeout`). */
  onTimeout: ((dialog: DialogRecord) => void) | undefined;
  readonly #house: RecordHouse;
  readonly #life: DialogLife;
  /** Made when somebody listens to this call. */
  #observer: Observer<DialogRegistryEvents> | undefined;
  #place: DialogId = { hEntry: 0, hId: 0 };
  /** How it began. */
  #callId = '';
  #birth: LegBirth = unborn;
  readonly #legs: RecordLeg[] = [];
  /** What it is found by: Call-IDs of its legs, and URIs of their peers. */
  readonly #names = new Set<string>();
  /** Farewells on their way. */
  #leaving = 0;
  #listed = false;
  #tracked = true;
  readonly #iflags: RecordFlags;
  #cause: EndCause | undefined;
  #endedBy: Side | 'local' | undefined;
  /** The second leg was hung up by its peer, and nobody followed. */
  #partnerLeft = false;

  /** Made by the registry, unknown to all until its first leg joins. */
  constructor(house: RecordHouse, id = house.newId()) {
    this.id = id;
    this.steps = new CallSteps(id, house.stepsOf(id));
    this.#house = house;
    const { settings } = house;
    this.profiles = new RecordProfiles(this, house.profiles, () => this.#changed());
    this.variables.watch(() => this.#changed());
    this.#iflags = new RecordFlags(settings);
    this.#life = new DialogLife(house, this);
  }

  // ---- what it is

  /** Slot of its Call-ID. */
  get hEntry(): number {
    return this.#place.hEntry;
  }

  /** Number in the slot. */
  get hId(): number {
    return this.#place.hId;
  }

  /** 1 unconfirmed, 2 early, 3 answered, 4 with ACK, 5 over. */
  get state(): DialogState {
    return this.#life.state;
  }

  /** Of its first leg, whoever is at the other end of it now. */
  get callId(): string {
    return this.#callId;
  }

  get direction(): 'inbound' | 'outbound' {
    return this.#birth.direction;
  }

  /** Of the INVITE that began it, as `toUri` and `requestUri`. */
  get fromUri(): string {
    return this.#birth.fromUri;
  }

  get toUri(): string {
    return this.#birth.toUri;
  }

  get requestUri(): string {
    return this.#birth.requestUri;
  }

  /** The legs that are not over, the first one first. */
  get sessions(): readonly DialogSession[] {
    return this.#legs.filter(({ isOver }) => !isOver).map(({ session }) => session);
  }

  /** The leg that began it. */
  get caller(): DialogSession | undefined {
    return this.#legs[0]?.session;
  }

  /** The other leg: the one that answered, while it lasts; of a call that is over the last one. */
  get callee(): DialogSession | undefined {
    const isOver = this.state === deleted;
    return this.#legs.findLast((leg, index) => index > 0 && (isOver ? leg.wasUp : leg.isUp))?.session;
  }

  /** Unix seconds; 0 for what has not been. */
  get initTs(): number {
    return this.#life.initTs;
  }

  get startTs(): number {
    return this.#life.startTs;
  }

  get endTs(): number {
    return this.#life.endTs;
  }

  /** Seconds since the answer, until the end; 0 for a call that was not answered. */
  get duration(): number {
    return this.#life.duration;
  }

  /** Seconds that it lives from its answer on; 0 is for ever. */
  get lifetime(): number {
    return this.#life.lifetime;
  }

  /** Unix seconds at which it is over at the latest; 0 before the answer, and without a limit. */
  get timeout(): number {
    return this.#life.timeout;
  }

  /** Why it ended. */
  get cause(): EndCause | undefined {
    return this.#cause;
  }

  /** Who hung up; `local` is we. */
  get endedBy(): Side | 'local' | undefined {
    return this.#endedBy;
  }

  /** Kamailio's internal flags as one number: 1 BYE at the time-out, 2 `ka-src`, 4 `ka-dst`, 8 `timeout-noreset`. */
  get iflags(): number {
    return this.#iflags.bits;
  }

  /** Whether it is in the list. */
  get tracked(): boolean {
    return this.#tracked;
  }

  /** False: it leaves the list, the counts and its profiles for good, without an event. The call goes on. */
  set tracked(on: boolean) {
    if (on === this.#tracked || on) return;
    this.#tracked = false;
    this.#tell('untracked', {});
    this.profiles.close();
    if (this.#listed) this.#house.moved(this.state, undefined);
    this.#unlist();
  }

  isSet(property: DialogProperty): boolean {
    return this.#iflags.isSet(property);
  }

  setProperty(property: DialogProperty, on = true): void {
    this.#iflags.set(property, on);
    this.#changed();
  }

  /** Hears of this call alone; names and payloads are those of `DialogRegistry.on`. */
  on<K extends keyof DialogRegistryEvents>(name: K, listener: Listener<DialogRegistryEvents[K]>): Unsubscribe {
    this.#observer ??= new Observer((event, error) => this.#house.listenerFailed(event, error));
    return this.#observer.on(name, listener);
  }

  /**
   * It is over so many seconds from now, or after its answer if it has none yet; 0 is never. Requests in the call do
   * not begin this time anew.
   * @throws TandemError ERR_ARGUMENT
   */
  setTimeout(seconds: number): void {
    if (!Number.isFinite(seconds) || seconds < 0)
      throw new TandemError('ERR_ARGUMENT', `setTimeout takes seconds, 0 or more, not ${seconds}`);
    this.#life.limit(seconds);
    this.setProperty('timeout-noreset');
  }

  // ---- what is done with it

  /**
   * Ends it for one side or both, as its state asks for: BYE, CANCEL, or a refusal (`byeEarlyCode`). Idempotent.
   * @param side who is told; a callee that is we ourselves is the whole call
   */
  async bye(
    side: Side | 'all' = 'all',
    cause: EndCause = { by: 'local' },
    headers: readonly HeaderField[] = [],
  ): Promise<void> {
    const { caller, callee } = this;
    const legs = side === 'all' ? this.sessions : [side === 'caller' ? caller : (callee ?? caller)];
    await Promise.all(legs.map((leg) => leg?.terminate(cause, { headers: [...headers, ...this.#byeHeaders(leg)] })));
  }

  #byeHeaders(leg: DialogSession | undefined): readonly HeaderField[] {
    const { dlgExtraHdrs, lreqCalleeHeaders } = this.#house.settings;
    return leg === this.caller ? dlgExtraHdrs : [...dlgExtraHdrs, ...lreqCalleeHeaders];
  }

  /** @internal Changes nothing but the state, of a call that is not over: for tests and operators. */
  setState(state: DialogState): void {
    if (this.sessions.length > 0) this.#life.enter(state);
  }

  /** The leg of a side; while we are the callee ourselves, that is the caller's. */
  leg(side: Side): DialogSession | undefined {
    return side === 'caller' ? this.caller : (this.callee ?? this.caller);
  }

  /**
   * Asks the peer of a side to call somebody else, and hangs it up when that went well.
   * @throws as `DialogSession.refer`
   */
  async refer(side: Side, uri: string, options: ReferOptions = {}): Promise<ReferOutcome> {
    const outcome = await this.#up(side).refer(uri, options);
    if (outcome.status < 300) await this.bye(side);
    return outcome;
  }

  /** Sends a request to a side, and resolves with its final response. @throws TandemError ERR_STATE, ERR_HEADER */
  request(side: Side, method: string, options: BodyOptions = {}): Promise<SipResponse> {
    return this.#up(side).request(method, options);
  }

  /**
   * Connects a side with somebody else: who was at the other end is hung up.
   * @param to a SIP URI
   * @throws DialogResponseError when it is refused: all is as it was then
   */
  bridge(side: Side, to: string, options: { readonly headers?: readonly HeaderField[] } = {}): Promise<void> {
    return this.#house.connect(this.#up(side), to, options.headers ?? []);
  }

  #up(side: Side): DialogSession {
    const leg = this.leg(side);
    if (leg && this.state !== deleted) return leg;
    throw new TandemError('ERR_STATE', `the call ${this.callId} is over`, { status: 481 });
  }

  /** Both ends; the callee is there from the answer on. */
  get sides(): DialogEnds {
    return endsOf(this.caller, this.callee, this.direction, this.#life.isAnswered);
  }

  /** Whether these are identifiers of it: of either leg in either order of tags, or as `dlg.list` prints them. */
  isNamedBy(callId: string, fromTag: string, toTag?: string): boolean {
    const legs = this.#legs.map(({ session }) => session);
    return isMeant(legs, { ...this.sides, callId: this.callId }, callId, fromTag, toTag);
  }

  /** @internal A peer does not answer any more. */
  isUnreachable(): void {
    this.#life.shorten();
  }

  // ---- CallData

  join(session: DialogSession, birth: LegBirth): LegReport {
    const leg = new RecordLeg(this, session, birth);
    this.#legs.push(leg);
    this.#partnerLeft = false;
    if (this.#legs.length === 1) {
      this.#callId = session.callId;
      this.#birth = birth;
      this.#begin();
    }
    this.#name(...namesOf(leg));
    return leg;
  }

  rejoin(session: DialogSession, birth: LegBirth): LegReport {
    const leg = new RecordLeg(this, session, birth);
    leg.wasUp = true;
    this.#legs.push(leg);
    this.#name(...namesOf(leg));
    const { signalling } = session;
    if (signalling) this.#name(signalling.callId, signalling.remote.uri);
    return leg;
  }

  /** @internal All its legs, those too that are over and whose peers may not know yet. */
  get legs(): readonly RecordLeg[] {
    return this.#legs;
  }

  /** @internal As plain data. */
  snapshot(): RecordSnapshot {
    const { id, hEntry, hId, callId, state, initTs, startTs, timeout, lifetime, iflags } = this;
    return {
      ...{ version: 1, id, hEntry, hId, callId, state, initTs, startTs, timeout, lifetime, iflags },
      birth: this.#birth,
      sflags: this.flags.bits,
      variables: [...this.variables],
      profiles: [...this.profiles],
    };
  }

  /**
   * @internal Takes its place in the list again; its legs `rejoin` after that.
   * @returns false when another call has its number
   */
  restore(snapshot: RecordSnapshot): boolean {
    const { hEntry, hId, callId, birth, state, initTs, startTs, timeout, lifetime, iflags } = snapshot;
    this.#place = { hEntry, hId };
    this.#callId = callId;
    this.#birth = birth;
    this.#iflags.bits = iflags;
    if (!this.#house.reenter(this, state)) return false;
    this.#listed = true;
    this.flags.bits = snapshot.sflags;
    for (const [name, value] of snapshot.variables) this.variables.set(name, value);
    for (const { name, value } of snapshot.profiles) this.profiles.rejoin(name, value);
    this.#name(callId);
    this.#life.restore(state, initTs, startTs, lifetime, timeout);
    if (state === confirmed) this.#house.confirmed(this);
    return true;
  }

  /** @internal All its legs are here again. */
  loaded(): void {
    this.#tell('loaded', {});
  }

  #begin(): void {
    if (!this.#tracked) return;
    this.#place = this.#house.enter(this);
    this.#listed = true;
    this.#house.moved(undefined, this.state);
    this.#life.begin();
    const { fromUri, toUri } = this;
    const values = { fromUri, toUri, fromUser: uriUser(fromUri) ?? '', toUser: uriUser(toUri) ?? '' };
    for (const [name, value] of Object.entries(this.#house.settings.autoProfiles))
      this.profiles.set(name, value === 'none' ? undefined : values[value]);
    this.#tell('created', {});
  }

  // ---- LegOwner

  /** @internal */
  legAdvanced(leg: RecordLeg, state: 'early' | 'answered' | 'confirmed', status: number): void {
    const isFirst = leg === this.#legs[0];
    // Of the second leg only that it rings is seen here: the caller's answer is what counts.
    if (!isFirst && (state !== 'early' || this.state >= confirmedNa)) return;
    this.#life.input(({ early: '1xx', answered: '2xx', confirmed: 'ack' } as const)[state]);
    if (state === 'early') this.#tell('early', { status });
    if (isFirst && state !== 'confirmed') this.#tell('responseForwarded', { status });
  }

  /** @internal */
  legChanged(): void {
    this.#changed();
  }

  /** @internal */
  legReplaced({ session: { signalling } }: RecordLeg): void {
    if (signalling) this.#name(signalling.callId, signalling.remote.uri);
    this.#changed();
  }

  /** @internal */
  legRequest(leg: RecordLeg, method: string): void {
    this.#life.input(method === 'PRACK' ? 'prack' : 'request');
    this.#life.renew();
    this.#tell('requestWithin', { direction: this.#way(leg), method });
  }

  /** @internal */
  legResponse(leg: RecordLeg, method: string, status: number): void {
    const direction = this.#way(leg) === 'downstream' ? 'upstream' : 'downstream';
    this.#tell('responseWithin', { direction, method, status });
  }

  /** @internal */
  legLeft(leg: RecordLeg, cause: EndCause, over: Promise<void>): void {
    const isFirst = leg === this.#legs[0];
    const isLast = this.#legs.every(({ isOver }) => isOver);
    if (isFirst || isLast) {
      this.#cause ??= cause;
      this.#endedBy ??= this.#whoEnded(isFirst, cause);
    }
    if (!isFirst) this.#partnerLeft = cause.by === 'remote';
    // A call that is offered to one after the other for hours does not keep those who did not take it.
    if (!isFirst && !leg.wasUp) this.#drop(leg);
    this.#leaving++;
    const told = (): void => {
      leg.isTold = true;
      this.#leaving--;
      this.#settle();
    };
    over.then(told, told);
    if (isLast) this.#end(this.#cause ?? cause);
  }

  #drop(leg: RecordLeg): void {
    this.#legs.splice(this.#legs.indexOf(leg), 1);
    const kept = new Set(this.#legs.flatMap(namesOf));
    for (const name of namesOf(leg)) {
      if (kept.has(name) || !this.#names.delete(name)) continue;
      this.#house.unname(name, this);
    }
  }

  #whoEnded(isFirst: boolean, { by }: EndCause): Side | 'local' {
    if (by === 'remote') return isFirst && this.direction === 'inbound' ? 'caller' : 'callee';
    return this.#partnerLeft ? 'callee' : 'local';
  }

  // ---- its end

  /** The last leg has left. */
  #end(cause: EndCause): void {
    // An operator has said so already (`setState`).
    if (this.state === deleted) return;
    const wasAnswered = this.state >= confirmedNa;
    this.#life.input(wasAnswered ? 'bye' : cause.status === undefined ? 'tdel' : '3xx-6xx');
    if (!wasAnswered) this.#tell('responseForwarded', { status: cause.status ?? 480 });
    this.#tell(wasAnswered ? 'terminated' : 'failed', { cause });
    this.#tell(wasAnswered ? 'dialog:end' : 'dialog:failed', { cause });
  }

  /** After the last farewell has arrived, nothing is left of the call. */
  #settle(): void {
    if (this.state !== deleted || this.#leaving > 0 || this.sessions.length > 0) return;
    if (this.#life.isAnswered && this.#cause) this.#tell('terminatedConfirmed', { cause: this.#cause });
    this.#destroy();
  }

  // ---- LifeOwner

  /** @internal */
  get isTimeFixed(): boolean {
    return this.isSet('timeout-noreset');
  }

  /** @internal */
  lifeMoved(from: DialogState, to: DialogState): void {
    if (!this.#listed) return;
    this.#house.moved(from, to);
    if (to === deleted) this.profiles.close();
    if (to === confirmedNa) {
      this.#tell('confirmedNa', {});
      this.#tell('dialog:start', {});
    }
    if (to === confirmed) {
      this.#tell('confirmed', {});
      this.#house.confirmed(this);
    }
    this.#changed();
  }

  /** @internal */
  lifeUnanswered(): void {
    const { byeEarlyCode, byeEarlyReason } = this.#house.settings;
    void this.bye('all', { by: 'timeout', status: byeEarlyCode, reason: byeEarlyReason });
  }

  /** @internal */
  lifeForgotten(): void {
    this.#destroy();
  }

  /** @internal */
  lifeExpired(): void {
    const payload = { dialog: this, at: this.#house.wallclock() };
    try {
      this.onTimeout?.(this);
    } catch (error) {
      this.#house.listenerFailed('onTimeout', error);
    }
    this.#house.emitNow('dialog:timeout', payload);
    this.#observer?.emitNow('dialog:timeout', payload);
    // Somebody gave it more time, or none at all any more.
    if (this.#life.isLimited || this.timeout === 0) return;
    this.#house.expired();
    if (this.#iflags.saysBye) {
      void this.bye('all', { by: 'timeout', reason: 'call duration limit' });
      return;
    }
    this.#life.enter(deleted);
    this.#tell('expired', {});
    this.#destroy();
  }

  #destroy(): void {
    this.#life.stop();
    this.#tell('destroyed', {});
    this.#unlist();
  }

  #unlist(): void {
    if (!this.#listed) return;
    this.#listed = false;
    for (const name of this.#names) this.#house.unname(name, this);
    this.#house.leave(this);
  }

  // ----

  #name(...names: readonly string[]): void {
    if (!this.#listed) return;
    for (const name of names) {
      this.#names.add(name);
      this.#house.name(name, this);
    }
  }

  #way(leg: RecordLeg): DialogDirection {
    return (leg === this.#legs[0]) === (this.direction === 'inbound') ? 'downstream' : 'upstream';
  }

  #changed(): void {
    this.#tell('changed', {});
  }

  #tell<K extends keyof DialogRegistryEvents>(name: K, more: Omit<DialogRegistryEvents[K], 'dialog' | 'at'>): void {
    const own = this.#observer;
    if (!this.#listed || !(own?.has(name) || this.#house.has(name))) return;
    const payload = { ...more, dialog: this, at: this.#house.wallclock() } as unknown as DialogRegistryEvents[K];
    own?.emit(name, payload);
    this.#house.emit(name, payload);
  }
}

/** What a leg is found by from its beginning on: its Call-ID, and the URI of its peer. */
function namesOf({ session, birth }: RecordLeg): readonly string[] {
  return [session.callId, birth.direction === 'inbound' ? birth.fromUri : birth.toUri];
}

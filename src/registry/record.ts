/**
 * One call as the registry keeps it: the record of Kamailio's dialog module, over the legs that a B2BUA has. It is what
 * the legs share (`CallData`), and hears of each what happens, in the turn in which it does.
 */
import { TandemError } from '../base/errors.ts';
import type { Listener, Unsubscribe } from '../base/events.ts';
import { Observer } from '../base/events.ts';
import { type CallData, FlagWord, type LegBirth, type LegReport } from '../session/call-data.ts';
import type { DialogSession } from '../session/dialog-session.ts';
import type { EndCause } from '../session/errors.ts';
import type { ReferOutcome } from '../session/refer-out.ts';
import type { ReferOptions } from '../session/session-options.ts';
import type { LegSignalling } from '../session/signalling.ts';
import type { HeaderField, SipRequest, SipResponse } from '../sip/message.ts';
import type { BodyOptions } from '../sip/options.ts';
import { uriUser } from '../sip/uri.ts';
import type { DialogDirection, DialogRegistryEvents } from './events.ts';
import type { RegistrySettings } from './options.ts';
import { type Profiles, RecordProfiles } from './profiles.ts';
import {
  confirmed,
  confirmedNa,
  type DialogState,
  deleted,
  nextState,
  type StateInput,
  unconfirmed,
} from './states.ts';
import type { DialogId } from './table.ts';
import type { TimerWheel, WheelTimer } from './timer-wheel.ts';
import { DialogVariables } from './variables.ts';

export type Side = 'caller' | 'callee';

/** One end of a call, as `dlg.list` shows it. */
export interface DialogEnd {
  readonly tag: string;
  readonly contact: string;
  readonly cseq: number;
  /** URIs. */
  readonly routeSet: readonly string[];
  /** Our socket towards it: `udp:192.0.2.1:5060`. */
  readonly socket: string;
}

/** What a record needs of its registry. */
export interface RecordHouse {
  readonly settings: RegistrySettings;
  readonly profiles: Profiles;
  readonly wheel: TimerWheel;
  /** Unix milliseconds. */
  wallclock(): number;
  /** It begins: a number for it, and a place in the list. */
  enter(record: DialogRecord): DialogId;
  /** It is forgotten. */
  leave(record: DialogRecord): void;
  /** One of its legs has this Call-ID, or no longer. */
  name(callId: string, record: DialogRecord): void;
  unname(callId: string, record: DialogRecord): void;
  /** It came (from nowhere), went on, or is no longer followed (to nowhere). */
  moved(from: DialogState | undefined, to: DialogState | undefined): void;
  /** Its time is up. */
  expired(): void;
  /** Whether somebody listens. */
  has(name: keyof DialogRegistryEvents): boolean;
  emit<K extends keyof DialogRegistryEvents>(name: K, payload: DialogRegistryEvents[K]): void;
  emitNow<K extends keyof DialogRegistryEvents>(name: K, payload: DialogRegistryEvents[K]): void;
  /** Gives `leg` another partner. */
  connect(record: DialogRecord, leg: DialogSession, to: string, headers: readonly HeaderField[]): Promise<void>;
  listenerFailed(name: string, error: unknown): void;
}

/** After so many seconds a call without ACK, or without answers to OPTIONS, is over (Kamailio's). */
const lastSeconds = 10;
/** How `sflags`, `dflags` and `iflags` of Kamailio 5.6 are made up. */
const iflag = { timeoutBye: 1, kaSrc: 2, kaDst: 4, noreset: 8 } as const;

export type DialogProperty = 'ka-src' | 'ka-dst' | 'timeout-noreset';
const propertyFlags: Readonly<Record<DialogProperty, number>> = {
  'ka-src': iflag.kaSrc,
  'ka-dst': iflag.kaDst,
  'timeout-noreset': iflag.noreset,
};

/** A leg, as long as the record knows it. */
interface KnownLeg {
  readonly session: DialogSession;
  readonly birth: LegBirth;
  /** Call-IDs that it is found by. */
  readonly names: Set<string>;
  isOver: boolean;
}

export class DialogRecord implements CallData {
  readonly variables = new DialogVariables();
  readonly profiles: RecordProfiles;
  readonly flags = new FlagWord();
  /** Called when its time is up, before it is hung up; it may give it more (`setTimeout`). */
  onTimeout: ((dialog: DialogRecord) => void) | undefined;
  readonly #house: RecordHouse;
  /** Made when somebody listens to this call. */
  #observer: Observer<DialogRegistryEvents> | undefined;
  #id: DialogId = { hEntry: 0, hId: 0 };
  readonly #legs: KnownLeg[] = [];
  /** Farewells on their way. */
  #leaving = 0;
  #state: DialogState = unconfirmed;
  #listed = false;
  #tracked = true;
  #iflags: number;
  #initTs = 0;
  #startTs = 0;
  #endTs = 0;
  /** Seconds that it lives once it is answered. */
  #lifetime: number;
  /** Unix seconds; 0 before the answer. */
  #timeout = 0;
  #lifeTimer: WheelTimer | undefined;
  /** Of the early, the no-ACK or the end time. */
  #stageTimer: WheelTimer | undefined;
  #cause: EndCause | undefined;
  #endedBy: Side | 'local' | undefined;
  /** A leg that was hung up by its peer while the first went on, and which nobody followed. */
  #partnerLeft = false;

  /** Made by the registry, unknown to all until its first leg joins. */
  constructor(house: RecordHouse) {
    this.#house = house;
    const { settings } = house;
    this.profiles = new RecordProfiles(this, house.profiles, () => this.#changed());
    this.variables.watch(() => this.#changed());
    this.#lifetime = settings.defaultTimeout;
    this.#iflags = (settings.sendBye ? iflag.timeoutBye : 0) | (settings.timeoutNoreset ? iflag.noreset : 0);
  }

  // ---- what it is

  /** Slot of its Call-ID. */
  get hEntry(): number {
    return this.#id.hEntry;
  }

  /** Number in the slot. */
  get hId(): number {
    return this.#id.hId;
  }

  /** 1 unconfirmed, 2 early, 3 answered, 4 with ACK, 5 over. */
  get state(): DialogState {
    return this.#state;
  }

  /** Of its first leg, whoever is at the other end of it now. */
  get callId(): string {
    return this.#legs[0]?.session.callId ?? '';
  }

  get direction(): 'inbound' | 'outbound' {
    return this.#legs[0]?.birth.direction ?? 'inbound';
  }

  /** Of the INVITE that began it, as `toUri` and `requestUri`. */
  get fromUri(): string {
    return this.#legs[0]?.birth.fromUri ?? '';
  }

  get toUri(): string {
    return this.#legs[0]?.birth.toUri ?? '';
  }

  get requestUri(): string {
    return this.#legs[0]?.birth.requestUri ?? '';
  }

  /** The legs that are not over, the first one first. */
  get sessions(): readonly DialogSession[] {
    return this.#legs.filter(({ isOver }) => !isOver).map(({ session }) => session);
  }

  /** The leg that began it. */
  get caller(): DialogSession | undefined {
    return this.#legs[0]?.session;
  }

  /** The other leg: the one that answered, while it lasts. */
  get callee(): DialogSession | undefined {
    const answered = this.#legs.findLast(
      ({ session, isOver }, index) =>
        index > 0 && !isOver && (session.state === 'answered' || session.state === 'confirmed'),
    );
    return (answered ?? (this.#state === deleted ? this.#legs[1] : undefined))?.session;
  }

  /** Unix seconds; 0 for what has not been. */
  get initTs(): number {
    return this.#initTs;
  }

  get startTs(): number {
    return this.#startTs;
  }

  get endTs(): number {
    return this.#endTs;
  }

  /** Seconds since the answer, until the end; 0 for a call that was not answered. */
  get duration(): number {
    if (this.#startTs === 0) return 0;
    return Math.max(0, (this.#endTs || this.#now()) - this.#startTs);
  }

  /** Seconds that it lives from its answer on; 0 is for ever. */
  get lifetime(): number {
    return this.#lifetime;
  }

  /** Unix seconds at which it is over at the latest; 0 before the answer, and without a limit. */
  get timeout(): number {
    return this.#timeout;
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
    return this.#iflags;
  }

  /** Whether it is in the list. */
  get tracked(): boolean {
    return this.#tracked;
  }

  /** False: it leaves the list and the counts of running calls for good, without an event. The call goes on. */
  set tracked(on: boolean) {
    if (on === this.#tracked || on) return;
    this.#tracked = false;
    this.profiles.close();
    if (this.#listed) this.#house.moved(this.#state, undefined);
    this.#forget();
  }

  isSet(property: DialogProperty): boolean {
    return (this.#iflags & propertyFlags[property]) !== 0;
  }

  setProperty(property: DialogProperty, on = true): void {
    const flag = propertyFlags[property];
    this.#iflags = on ? this.#iflags | flag : this.#iflags & ~flag;
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
    this.#iflags |= iflag.noreset;
    this.#live(seconds);
    this.#changed();
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
    return headerLines(leg === this.caller ? dlgExtraHdrs : dlgExtraHdrs + lreqCalleeHeaders);
  }

  /** @internal Changes nothing but the state: for tests and operators. */
  setState(state: DialogState): void {
    this.#enter(state);
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
    return this.#house.connect(this, this.#up(side), to, options.headers ?? []);
  }

  #up(side: Side): DialogSession {
    const leg = this.leg(side);
    if (leg && this.#state !== deleted) return leg;
    throw new TandemError('ERR_STATE', `the call ${this.callId} is over`, { status: 481 });
  }

  /** Kamailio's `dlg.list` names of both ends: from the answer on the second leg's, or ours where we are the callee. */
  get sides(): Readonly<Record<Side, DialogEnd | undefined>> {
    const [a, b] = [this.caller?.signalling, this.callee?.signalling];
    const isUp = this.#startTs > 0;
    if (b) return { caller: a && endOf(a, 'remote'), callee: endOf(b, 'remote') };
    if (this.direction === 'inbound')
      return { caller: a && endOf(a, 'remote'), callee: a && isUp ? endOf(a, 'local') : undefined };
    return { caller: a && endOf(a, 'local'), callee: a && isUp ? endOf(a, 'remote') : undefined };
  }

  /** Whether these are identifiers of it: of either leg in either order of tags, or as `dlg.list` prints them. */
  isNamedBy(callId: string, fromTag: string, toTag?: string): boolean {
    const { caller, callee } = this.sides;
    const pairs = this.#legs.flatMap(({ session: { signalling } }) =>
      signalling?.callId === callId ? [[signalling.local.tag, signalling.remote.tag]] : [],
    );
    if (callId === this.callId) pairs.push([caller?.tag, callee?.tag]);
    return pairs.some(
      ([one, other]) =>
        (one === fromTag && (toTag === undefined || (other ?? '') === toTag)) ||
        (other === fromTag && (toTag === undefined || (one ?? '') === toTag)),
    );
  }

  // ---- CallData

  join(session: DialogSession, birth: LegBirth): LegReport {
    const leg: KnownLeg = { session, birth, names: new Set(), isOver: false };
    this.#legs.push(leg);
    this.#partnerLeft = false;
    if (this.#legs.length === 1) this.#begin();
    this.#name(leg, session.callId);
    return {
      advanced: (state, status) => this.#advanced(leg, state, status),
      replaced: () => this.#replaced(leg),
      request: (request) => this.#request(leg, request),
      response: ({ method }, status) =>
        this.#tell('responseWithin', { direction: otherWay(this.#way(leg)), method, status }),
      left: (cause, over) => this.#left(leg, cause, over),
    };
  }

  #begin(): void {
    this.#initTs = this.#now();
    if (!this.#tracked) return;
    this.#id = this.#house.enter(this);
    this.#listed = true;
    this.#house.moved(undefined, this.#state);
    this.#stage(this.#house.settings.earlyTimeout, () => this.#expireEarly());
    this.#enterAutoProfiles();
    this.#tell('created', {});
  }

  #enterAutoProfiles(): void {
    const { autoProfiles } = this.#house.settings;
    const values = {
      fromUri: this.fromUri,
      toUri: this.toUri,
      fromUser: uriUser(this.fromUri) ?? '',
      toUser: uriUser(this.toUri) ?? '',
    };
    for (const [name, value] of Object.entries(autoProfiles))
      this.profiles.set(name, value === 'none' ? undefined : values[value]);
  }

  #advanced(leg: KnownLeg, state: 'early' | 'answered' | 'confirmed', status: number): void {
    const isFirst = leg === this.#legs[0];
    // Of the second leg only that it rings is seen here: the caller's answer is what counts.
    if (!isFirst && (state !== 'early' || this.#state >= confirmedNa)) return;
    if (state === 'early') {
      this.#input('1xx');
      this.#tell('early', { status });
      if (isFirst) this.#tell('responseForwarded', { status });
    } else if (state === 'answered') {
      this.#input('2xx');
      this.#tell('responseForwarded', { status });
    } else this.#input('ack');
  }

  #replaced(leg: KnownLeg): void {
    const callId = leg.session.signalling?.callId;
    if (callId !== undefined) this.#name(leg, callId);
    this.#changed();
  }

  #request(leg: KnownLeg, { method }: SipRequest): void {
    this.#input(method === 'PRACK' ? 'prack' : 'request');
    this.#tell('requestWithin', { direction: this.#way(leg), method });
    if (this.#timeout > 0 && !this.isSet('timeout-noreset')) this.#live(this.#lifetime);
  }

  #left(leg: KnownLeg, cause: EndCause, over: Promise<void>): void {
    leg.isOver = true;
    const isFirst = leg === this.#legs[0];
    if (isFirst || this.#legs.every(({ isOver }) => isOver)) {
      this.#cause ??= cause;
      this.#endedBy ??= this.#whoEnded(leg, cause);
    }
    if (!isFirst) this.#partnerLeft = cause.by === 'remote';
    this.#leaving++;
    const gone = (): void => {
      this.#leaving--;
      this.#settled();
    };
    over.then(gone, gone);
    if (this.#legs.every(({ isOver }) => isOver)) this.#end(this.#cause ?? cause);
  }

  #whoEnded(leg: KnownLeg, { by }: EndCause): Side | 'local' {
    if (by === 'remote') return leg === this.#legs[0] && this.direction === 'inbound' ? 'caller' : 'callee';
    return this.#partnerLeft ? 'callee' : 'local';
  }

  /** The last leg has left. */
  #end(cause: EndCause): void {
    // An operator has said so already (`setState`).
    if (this.#state === deleted) return;
    const wasAnswered = this.#state >= confirmedNa;
    this.#input(wasAnswered ? 'bye' : cause.status === undefined ? 'tdel' : '3xx-6xx');
    if (!this.#listed) return;
    if (wasAnswered) {
      this.#tell('terminated', { cause });
      this.#tell('dialog:end', { cause });
      return;
    }
    this.#tell('responseForwarded', { status: cause.status ?? 480 });
    this.#tell('failed', { cause });
    this.#tell('dialog:failed', { cause });
  }

  /** A farewell has arrived. After the last one nothing is left of the call. */
  #settled(): void {
    if (this.#state !== deleted || this.#leaving > 0 || !this.#listed) return;
    if (this.#startTs > 0 && this.#cause) this.#tell('terminatedConfirmed', { cause: this.#cause });
    this.#forget();
    this.#tell('destroyed', {});
  }

  /** Out of the list. */
  #forget(): void {
    this.#lifeTimer?.cancel();
    this.#stageTimer?.cancel();
    for (const { names } of this.#legs) for (const callId of names) this.#house.unname(callId, this);
    if (!this.#listed) return;
    this.#listed = false;
    this.#house.leave(this);
  }

  // ---- states and times

  #input(input: StateInput): void {
    const next = nextState(this.#state, input);
    if (next !== undefined && next !== this.#state) this.#enter(next);
  }

  #enter(state: DialogState): void {
    const from = this.#state;
    if (from === state) return;
    this.#state = state;
    if (this.#listed) this.#house.moved(from, state);
    if (state === confirmedNa) this.#answered();
    if (state === confirmed) {
      this.#stageTimer?.cancel();
      if (this.#startTs === 0) this.#startTs = this.#now();
      if (!this.isSet('timeout-noreset') || this.#timeout === 0) this.#live(this.#lifetime);
      this.#tell('confirmed', {});
    }
    if (state === deleted) this.#over();
    this.#changed();
  }

  #answered(): void {
    this.#startTs = this.#now();
    this.#live(this.#lifetime);
    this.#stage(this.#house.settings.noackTimeout, () => this.#live(lastSeconds));
    this.#tell('confirmedNa', {});
    this.#tell('dialog:start', {});
  }

  #over(): void {
    this.#endTs = this.#now();
    this.#lifeTimer?.cancel();
    this.profiles.close();
    this.#stage(this.#house.settings.endTimeout, () => {
      this.#forget();
      this.#tell('destroyed', {});
    });
  }

  /** The time of an answered call begins, or begins anew. */
  #live(seconds: number): void {
    this.#lifetime = seconds;
    if (this.#state !== confirmedNa && this.#state !== confirmed) return;
    this.#lifeTimer?.cancel();
    this.#timeout = seconds === 0 ? 0 : this.#now() + Math.ceil(seconds);
    if (seconds > 0) this.#lifeTimer = this.#house.wheel.set(seconds, () => this.#expire());
  }

  #stage(seconds: number, fire: () => void): void {
    this.#stageTimer?.cancel();
    this.#stageTimer = this.#listed ? this.#house.wheel.set(seconds, fire) : undefined;
  }

  /** @internal A peer does not answer any more. */
  isUnreachable(): void {
    this.#live(lastSeconds);
  }

  #expireEarly(): void {
    const { byeEarlyCode, byeEarlyReason } = this.#house.settings;
    void this.bye('all', { by: 'timeout', status: byeEarlyCode, reason: byeEarlyReason });
  }

  #expire(): void {
    const before = this.#timeout;
    try {
      this.onTimeout?.(this);
    } catch (error) {
      this.#house.listenerFailed('onTimeout', error);
    }
    const payload = { dialog: this, at: this.#house.wallclock() };
    this.#house.emitNow('dialog:timeout', payload);
    this.#observer?.emitNow('dialog:timeout', payload);
    // Somebody gave it more time.
    if (this.#timeout !== before || this.#state === deleted) return;
    this.#house.expired();
    if ((this.#iflags & iflag.timeoutBye) !== 0) {
      void this.bye('all', { by: 'timeout', reason: 'call duration limit' });
      return;
    }
    this.#enter(deleted);
    this.#tell('expired', {});
    this.#forget();
    this.#tell('destroyed', {});
  }

  // ----

  #name(leg: KnownLeg, callId: string): void {
    if (!this.#listed || leg.names.has(callId)) return;
    leg.names.add(callId);
    this.#house.name(callId, this);
  }

  #way(leg: KnownLeg): DialogDirection {
    return (leg === this.#legs[0]) === (this.direction === 'inbound') ? 'downstream' : 'upstream';
  }

  #changed(): void {
    if (this.#listed) this.#tell('changed', {});
  }

  #tell<K extends keyof DialogRegistryEvents>(name: K, more: Omit<DialogRegistryEvents[K], 'dialog' | 'at'>): void {
    const own = this.#observer;
    if (!own?.has(name) && !this.#house.has(name)) return;
    const payload = { ...more, dialog: this, at: this.#house.wallclock() } as unknown as DialogRegistryEvents[K];
    own?.emit(name, payload);
    this.#house.emit(name, payload);
  }

  #now(): number {
    return Math.floor(this.#house.wallclock() / 1000);
  }
}

function endOf({ local, remote, routeSet, socket }: LegSignalling, which: 'local' | 'remote'): DialogEnd {
  const { tag = '', contact, cseq } = which === 'local' ? local : remote;
  return { tag, contact, cseq, routeSet: which === 'remote' ? routeSet : [], socket };
}

function otherWay(way: DialogDirection): DialogDirection {
  return way === 'downstream' ? 'upstream' : 'downstream';
}

/** `Name: value` lines → fields; what is no field is left out. */
function headerLines(text: string): readonly HeaderField[] {
  return text.split(/\r?\n/).flatMap((line) => {
    const colon = line.indexOf(':');
    return colon < 1 ? [] : [[line.slice(0, colon).trim(), line.slice(colon + 1).trim()] as const];
  });
}

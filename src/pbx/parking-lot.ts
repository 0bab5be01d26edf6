/** Calls that wait in numbered slots until somebody fetches them, from whatever phone. */
import type { PlaySource } from '../../media/index.ts';
import { isAbort, messageOf, TandemError } from '../base/errors.ts';
import { bridgeTwo } from '../session/bridge.ts';
import type { DialogClientSession } from '../session/dialog-client-session.ts';
import { DialogServerSession } from '../session/dialog-server-session.ts';
import type { DialogSession } from '../session/dialog-session.ts';
import { fork } from '../session/fork.ts';
import type { ParkingEndReason, PbxEvents } from '../session/pbx-events.ts';
import { parseNameAddr } from '../sip/name-addr.ts';
import { uriUser } from '../sip/uri.ts';
import { Checks, isUri } from './checks.ts';
import { ParkedPlace } from './parked-place.ts';
import { playOn } from './play-on.ts';
import type { MemberLegOptions, PbxPorts } from './ports.ts';
import { digitPrompts } from './prompts.ts';

export interface ParkingLotOptions {
  /** Numbers of the slots, both among them: at most 1000. */
  readonly slots: { readonly first: number; readonly last: number };
  /** ms until `onTimeout`; default 90,000. */
  readonly timeout?: number;
  /** After `timeout` who parked it is called (`call-back`, the default), or the call leaves the lot (`leave`). */
  readonly onTimeout?: 'call-back' | 'leave';
  /** ms that who parked it rings then; default 20,000. */
  readonly ringTime?: number;
  /** What who is parked hears; default the music that is shipped. false: nothing. */
  readonly music?: PlaySource | false;
  /** Says the slot first: to who is about to transfer a call to it. Default true. */
  readonly announce?: boolean;
  /** Caller ID, headers and way of the call to who parked it; default: those of the parked. */
  readonly invite?: MemberLegOptions;
}

export interface ParkInLotOptions {
  /**
   * Who parked it: a user or a SIP URI. Default: the user in Referred-By, as a blind transfer has it, or the caller, once
   * an attended transfer has put somebody else in its place.
   */
  readonly parker?: string;
  /** Told where it is. */
  readonly onParked?: (slot: number) => void;
}

export interface ParkingResult {
  /**
   * `retrieved`: somebody fetched it, and one hung up; `returned`: who parked it did; `timeout`: nobody did; `abandoned`:
   * it hung up; `full`: there was no slot.
   */
  readonly end: ParkingEndReason;
  readonly slot?: number;
  /** ms that it waited. */
  readonly parkedMs: number;
}

export interface ParkedCallState {
  readonly slot: number;
  readonly callId: string;
  readonly sessionId: string;
  readonly fromUser: string | undefined;
  readonly parker: string | undefined;
  readonly parkedMs: number;
}

export type ParkingLotPorts = Pick<
  PbxPorts,
  'clock' | 'logger' | 'observer' | 'media' | 'registrar' | 'prompt' | 'leg' | 'background'
>;

const mostSlots = 1000;
/** Variables of a parked call: one that goes on after a crash comes into the same slot. */
const lotVariable = 'parking_lot';
const slotVariable = 'parking_slot';

/** @throws ConfigError */
export function checkedParkingLot(name: string, options: ParkingLotOptions): ParkingLotOptions {
  const checks = new Checks('parking lot', name);
  const { first, last } = options.slots ?? {};
  checks.whole('slots.first', first, 0);
  checks.whole('slots.last', last, first, first + mostSlots - 1);
  checks.oneOf('onTimeout', options.onTimeout ?? 'call-back', ['call-back', 'leave']);
  checks.ms('timeout', options.timeout ?? 90_000, 1000);
  checks.ms('ringTime', options.ringTime ?? 20_000, 1000);
  return options;
}

export class ParkingLot {
  readonly name: string;
  readonly #ports: ParkingLotPorts;
  readonly #places = new Map<number, ParkedPlace>();
  #options: ParkingLotOptions;

  /** Made by `tandem.parkingLot`, not by users. @throws ConfigError */
  constructor(name: string, options: ParkingLotOptions, ports: ParkingLotPorts) {
    this.name = name;
    this.#options = checkedParkingLot(name, options);
    this.#ports = ports;
  }

  get options(): ParkingLotOptions {
    return this.#options;
  }

  /** For the calls that come from now on; those that are parked stay where they are. @throws ConfigError */
  configure(options: ParkingLotOptions): void {
    this.#options = checkedParkingLot(this.name, options);
  }

  /** Those that wait, by their slots. */
  get calls(): readonly ParkedCallState[] {
    return [...this.#places.values()]
      .sort((a, b) => a.slot - b.slot)
      .map(({ slot, call, parker, waitedMs }) => ({
        ...{ slot, callId: call.callId, sessionId: call.id, fromUser: uriUser(call.remoteUri ?? '') },
        ...{ parker, parkedMs: waitedMs },
      }));
  }

  /** Whether a number is one of its slots. */
  has(number: number): boolean {
    const { first, last } = this.#options.slots;
    return Number.isInteger(number) && number >= first && number <= last;
  }

  /**
   * The call waits in a free slot, with music. Resolves when it has left: after the talk with whoever fetched it, or
   * because nobody did. A call that finds no slot is as it was.
   */
  async park(call: DialogSession, options: ParkInLotOptions = {}): Promise<ParkingResult> {
    if (call.signal.aborted) return { end: 'abandoned', parkedMs: 0 };
    const slot = this.#freeSlot(call);
    if (slot === undefined) return { end: 'full', parkedMs: 0 };
    const { parker = referredBy(call) } = options;
    const place = new ParkedPlace(this.#ports.clock, call, slot, parker);
    this.#places.set(slot, place);
    let end: ParkingEndReason = 'abandoned';
    try {
      if (call instanceof DialogServerSession && !call.isAnswered) await call.answer();
      call.variables.set(lotVariable, this.name);
      call.variables.set(slotVariable, String(slot));
      this.#tell('parking:parked', { ...this.#stamp(place), ...(parker === undefined ? {} : { parker }) });
      options.onParked?.(slot);
      this.#begin(place, this.#options.announce ?? true);
      end = await place.left;
    } catch (error) {
      if (!call.signal.aborted) throw error;
    } finally {
      this.#free(place);
      place.leave(end);
      this.#tell('parking:left', { ...this.#stamp(place), end, parkedMs: place.waitedMs });
    }
    return { end, slot, parkedMs: place.waitedMs };
  }

  /**
   * Fetches the call in a slot: both talk. Resolves when one hung up. A call that is not answered yet is answered.
   * @returns ms that they talked
   * @throws TandemError ERR_PARKING (status 404) for a slot in which nobody waits; what `bridge` throws: the call waits
   * on then
   */
  async retrieve(slot: number, call: DialogSession): Promise<number> {
    const place = this.#places.get(slot);
    if (!place || place.call === call || !(await place.take('retrieved'))) throw this.#nobody(slot);
    try {
      return await this.#connect(place, call, 'retrieved');
    } catch (error) {
      throw isAbort(error, place.call.signal) ? this.#nobody(slot) : error;
    }
  }

  #nobody(slot: number): TandemError {
    return new TandemError('ERR_PARKING', `there is no call in slot ${slot} of the parking lot ${this.name}`, {
      status: 404,
      facts: { lot: this.name, slot },
    });
  }

  /** @throws as `retrieve` */
  async #connect(place: ParkedPlace, call: DialogSession, end: 'retrieved' | 'returned'): Promise<number> {
    const { clock, media } = this.#ports;
    try {
      const bridge = await bridgeTwo(media, call, place.call, { transcode: true });
      this.#free(place);
      const begun = clock.now();
      await bridge.ended;
      place.leave(end);
      return Math.round(clock.now() - begun);
    } catch (error) {
      if (!place.call.signal.aborted) this.#begin(place, false);
      throw error;
    }
  }

  #begin(place: ParkedPlace, announce: boolean): void {
    const { timeout = 90_000, onTimeout = 'call-back' } = this.#options;
    place.begin(
      timeout,
      () => {
        if (onTimeout === 'call-back' && place.parker !== undefined) this.#ports.background(this.#callBack(place));
        else place.leave('timeout');
      },
      (signal) => this.#play(place, announce, signal),
    );
  }

  /** Until somebody has fetched it, that is. */
  async #callBack(place: ParkedPlace): Promise<void> {
    const { ringTime = 20_000, invite = {} } = this.#options;
    const { call, parker = '', signal } = place;
    if (!signal) return;
    const targets = isUri(parker) ? [parker] : (this.#ports.registrar?.lookup(parker) ?? []);
    const how = { ...invite, call, originator: call, transcode: true, timeout: ringTime, signal };
    const legs: DialogClientSession[] = [];
    try {
      for (const target of targets) legs.push(this.#ports.leg(target, how));
      const leg = legs.length > 0 ? await fork(legs, 'parallel', { signal }) : undefined;
      if (!leg) place.leave('timeout');
      else if (await place.take('returned')) await this.#connect(place, leg, 'returned');
    } catch (error) {
      this.#ports.logger.debug({ lot: this.name, error: messageOf(error) }, 'a parked call was not taken back');
      // Whoever fetched it meanwhile has it.
      if (place.signal === signal) place.leave('timeout');
    } finally {
      await Promise.all(legs.map((leg) => leg.close()));
    }
  }

  async #play(place: ParkedPlace, announce: boolean, signal: AbortSignal): Promise<void> {
    const { prompt, logger } = this.#ports;
    const { music = prompt('music') } = this.#options;
    const { call, slot } = place;
    try {
      if (announce)
        await call.playback().play([prompt('parking-slot'), ...digitPrompts(prompt, String(slot))], { signal });
      if (music !== false && !signal.aborted)
        await playOn(call, () => call.playback().play(music, { signal, loop: true }));
    } catch (error) {
      if (isAbort(error, signal) || call.signal.aborted) return;
      logger.warn({ lot: this.name, slot, error: messageOf(error) }, 'a parked call hears nothing');
    }
  }

  /** The one that it had in an earlier process, else the first that is free. */
  #freeSlot({ variables }: DialogSession): number | undefined {
    const { first, last } = this.#options.slots;
    const former = Number(variables.get(slotVariable));
    if (variables.get(lotVariable) === this.name && this.has(former) && !this.#places.has(former)) return former;
    for (let slot = first; slot <= last; slot++) if (!this.#places.has(slot)) return slot;
    return undefined;
  }

  /** Another call may come into its slot. */
  #free(place: ParkedPlace): void {
    if (this.#places.get(place.slot) !== place) return;
    this.#places.delete(place.slot);
    place.call.variables.delete(lotVariable);
    place.call.variables.delete(slotVariable);
  }

  #stamp({ call, slot }: ParkedPlace): {
    readonly lot: string;
    readonly slot: number;
    readonly callId: string;
    readonly sessionId: string;
    readonly at: number;
  } {
    const at = this.#ports.clock.wallclock();
    return { lot: this.name, slot, callId: call.callId, sessionId: call.id, at };
  }

  #tell<K extends keyof PbxEvents>(event: K, payload: PbxEvents[K]): void {
    this.#ports.observer.emit(event, payload as never);
  }
}

/** Who transferred the call here (RFC 3892). It names a user: what else is written there is not called. */
function referredBy(call: DialogSession): string | undefined {
  if (!(call instanceof DialogServerSession)) return undefined;
  const address = parseNameAddr(call.header('referred-by') ?? '');
  const user = address.ok ? uriUser(address.value.uri) : undefined;
  return user === undefined || isUri(user) ? undefined : user;
}

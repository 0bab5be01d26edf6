/**
 * What a call carries for scripts: variables, profiles and flags, one set per call, shared by its
 * legs. The registry can provide its own; this file holds the interface and the in-memory default.
 */
import type { Clock, Timer } from '../base/clock.ts';
import { TandemError } from '../base/errors.ts';
import { type Random, token } from '../base/random.ts';
import type { SipRequest } from '../sip/message.ts';
import type { DialogSession } from './dialog-session.ts';
import type { EndCause } from './errors.ts';
import { CallSteps, MemorySteps } from './steps.ts';

/** Named sets that calls are put into, to count and to limit (Kamailio's dialog profiles). */
export interface CallProfiles {
  /** Puts this call into the profile; once per name and value. */
  set(name: string, value?: string): void;
  unset(name: string, value?: string): void;
  isIn(name: string, value?: string): boolean;
  /** How many calls of this server are in the profile (under that value). */
  size(name: string, value?: string): number;
  /** Puts the call in only if fewer than `max` are there: atomic. Returns whether it is in. */
  limit(name: string, value: string, max: number): boolean;
}

/** Kamailio's 32 script flags. */
export interface CallFlags {
  set(flag: number): void;
  reset(flag: number): void;
  isSet(flag: number): boolean;
}

export interface CallData {
  readonly variables: Map<string, string>;
  readonly profiles: CallProfiles;
  readonly flags: CallFlags;
  /** What its handlers have done for good. */
  readonly steps: CallSteps;
  /** Ends the call after so many seconds, counted from now; 0 takes the limit away. */
  setTimeout(seconds: number): void;
  /** Whether side systems follow this call. */
  tracked: boolean;
  /** A leg joins, before anybody else hears of it. Until it has left, it may be hung up from here. */
  join(leg: DialogSession, birth: LegBirth): LegReport;
  /** A leg of an earlier process goes on; it was answered. */
  rejoin(leg: DialogSession, birth: LegBirth): LegReport;
}

/** What is known of a leg from its INVITE. */
export interface LegBirth {
  readonly direction: 'inbound' | 'outbound';
  readonly fromUri: string;
  readonly toUri: string;
  readonly requestUri: string;
}

/** Told how a leg goes on, in the very turn in which it does. */
export interface LegReport {
  /** A response to its INVITE was sent or came (101 and above), or the ACK. @param status of the response */
  advanced(state: 'early' | 'answered' | 'confirmed', status: number): void;
  /** Another peer is at the other end of it. */
  replaced(): void;
  /** What its snapshot says is another thing now. */
  changed(): void;
  /** A request of the peer came in the dialog, other than ACK and BYE. */
  request(request: SipRequest): void;
  /** It got its final response. */
  response(request: SipRequest, status: number): void;
  /** @param over resolves when the peer knows: it answered our BYE, or acknowledged our refusal */
  left(cause: EndCause, over: Promise<void>): void;
}

/**
 * Makes the `CallData` of a new call.
 * @param callId of the INVITE, if it came from a peer
 * @param fromTag likewise
 */
export type CallDataFactory = (callId?: string, fromTag?: string) => CallData;

/** The in-memory default: profiles are counted over all calls of one factory. */
export function memoryCallData(clock: Clock, random: Random): CallDataFactory {
  const board = new Map<string, Map<string, Set<CallData>>>();
  return () => new MemoryCallData(clock, board, token(random, 12));
}

type ProfileBoard = Map<string, Map<string, Set<CallData>>>;

class MemoryCallData implements CallData {
  readonly variables = new Map<string, string>();
  readonly profiles: MemoryProfiles;
  readonly flags: CallFlags = new FlagWord();
  readonly steps: CallSteps;
  tracked = true;
  readonly #clock: Clock;
  readonly #legs = new Set<Pick<DialogSession, 'terminate'>>();
  #timer: Timer | undefined;

  constructor(clock: Clock, board: ProfileBoard, id: string) {
    this.steps = new CallSteps(id, new MemorySteps());
    this.#clock = clock;
    this.profiles = new MemoryProfiles(this, board);
  }

  setTimeout(seconds: number): void {
    if (!Number.isFinite(seconds) || seconds < 0) {
      throw new TandemError('ERR_ARGUMENT', `setTimeout takes seconds, 0 or more, not ${seconds}`);
    }
    this.#timer?.cancel();
    this.#timer = undefined;
    if (seconds === 0 || this.#legs.size === 0) return;
    const hangup = (): void => {
      for (const leg of [...this.#legs]) void leg.terminate({ by: 'timeout', reason: 'call duration limit' });
    };
    this.#timer = this.#clock.setTimer(seconds * 1000, hangup, 'call limit');
  }

  join(leg: Pick<DialogSession, 'terminate'>): LegReport {
    this.#legs.add(leg);
    this.profiles.open();
    return {
      advanced: () => {},
      replaced: () => {},
      changed: () => {},
      request: () => {},
      response: () => {},
      left: () => {
        this.#legs.delete(leg);
        if (this.#legs.size > 0) return;
        this.#timer?.cancel();
        this.profiles.close();
      },
    };
  }

  rejoin(leg: Pick<DialogSession, 'terminate'>): LegReport {
    return this.join(leg);
  }
}

class MemoryProfiles implements CallProfiles {
  readonly #call: CallData;
  readonly #board: ProfileBoard;
  /** Where this call is: values by name. */
  readonly #own = new Map<string, Set<string>>();
  #closed = false;

  constructor(call: CallData, board: ProfileBoard) {
    this.#call = call;
    this.#board = board;
  }

  set(name: string, value = ''): void {
    // A handler may still be at work when its call is over: nobody would take the call out again.
    if (this.#closed) return;
    const own = this.#own.get(name) ?? new Set<string>();
    this.#own.set(name, own.add(value));
    const values = this.#board.get(name) ?? new Map<string, Set<CallData>>();
    const calls = values.get(value) ?? new Set<CallData>();
    calls.add(this.#call);
    values.set(value, calls);
    this.#board.set(name, values);
  }

  unset(name: string, value = ''): void {
    const values = this.#board.get(name);
    const calls = values?.get(value);
    if (!values || !calls) return;
    this.#own.get(name)?.delete(value);
    calls.delete(this.#call);
    if (calls.size === 0) values.delete(value);
    if (values.size === 0) this.#board.delete(name);
  }

  isIn(name: string, value?: string): boolean {
    const own = this.#own.get(name);
    return value === undefined ? (own?.size ?? 0) > 0 : (own?.has(value) ?? false);
  }

  size(name: string, value?: string): number {
    const values = this.#board.get(name);
    if (!values) return 0;
    if (value !== undefined) return values.get(value)?.size ?? 0;
    let size = 0;
    for (const calls of values.values()) size += calls.size;
    return size;
  }

  limit(name: string, value: string, max: number): boolean {
    if (this.isIn(name, value)) return true;
    if (this.size(name, value) >= max) return false;
    this.set(name, value);
    return this.isIn(name, value);
  }

  /** The call is over: it leaves every profile and enters no more. */
  close(): void {
    this.#closed = true;
    for (const [name, values] of this.#own) for (const value of [...values]) this.unset(name, value);
  }

  /** Another leg joined after all. */
  open(): void {
    this.#closed = false;
  }
}

export class FlagWord implements CallFlags {
  #bits = 0;

  /** All 32 as one number, 0 to 2^32 - 1. */
  get bits(): number {
    return this.#bits >>> 0;
  }

  set bits(bits: number) {
    this.#bits = bits | 0;
  }

  set(flag: number): void {
    this.#bits |= mask(flag);
  }

  reset(flag: number): void {
    this.#bits &= ~mask(flag);
  }

  isSet(flag: number): boolean {
    return (this.#bits & mask(flag)) !== 0;
  }
}

function mask(flag: number): number {
  if (!Number.isInteger(flag) || flag < 0 || flag > 31) {
    throw new TandemError('ERR_ARGUMENT', `a flag is a number from 0 to 31, not ${flag}`);
  }
  return 1 << flag;
}

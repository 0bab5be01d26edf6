/** The registry, as its records see it. */
import type { DialogSession } from '../session/dialog-session.ts';
import type { StepStore } from '../session/steps.ts';
import type { HeaderField } from '../sip/message.ts';
import type { DialogRegistryEvents } from './events.ts';
import type { RegistrySettings } from './options.ts';
import type { Profiles } from './profiles.ts';
import type { DialogRecord } from './record.ts';
import type { DialogState } from './states.ts';
import type { DialogId } from './table.ts';
import type { TimerWheel } from './timer-wheel.ts';

/** What a record needs of its registry. */
export interface RecordHouse {
  readonly settings: RegistrySettings;
  readonly profiles: Profiles;
  readonly wheel: TimerWheel;
  /** Unix milliseconds. */
  wallclock(): number;
  /** Where the steps of this call are kept. */
  stepsOf(id: string): StepStore;
  /** It begins: a number for it, and a place in the list. */
  enter(record: DialogRecord): DialogId;
  /** An identifier that no other call has, in this process or another. */
  newId(): string;
  /** It goes on, with the number that it had. @returns false when that is taken, or is in the wrong slot */
  reenter(record: DialogRecord, state: DialogState): boolean;
  /** It is forgotten. */
  leave(record: DialogRecord): void;
  /** It is found by this: a Call-ID, or the URI of a peer. */
  name(name: string, record: DialogRecord): void;
  unname(name: string, record: DialogRecord): void;
  /** Its ACK is in. */
  confirmed(record: DialogRecord): void;
  /** It came (from nowhere), went on, or is no longer followed (to nowhere). */
  moved(from: DialogState | undefined, to: DialogState | undefined): void;
  /** Its time is up. */
  expired(): void;
  /** Whether somebody listens. */
  has(name: keyof DialogRegistryEvents): boolean;
  emit<K extends keyof DialogRegistryEvents>(name: K, payload: DialogRegistryEvents[K]): void;
  emitNow<K extends keyof DialogRegistryEvents>(name: K, payload: DialogRegistryEvents[K]): void;
  /** Gives `leg` another partner. */
  connect(leg: DialogSession, to: string, headers: readonly HeaderField[]): Promise<void>;
  listenerFailed(name: string, error: unknown): void;
}

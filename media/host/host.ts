/** Where an engine runs. The main side sends commands and hears events; it knows nothing else. */
import type { TandemError } from '../../src/base/errors.ts';
import type { Command, EngineEvent } from '../protocol.ts';

export interface EngineHost {
  /** Commands given in one turn arrive as one batch, in order. */
  send(command: Command): void;
  /** Ends the engine with everything in it. Idempotent, never rejects. */
  close(): Promise<void>;
}

export interface HostListener {
  onEvents(events: readonly EngineEvent[]): void;
  /** The engine is gone with everything in it. Called at most once, never after `close`. */
  onDead(error: TandemError): void;
}

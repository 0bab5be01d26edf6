/** What the commands need of a Tandem. */
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Registrar } from '../../registrar/registrar.ts';
import type { DialogRegistry } from '../../registry/registry.ts';

/** A `Tandem` is one. */
export interface CommandSubject {
  readonly registry: DialogRegistry;
  /** Where users are; without it nobody is registered. */
  readonly registrar?: Registrar | undefined;
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** Hears how that went which goes on behind a command. */
  readonly logger?: Logger;
  /** The only folder in which commands write files: dumps and recordings. Without it they write none. */
  readonly writeFolder?: string | undefined;
  /** Where files are that commands play; none outside of it is. Default: the working directory. */
  readonly soundFolder?: string | undefined;
}

export interface Subject extends CommandSubject {
  readonly soundFolder: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

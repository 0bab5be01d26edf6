/** What the commands need of a Tandem. */
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Registrar } from '../../registrar/registrar.ts';
import type { DialogRegistry } from '../../registry/registry.ts';

export interface Subject {
  readonly registry: DialogRegistry;
  /** Where users are; without it `ul.dump` is empty. */
  readonly registrar: Registrar | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The only folder in which commands write files: dumps and recordings. Without it they write none. */
  readonly writeFolder: string | undefined;
}

/** What a registry tells of itself, for `tandem check`. */
import type { RegistrySettings } from './options.ts';
import type { ProfileSize } from './profiles.ts';
import type { ActiveDialogs, DialogRegistry, DialogStatistics } from './registry.ts';
import { deleted } from './states.ts';

export interface RegistryReport {
  /** In effect. */
  readonly settings: RegistrySettings;
  readonly statistics: DialogStatistics;
  readonly states: ActiveDialogs;
  /** Calls that are over, and whose peers have not said yet that they know. */
  readonly over: number;
  readonly profiles: readonly ProfileSize[];
  /** One of the calls that run. */
  readonly example: { readonly callId: string; readonly fromUri: string; readonly toUri: string } | undefined;
}

export function registryReport(registry: DialogRegistry): RegistryReport {
  const states = registry.activeDialogs;
  let example: RegistryReport['example'];
  for (const { state, callId, fromUri, toUri } of states.all > 0 ? registry : []) {
    if (state === deleted) continue;
    example = { callId, fromUri, toUri };
    break;
  }
  return {
    settings: registry.settings,
    statistics: registry.statistics,
    states,
    over: registry.size - states.all,
    profiles: registry.profiles.sizes(),
    example,
  };
}

/** The `registry` section of the configuration, as the library wants it. */

import { ConfigError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { type RegistryConfig, unusedBecause } from '../config/registry-schema.ts';
import type { RegistryOptions } from '../index.ts';

/** Profiles that the server itself counts in. */
const ownProfiles = ['caller', 'user'];

/** @throws ConfigError for what is not available yet */
export function registryOptions(config: RegistryConfig): RegistryOptions {
  const { profilesWithValue: given, bridgeController, enableDmq, ...rest } = config;
  if (enableDmq) throw new ConfigError('registry.enableDmq is not available yet: leave it out or say false');
  const names = typeof given === 'string' ? given.split(/[;,]/).map((name) => name.trim()) : given;
  return {
    ...rest,
    profilesWithValue: [...ownProfiles.filter((name) => !names.includes(name)), ...names],
    ...(bridgeController === undefined ? {} : { bridgeController }),
  };
}

/** One line for each setting that was made and means nothing here. */
export function warnOfUnused(config: RegistryConfig, logger: Logger): void {
  for (const [key, why] of Object.entries(unusedBecause))
    if (config[key as keyof typeof unusedBecause] !== undefined)
      logger.warn({ key: `registry.${key}`, why }, 'a setting means nothing here');
}

/** From flags, environment and file to settings, for the commands that run or ask a server. */
import { existsSync, readFileSync } from 'node:fs';
import { ConfigError, messageOf } from '../base/errors.ts';
import type { UserConfig } from '../config/schema.ts';
import { type LoadedConfig, loadConfig } from '../config/sources.ts';
import { Prompts } from './ivr/prompts.ts';

export interface ServerFlags {
  readonly config?: string;
  readonly listen?: readonly string[];
  readonly rtpPorts?: string;
  readonly workers?: number;
  readonly http?: string;
  readonly tls?: boolean;
  readonly control?: string;
  readonly store?: string;
  readonly recovery?: string;
  readonly socket?: string;
  readonly logLevel?: string;
}

const defaultFile = 'tandem.yaml';

export interface SettingsOptions {
  readonly environment?: NodeJS.ProcessEnv;
  /** Users beside those that the file has. */
  readonly users?: Readonly<Record<string, UserConfig>>;
  /** Folder of this package: where prompts and scripts are, files that are named have to be there. */
  readonly root?: string;
}

/** @throws ConfigError, whose lines name the flag, variable or key. */
export function loadSettings(flags: ServerFlags, options: SettingsOptions = {}): LoadedConfig {
  const { environment = process.env, users = {}, root } = options;
  const set = new Map<string, { value: unknown; flag: string }>();
  const take = (path: string, flag: string, value: unknown): void => {
    if (value !== undefined) set.set(path, { value, flag });
  };
  take('listen', '--listen', flags.listen);
  take('media.workers', '--workers', flags.workers);
  take('http.listen', '--http', flags.http);
  take('http.tls', '--tls', flags.tls);
  take('control.path', '--control', flags.control);
  take('store.url', '--store', flags.store);
  take('recovery.path', '--recovery', flags.recovery);
  take('socket', '--socket', flags.socket);
  take('log.level', '--log-level', flags.logLevel);
  if (flags.rtpPorts !== undefined) {
    const { min, max } = parsePorts(flags.rtpPorts);
    take('media.rtpPorts.min', '--rtp-ports', min);
    take('media.rtpPorts.max', '--rtp-ports', max);
  }
  return loadConfig({
    flags: set,
    environment,
    file: readFile(flags.config ?? environment.TANDEM_CONFIG),
    readSecret: (path) => readFileSync(path, 'utf8'),
    users,
    ...(root === undefined ? {} : { exists: (path) => existsSync(new Prompts(root).pathOf(path) ?? root) }),
  });
}

/** `16384-32766`. */
export function parsePorts(text: string): { readonly min: number; readonly max: number } {
  const match = /^(\d{1,5})-(\d{1,5})$/.exec(text);
  if (!match) throw new ConfigError(`flag --rtp-ports: "${text}" is no range: write min-max, as 16384-32766`);
  return { min: Number(match[1]), max: Number(match[2]) };
}

function readFile(named: string | undefined): { path: string; text: string } | undefined {
  const path = named ?? defaultFile;
  if (named === undefined && !existsSync(path)) return undefined;
  try {
    return { path, text: readFileSync(path, 'utf8') };
  } catch (error) {
    throw new ConfigError(`cannot read the configuration file ${path}: ${messageOf(error)}`, { cause: error });
  }
}

/**
 * Where settings come from: flag, then `TANDEM_…` variable, then file, then default. Pure: the
 * caller reads the files. The only module that knows yaml.
 */
import { parseDocument } from 'yaml';
import { ConfigError } from '../base/errors.ts';
import { type Config, checkConfig, leaves } from './schema.ts';
import { telemetryVariables } from './telemetry-schema.ts';

export interface ConfigSources {
  /** Path of a setting → value, and the flag that said so. */
  readonly flags: ReadonlyMap<string, { readonly value: unknown; readonly flag: string }>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The configuration file, if there is one. */
  readonly file: { readonly path: string; readonly text: string } | undefined;
  /** Reads what a `TANDEM_…_FILE` variable names. Throws when it cannot. */
  readonly readSecret: (path: string) => string;
}

export interface LoadedConfig {
  readonly config: Config;
  /** Path of a setting → `flag --listen`, `variable TANDEM_LISTEN`, `file tandem.yaml` or `default`. */
  readonly origins: ReadonlyMap<string, string>;
}

interface Setting {
  readonly value: unknown;
  readonly origin: string;
}

/** Variables that are no settings of a server. */
const otherVariables = /^TANDEM_(CONFIG|CTL|PASSWORD(_FILE)?|TEST_\w+)$/;
/** Lists that may be written without JSON: udp:0.0.0.0:5060,tcp:0.0.0.0:5060 */
const plainLists = new Set(['listen', 'registry.profilesWithValue', 'registry.profilesNoValue']);
/** What Kubernetes puts into every container beside a Service named `tandem`. */
const kubernetes = /^TANDEM_(SERVICE_(HOST|PORT(_\w+)?)|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$/;

/** `media.rtpPorts.min` → `TANDEM_MEDIA_RTP_PORTS_MIN`. */
export function variableOf(path: string): string {
  const words = path.replaceAll(/[.-]/g, '_').replace(/([a-z0-9])([A-Z])/g, '$1_$2');
  return `TANDEM_${words.toUpperCase()}`;
}

/** The text of a configuration file with one setting changed; comments and order stay. @throws ConfigError for no YAML */
export function withSetting(text: string, path: string, value: unknown): string {
  const document = parseDocument(text);
  const [error] = document.errors;
  if (error) throw new ConfigError(`not changed, as it is no YAML: ${error.message}`);
  document.setIn(path.split('.'), value);
  return document.toString();
}

/** @throws ConfigError naming the key and where it stands, for what is unknown, unreadable or out of bounds. */
export function loadConfig(sources: ConfigSources): LoadedConfig {
  const settings = new Map<string, Setting>();
  if (sources.file) for (const [path, setting] of fromFile(sources.file)) settings.set(path, setting);
  for (const [path, value, variable] of telemetryVariables(sources.environment))
    settings.set(path, { value, origin: `variable ${variable}` });
  for (const [path, setting] of fromEnvironment(sources, passwordsOf(settings))) settings.set(path, setting);
  for (const [path, { value, flag }] of sources.flags) settings.set(path, { value, origin: `flag ${flag}` });

  const tree: Record<string, unknown> = {};
  for (const [path, { value }] of settings) plant(tree, path.split('.'), value);
  const checked = checkConfig(tree);
  if ('issue' in checked) {
    const { key, message } = checked.issue;
    const origin = (settings.get(key) ?? settings.get(key.split('.')[0] ?? ''))?.origin;
    throw new ConfigError(`${origin ?? 'configuration'}: ${key}: ${message}`);
  }
  const { min, max } = checked.config.media.rtpPorts;
  if (min >= max) {
    const origin = (settings.get('media.rtpPorts.min') ?? settings.get('media.rtpPorts.max'))?.origin;
    throw new ConfigError(
      `${origin ?? 'default'}: media.rtpPorts.min (${min}) must be below media.rtpPorts.max (${max})`,
    );
  }
  const origins = new Map([...leaves.keys()].map((path) => [path, settings.get(path)?.origin ?? 'default']));
  return { config: checked.config, origins };
}

function fromFile({ path, text }: { readonly path: string; readonly text: string }): Map<string, Setting> {
  const document = parseDocument(text);
  const [error] = document.errors;
  if (error) throw new ConfigError(`${path}: ${error.message.split('\n')[0]}`);
  const found = new Map<string, Setting>();
  flatten(document.toJS() ?? {}, '', (key, value) => found.set(key, { value, origin: `file ${path}` }), path);
  return found;
}

function flatten(node: unknown, path: string, take: (path: string, value: unknown) => void, file: string): void {
  if (path !== '' && leaves.has(path)) {
    take(path, node);
    return;
  }
  const known = path === '' || [...leaves.keys()].some((leaf) => leaf.startsWith(`${path}.`));
  if (!known) throw new ConfigError(`${file}: unknown key ${path}`);
  if (typeof node !== 'object' || node === null || Array.isArray(node))
    throw new ConfigError(`${file}: ${path || 'the file'} must hold settings by name`);
  for (const [key, child] of Object.entries(node)) flatten(child, path ? `${path}.${key}` : key, take, file);
}

/** The passwords of what the file names: a variable may have them, so that the file need not be secret. */
function passwordsOf(settings: ReadonlyMap<string, Setting>): string[] {
  return ['trunks', 'users', 'http.users'].flatMap((kind) => {
    const named = (settings.get(kind)?.value ?? {}) as Readonly<Record<string, unknown>>;
    return Object.entries(named)
      .filter(([, one]) => typeof one === 'object' && one !== null)
      .map(([name]) => `${kind}.${name}.password`);
  });
}

function* fromEnvironment(
  { environment, readSecret }: ConfigSources,
  passwords: readonly string[],
): Generator<[string, Setting]> {
  const paths = new Map([...leaves.keys(), ...passwords].map((path) => [variableOf(path), path]));
  for (const [name, given] of Object.entries(environment)) {
    if (!name.startsWith('TANDEM_') || given === undefined || otherVariables.test(name)) continue;
    const variable = paths.has(name) ? name : name.replace(/_FILE$/, '');
    const path = paths.get(variable);
    if (path === undefined) {
      if (kubernetes.test(name)) continue;
      throw new ConfigError(`unknown variable ${name}`);
    }
    if (name !== variable && environment[variable] !== undefined)
      throw new ConfigError(`${variable} and ${name} are both set: keep one`);
    const text = name === variable ? given : secret(name, given, readSecret);
    yield [path, { value: parsed(name, path, text), origin: `variable ${name}` }];
  }
}

function secret(name: string, path: string, read: (path: string) => string): string {
  try {
    return read(path).replace(/\r?\n$/, '');
  } catch (error) {
    throw new ConfigError(`${name}: cannot read ${path}`, { cause: error });
  }
}

function parsed(name: string, path: string, text: string): unknown {
  const type = leaves.get(path);
  if (type === 'number') {
    const value = Number(text);
    if (text.trim() === '' || Number.isNaN(value)) throw new ConfigError(`${name}: "${text}" is not a number`);
    return value;
  }
  if (type === 'boolean') {
    if (text !== 'true' && text !== 'false') throw new ConfigError(`${name}: "${text}" is neither true nor false`);
    return text === 'true';
  }
  if (type === 'string' || type === undefined) return text;
  if (plainLists.has(path) && !text.trim().startsWith('[')) return text.split(/[;,]/).map((item) => item.trim());
  try {
    return JSON.parse(text);
  } catch {
    throw new ConfigError(`${name}: "${text}" is not a JSON ${type}`);
  }
}

function plant(tree: Record<string, unknown>, [first = '', ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) {
    tree[first] = value;
    return;
  }
  tree[first] ??= {};
  plant(tree[first] as Record<string, unknown>, rest, value);
}

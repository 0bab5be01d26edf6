/**
 * Where settings come from: flag, then `TANDEM_…` variable, then file, then default. Pure: the
 * caller reads the files.
 */
import { ConfigError } from '../base/errors.ts';
import { defaultMenus } from './default-plan.ts';
import { advice, type ConfigIssue, isSecret, type KeyPath, printKey } from './issues.ts';
import { keysAt } from './json-schema.ts';
import { leaves } from './leaves.ts';
import { type Config, checkConfig, configJsonSchema, type UserConfig } from './schema.ts';
import { checkSystem } from './system-check.ts';
import { telemetryVariables } from './telemetry-schema.ts';
import { readYaml, type YamlFile } from './yaml-file.ts';

export interface ConfigSources {
  /** Path of a setting → value, and the flag that said so. */
  readonly flags: ReadonlyMap<string, { readonly value: unknown; readonly flag: string }>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The configuration file, if there is one. */
  readonly file: { readonly path: string; readonly text: string } | undefined;
  /** Reads what a `TANDEM_…_FILE` variable names. Throws when it cannot. */
  readonly readSecret: (path: string) => string;
  /** Users beside those of the file, which go before. */
  readonly users?: Readonly<Record<string, UserConfig>>;
  /** Whether there is a file that a prompt or a script names; default: it is not looked at. */
  readonly exists?: (path: string) => boolean;
}

export interface LoadedConfig {
  readonly config: Config;
  /** Path of a setting → `flag --listen`, `variable TANDEM_LISTEN`, `file tandem.yaml` or `default`. */
  readonly origins: ReadonlyMap<string, string>;
  /** What works, but hardly as it was meant. */
  readonly warnings: readonly string[];
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

/** More would help nobody. */
const mostProblems = 20;

/**
 * @throws ConfigError with a line for each thing that is unknown, unreadable or out of bounds: where it stands, its key,
 * and what would be right
 */
export function loadConfig(sources: ConfigSources): LoadedConfig {
  const settings = new Map<string, Setting>();
  const { file } = sources;
  const yaml = file && readYaml(file.text);
  const unknown: ConfigIssue[] = [];
  if (file && yaml) {
    fail(yaml.errors.map(({ line, message }) => `${file.path}:${line}: ${message}`));
    const take = (path: string, value: unknown): void =>
      void settings.set(path, { value, origin: `file ${file.path}` });
    flatten(yaml.value ?? {}, [], take, unknown);
  }
  for (const [path, value, variable] of telemetryVariables(sources.environment))
    settings.set(path, { value, origin: `variable ${variable}` });
  for (const [path, setting] of fromEnvironment(sources, passwordsOf(settings))) settings.set(path, setting);
  for (const [path, { value, flag }] of sources.flags) settings.set(path, { value, origin: `flag ${flag}` });
  addUsers(settings, sources.users ?? {});

  const tree: Record<string, unknown> = {};
  for (const [path, { value }] of settings) plant(tree, path.split('.'), value);
  const told = (issues: readonly ConfigIssue[]): string[] =>
    inOrder(issues, yaml).map((issue) => problemLine(issue, settings, file && yaml && { path: file.path, yaml }));
  const checked = checkConfig(tree);
  fail(told([...unknown, ...('issues' in checked ? checked.issues : [])]));
  const config = withMainMenu((checked as { readonly config: Config }).config, settings);
  const { errors, warnings } = checkSystem(config, {
    isGiven: (section) => settings.has(section),
    exists: sources.exists ?? (() => true),
  });
  fail(told([...portsIssue(config), ...errors]));
  const origins = new Map([...leaves.keys()].map((path) => [path, settings.get(path)?.origin ?? 'default']));
  return { config, origins, warnings: told(warnings) };
}

/** As they stand in the file. */
function inOrder(issues: readonly ConfigIssue[], yaml: YamlFile | undefined): readonly ConfigIssue[] {
  if (!yaml) return issues;
  return issues.toSorted((a, b) => yaml.lineOf(a.path, a.isKey) - yaml.lineOf(b.path, b.isKey));
}

function fail(problems: readonly string[]): void {
  if (problems.length === 0) return;
  const more = problems.length - mostProblems;
  const shown = problems.slice(0, mostProblems);
  throw new ConfigError([...shown, ...(more > 0 ? [`and ${more} more`] : [])].join('\n'), {
    facts: { problems: shown },
  });
}

/** `tandem.yaml:12: routes[1].to.menu: there is no menu sale: did you mean sales?` */
function problemLine(
  { path, message, isKey }: ConfigIssue,
  settings: ReadonlyMap<string, Setting>,
  file: { readonly path: string; readonly yaml: YamlFile } | undefined,
): string {
  const key = printKey(path);
  const origin = originOf(path, settings);
  if (!file || (origin !== undefined && !origin.startsWith('file ')))
    return `${origin ?? 'configuration'}: ${key}: ${message}`;
  const isShown = message.endsWith('put it in quotes') && !isSecret(key);
  const source = isShown ? file.yaml.sourceOf(path) : undefined;
  const right = source === undefined ? '' : `: "${source}"`;
  return `${file.path}:${file.yaml.lineOf(path, isKey)}: ${key === '' ? '' : `${key}: `}${message}${right}`;
}

function originOf(path: KeyPath, settings: ReadonlyMap<string, Setting>): string | undefined {
  for (let length = path.length; length > 0; length--) {
    const found = settings.get(path.slice(0, length).join('.'));
    if (found) return found.origin;
  }
  return undefined;
}

/** Routes as they are by default lead to it, whatever menus there are beside. */
function withMainMenu(config: Config, settings: ReadonlyMap<string, Setting>): Config {
  return settings.has('routes') ? config : { ...config, menus: { ...defaultMenus(), ...config.menus } };
}

function portsIssue({ media: { rtpPorts } }: Config): ConfigIssue[] {
  const { min, max } = rtpPorts;
  if (min < max) return [];
  return [{ path: ['media', 'rtpPorts', 'min'], message: `(${min}) must be below media.rtpPorts.max (${max})` }];
}

function addUsers(settings: Map<string, Setting>, users: Readonly<Record<string, UserConfig>>): void {
  if (Object.keys(users).length === 0) return;
  const { value = {}, origin = 'default' } = settings.get('users') ?? {};
  if (typeof value === 'object') settings.set('users', { value: { ...users, ...value }, origin });
}

function flatten(
  node: unknown,
  path: readonly string[],
  take: (path: string, value: unknown) => void,
  unknown: ConfigIssue[],
): void {
  const key = path.join('.');
  if (path.length > 0 && leaves.has(key)) {
    take(key, node);
    return;
  }
  if (path.length > 0 && ![...leaves.keys()].some((leaf) => leaf.startsWith(`${key}.`))) {
    const names = keysAt(configJsonSchema(), path.slice(0, -1));
    unknown.push({ path, isKey: true, message: `unknown key${advice(path.at(-1) as string, names)}` });
  } else if (typeof node !== 'object' || node === null || Array.isArray(node))
    unknown.push({ path, message: `${key === '' ? 'the file ' : ''}must hold settings by name` });
  else for (const [name, child] of Object.entries(node)) flatten(child, [...path, name], take, unknown);
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

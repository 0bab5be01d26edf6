/** What settings say of each other: names that lead nowhere, routes that nobody gets to, menus that nobody hears. Pure. */
import { hasWords } from '../routes/numbers.ts';
import { parsePattern } from '../routes/pattern.ts';
import { callerWords, hiddenBy, type Route, several, timeNamed, trunkWords } from '../routes/table.ts';
import { fallbackNames, isForKnown, kindOf, type Prompt, type Target, type TargetKind } from '../routes/target.ts';
import { advice, type ConfigIssue, type KeyPath, printKey } from './issues.ts';
import type { Config } from './schema.ts';

export interface SystemFindings {
  readonly errors: readonly ConfigIssue[];
  readonly warnings: readonly ConfigIssue[];
}

/** Which section a target of a kind names something of, and what one of them is called. */
const sections: Partial<Record<TargetKind, Section>> = {
  menu: 'menus',
  user: 'users',
  ringGroup: 'ringGroups',
  queue: 'queues',
  trunk: 'trunks',
  voicemail: 'voicemail.boxes',
  messages: 'voicemail.boxes',
  park: 'parking',
  retrieve: 'parking',
};

const whatOf = {
  menus: 'menu',
  users: 'user',
  ringGroups: 'ring group',
  queues: 'queue',
  trunks: 'trunk',
  'voicemail.boxes': 'mailbox',
  parking: 'parking lot',
} as const;
type Section = keyof typeof whatOf;

function namesIn(config: Config, section: Section): string[] {
  return Object.keys(section === 'voicemail.boxes' ? config.voicemail.boxes : config[section]);
}

export interface SystemPorts {
  /** Whether a section stands in the file, or comes from elsewhere; else it is as by default. */
  readonly isGiven: (section: string) => boolean;
  /** Whether there is a file of this path. */
  readonly exists: (path: string) => boolean;
}

export function checkSystem(config: Config, { isGiven, exists }: SystemPorts): SystemFindings {
  const check = new SystemCheck(config, exists);
  for (const [index, route] of config.routes.entries()) check.route(route, index);
  for (const [name, { keys, end, prompt, invalid, noInput }] of Object.entries(config.menus)) {
    for (const [key, one] of Object.entries({ prompt, invalid, noInput })) check.prompt(one, ['menus', name, key]);
    for (const [key, action] of Object.entries(keys))
      if (typeof action === 'object') check.target(action, ['menus', name, 'keys', key]);
    check.target(end, ['menus', name, 'end']);
  }
  for (const section of ['ringGroups', 'queues'] as const)
    for (const [name, { members }] of Object.entries(config[section]))
      for (const at of members.keys()) check.member(members, at, [section, name, 'members', at]);
  for (const [name, { music, greeting }] of audioOf(config)) {
    if (music !== undefined && music !== false) check.prompt(music, [...name, 'music']);
    if (greeting !== undefined) check.prompt(greeting, [...name, 'greeting']);
  }
  for (const [name, { owners = [] }] of Object.entries(config.voicemail.boxes))
    for (const [at, owner] of owners.entries()) check.name('users', owner, ['voicemail', 'boxes', name, 'owners', at]);
  if (isGiven('menus')) check.menus();
  return check;
}

interface Audio {
  readonly music?: Prompt | false | undefined;
  readonly greeting?: Prompt | undefined;
}

/** What ring groups, queues, mailboxes and parking lots play, with where it stands. */
function audioOf({ ringGroups, queues, parking, voicemail }: Config): [KeyPath, Audio][] {
  const sections: [KeyPath, Readonly<Record<string, Audio>>][] = [
    [['ringGroups'], ringGroups],
    [['queues'], queues],
    [['parking'], parking],
    [['voicemail', 'boxes'], voicemail.boxes],
  ];
  return sections.flatMap(([path, all]) =>
    Object.entries(all).map(([name, one]): [KeyPath, Audio] => [[...path, name], one]),
  );
}

class SystemCheck implements SystemFindings {
  readonly errors: ConfigIssue[] = [];
  readonly warnings: ConfigIssue[] = [];
  readonly #config: Config;
  readonly #exists: SystemPorts['exists'];

  constructor(config: Config, exists: SystemPorts['exists']) {
    this.#config = config;
    this.#exists = exists;
  }

  /** Files of it that are not there. */
  prompt(prompt: Prompt, path: KeyPath): void {
    if (typeof prompt === 'string') this.#file(prompt, path);
    else if (Array.isArray(prompt))
      for (const [at, one] of prompt.entries()) if (typeof one === 'string') this.#file(one, [...path, at]);
  }

  /** Looks for a name in a section. */
  name(section: Section, name: string, path: KeyPath, words: readonly string[] = []): void {
    const names = namesIn(this.#config, section);
    if (names.includes(name) || words.includes(name)) return;
    const known = [...names, ...words];
    const none = known.length === 0 ? `: ${section} has none` : advice(name, known);
    this.errors.push({ path, message: `there is no ${whatOf[section]} ${name}${none}` });
  }

  /** One of those who are rung. */
  member(members: readonly string[], at: number, path: KeyPath): void {
    const member = members[at] as string;
    if (members.indexOf(member) < at) this.errors.push({ path, message: `${member} is named twice: keep one` });
    else if (!/^(sips?|tel):/i.test(member)) this.name('users', member, path);
    else if (!/^(sips?:[^\s<>"]+|tel:[\d+#*().-]+)$/i.test(member))
      this.errors.push({ path, message: `${member} is no URI: write it as sip:name@host` });
  }

  route(route: Route, index: number): void {
    const path = ['routes', index];
    const { routes, users, trunks, calendar } = this.#config;
    this.#names('trunks', route.trunk, [...path, 'trunk'], trunkWords);
    this.#names('users', route.user, [...path, 'user'], callerWords);
    if (typeof route.time === 'string') {
      const { name } = timeNamed(route.time);
      const names = Object.keys(calendar.times);
      if (!names.includes(name)) {
        const none = names.length === 0 ? ': calendar.times has none' : advice(name, names);
        this.errors.push({ path: [...path, 'time'], message: `there is no time ${name}${none}` });
      }
    }
    this.target(route.to, [...path, 'to'], groupsOf(route));
    const before = hiddenBy(routes, index);
    if (before !== undefined)
      this.errors.push({
        path,
        message: `is never reached: ${printKey(['routes', before])} before it takes all its calls`,
      });
    const isStrange = Object.keys(users).length + Object.keys(trunks).length === 0;
    if (isStrange && route.user === undefined && isForKnown(route.to) && kindOf(route.to) !== 'user')
      this.warnings.push({
        path,
        message: 'nobody gets there: there is neither a user nor a trunk; or say user: anyone',
      });
  }

  /** @param groups how many brackets patterns have; undefined where there is none to ask */
  target(target: Target, path: KeyPath, groups?: number): void {
    const kind = kindOf(target);
    const section = sections[kind];
    const value = target[kind];
    if (section && typeof value === 'string' && !hasWords(value)) this.name(section, value, [...path, kind]);
    for (const key of [kind, 'number', 'slot'] as const) {
      const text = target[key];
      const asked = typeof text === 'string' ? [...text.replaceAll('$$', '').matchAll(/\$(\d)/g)].map(digitOf) : [];
      const most = Math.max(0, ...asked);
      if (groups !== undefined && most > groups)
        this.errors.push({
          path: [...path, key],
          message: `asks for $${most}, but the pattern of called has ${groups === 0 ? 'no brackets' : `${groups} at the most`}: write it as 0(*)`,
        });
    }
    if (target.script !== undefined) this.#file(target.script, [...path, 'script']);
    for (const key of ['play', 'prompt'] as const)
      if (target[key] !== undefined) this.prompt(target[key], [...path, key]);
    for (const name of fallbackNames) {
      const next = target[name];
      if (next) this.target(next, [...path, name], groups);
    }
  }

  /** Those that no route and no other menu leads to. */
  menus(): void {
    const { routes, menus } = this.#config;
    const reached = new Set<string>();
    const follow = (target: Target): void => {
      for (const name of fallbackNames) if (target[name]) follow(target[name]);
      const { menu } = target;
      if (menu === undefined || reached.has(menu)) return;
      for (const name of hasWords(menu) ? Object.keys(menus) : [menu]) {
        reached.add(name);
        const { keys, end } = menus[name] ?? {};
        for (const action of [...Object.values(keys ?? {}), end]) if (typeof action === 'object') follow(action);
      }
    };
    for (const { to } of routes) follow(to);
    for (const name of Object.keys(menus))
      if (!reached.has(name))
        this.warnings.push({ path: ['menus', name], isKey: true, message: 'no route leads to it' });
  }

  #file(file: string, path: KeyPath): void {
    if (!this.#exists(file)) this.errors.push({ path, message: `there is no file ${file}` });
  }

  #names(
    section: Section,
    given: string | readonly string[] | undefined,
    path: KeyPath,
    words: readonly string[],
  ): void {
    if (given === undefined) return;
    for (const [at, name] of several(given).entries())
      this.name(section, name, typeof given === 'string' ? path : [...path, at], words);
  }
}

function digitOf([, digit]: RegExpMatchArray): number {
  return Number(digit);
}

/** The fewest brackets of the patterns of `called`. */
function groupsOf({ called = '*' }: Route): number {
  const counts = several(called).map((text) => {
    const parsed = parsePattern(text);
    return parsed.ok ? new RegExp(`${parsed.value.expression.source}|`).exec('')!.length - 1 : 0;
  });
  return Math.min(...counts);
}

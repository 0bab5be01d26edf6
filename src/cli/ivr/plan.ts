/** What the configuration says of calls, at one time: another configuration is another plan. */
import type { Config } from '../../config/schema.ts';
import type { MenuConfig } from '../../config/system-schema.ts';
import type { DialogServerSession, Tandem } from '../../index.ts';
import { filled } from '../../routes/numbers.ts';
import { type CallFacts, type Route, RouteTable } from '../../routes/table.ts';
import { Course } from './course.ts';
import { Exchange, type ExchangeConfig } from './exchange.ts';
import { isGruu } from './people.ts';
import type { Prompts } from './prompts.ts';
import type { RouteScripts } from './scripts.ts';
import { Users } from './users.ts';

export type PlanConfig = Pick<Config, 'routes' | 'menus' | 'calendar' | 'users' | 'remote'> & ExchangeConfig;

export interface PlanPorts {
  readonly prompts: Prompts;
  readonly scripts: RouteScripts;
  /** Unix ms */
  readonly now: () => number;
}

export class Plan {
  readonly routes: RouteTable;
  readonly menus: Readonly<Record<string, MenuConfig>>;
  readonly users: Users;
  readonly prompts: Prompts;
  readonly scripts: RouteScripts;
  readonly exchange: Exchange;
  readonly now: () => number;

  /** @throws ConfigError for a configuration that was not checked */
  constructor(config: PlanConfig, { prompts, scripts, now }: PlanPorts) {
    this.routes = new RouteTable([...remoteRoutes(config.remote), ...config.routes], config.calendar);
    this.menus = config.menus;
    this.users = new Users(config.users);
    this.prompts = prompts;
    this.scripts = scripts;
    this.exchange = new Exchange(config, prompts, config.calendar.timeZone);
    this.now = now;
  }

  /** Whether strangers have to show who they are: there is something here for users, and nothing for them. */
  isForUsersOnly(called: string, caller: string, uri: string): boolean {
    const now = this.now();
    const facts: CallFacts = { called, caller };
    if (this.routes.match(facts, now, ({ route, groups }) => this.#isThere(route, groups, uri))) return false;
    return (
      this.routes.match({ ...facts, anybody: true }, now, (one) => this.#isThere(one.route, one.groups, uri)) !==
      undefined
    );
  }

  handle(call: DialogServerSession, tandem: Tandem): Promise<void> {
    return new Course(this, call, tandem).run();
  }

  /** Whoever is not a user is found by nobody, and need not be asked. */
  #isThere({ to }: Route, groups: readonly string[], uri: string): boolean {
    if (to.user === undefined) return true;
    return isGruu(uri) || this.users.has(filled(to.user, { groups, caller: '', user: undefined }));
  }
}

/** Numbers that are a remote controller's, whatever the routes say. */
function remoteRoutes({ park, timeout, answer }: Config['remote']): Route[] {
  return park.map((number) => ({ called: literal(number), to: { remote: '$0', timeout, answer } }));
}

/** This number, whatever is in it. */
function literal(number: string): string {
  return `/^${number.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')}$/`;
}

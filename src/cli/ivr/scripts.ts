/** Scripts that routes lead to: loaded before calls come, and again with every new plan. */
import { TandemError } from '../../base/errors.ts';
import type { Config } from '../../config/schema.ts';
import type { DialogServerSession, Tandem } from '../../index.ts';
import { fallbackNames, type Target } from '../../routes/target.ts';
import { type Script, ScriptLoader } from '../script.ts';

/** The scripts of one plan. */
export class RouteScripts {
  readonly #scripts: ReadonlyMap<string, Script>;

  constructor(scripts: ReadonlyMap<string, Script>) {
    this.#scripts = scripts;
  }

  async run(path: string, call: DialogServerSession, tandem: Tandem): Promise<void> {
    const script = this.#scripts.get(path);
    if (!script) throw new TandemError('ERR_SCRIPT', `the script ${path} is not loaded`);
    await script.call(call, tandem);
  }
}

export class ScriptShelf {
  readonly #root: string;
  readonly #loaders = new Map<string, ScriptLoader>();

  /** @param root folder of this package */
  constructor(root: string) {
    this.#root = root;
  }

  /** All that a configuration names, as they are now. @throws TandemError ERR_SCRIPT */
  async load(config: Pick<Config, 'routes' | 'menus'>): Promise<RouteScripts> {
    const scripts = new Map<string, Script>();
    for (const path of scriptsIn(config)) {
      const loader = this.#loaders.get(path) ?? new ScriptLoader(path, this.#root);
      this.#loaders.set(path, loader);
      scripts.set(path, await loader.load());
    }
    return new RouteScripts(scripts);
  }

  close(): void {
    for (const loader of this.#loaders.values()) loader.close();
  }
}

function scriptsIn({ routes, menus }: Pick<Config, 'routes' | 'menus'>): Set<string> {
  const found = new Set<string>();
  const look = (target: Target): void => {
    if (target.script !== undefined) found.add(target.script);
    for (const name of fallbackNames) if (target[name]) look(target[name]);
  };
  for (const { to } of routes) look(to);
  for (const { keys, end } of Object.values(menus))
    for (const action of [...Object.values(keys), end]) if (typeof action === 'object') look(action);
  return found;
}

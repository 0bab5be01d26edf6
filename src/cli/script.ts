/** Loading a user's script: its shapes, its errors in one line, and fresh copies for `--watch`. */
import { existsSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { basename, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { messageOf, TandemError } from '../base/errors.ts';
import { ownModule } from '../base/own-module.ts';
import type { DialogClientSession, DialogServerSession, Tandem } from '../index.ts';

/** What a script exports by default: a function is its `call`. */
export interface Script {
  call(call: DialogServerSession, tandem: Tandem): Promise<void> | void;
  /** Runs once when the server is up, for as long as it likes; calls come in meanwhile. */
  start?(tandem: Tandem): Promise<void> | void;
  /**
   * Goes on with a call that outlived a crash or a restart of the server; the call is hung up when it returns.
   * @param step the name of the step that was begun last
   */
  resume?(
    call: DialogServerSession | DialogClientSession,
    step: string | undefined,
    tandem: Tandem,
  ): Promise<void> | void;
  /** After the last call is over. */
  stop?(tandem: Tandem): Promise<void> | void;
}

const versionKey = 'tandem-version';

/** For any script, wherever it lies, these names mean this very package. */
const own: ReadonlyMap<string, string> = new Map([
  ['tandem', ownModule(import.meta.url, '../index').href],
  ['tandem/media', ownModule(import.meta.url, '../../media/index').href],
  ['tandem/testing', ownModule(import.meta.url, '../testing/index').href],
]);

/** Loads the same script again and again, each time from its present source, imports of its own included. */
export class ScriptLoader {
  readonly #path: string;
  readonly #name: string;
  readonly #ownRoot: string;
  readonly #hooks: { deregister(): void };
  /** The files of the script, other than packages. */
  readonly #files = new Set<string>();
  #version = 0;

  /** @param root the folder of this package: what lies in its sources is not loaded twice. */
  constructor(path: string, root: string) {
    this.#path = resolve(path);
    this.#name = basename(path);
    this.#ownRoot = pathToFileURL(root).href;
    this.#hooks = registerHooks({
      resolve: (specifier, context, next) => {
        const ours = own.get(specifier);
        if (ours !== undefined) return { url: ours, shortCircuit: true };
        const resolved = next(specifier, context);
        const version = versionOf(resolved.url) ?? (context.parentURL && versionOf(context.parentURL));
        if (!version || !this.#isScript(resolved.url)) return resolved;
        this.#files.add(fileURLToPath(resolved.url));
        // Where no package.json says what it is, TypeScript is a module: said here, Node.js need not guess and warn.
        const format = resolved.format ?? (/\.ts(\?|$)/.test(resolved.url) ? 'module-typescript' : undefined);
        return { ...resolved, format, url: versioned(resolved.url, version) };
      },
    });
  }

  get files(): ReadonlySet<string> {
    return this.#files;
  }

  /** @throws TandemError ERR_SCRIPT, whose one line says what is wrong and where. */
  async load(): Promise<Script> {
    if (!existsSync(this.#path)) throw new TandemError('ERR_SCRIPT', `there is no script ${this.#path}`);
    this.#files.add(this.#path);
    this.#version++;
    let module: { readonly default?: unknown };
    try {
      module = await import(versioned(pathToFileURL(this.#path).href, String(this.#version)));
    } catch (error) {
      throw new TandemError('ERR_SCRIPT', `${this.#name} cannot be loaded: ${placeOf(error)}${messageOf(error)}`, {
        cause: error,
      });
    }
    return scriptOf(module.default, this.#name);
  }

  close(): void {
    this.#hooks.deregister();
  }

  #isScript(url: string): boolean {
    if (!url.startsWith('file:') || url.includes('/node_modules/')) return false;
    return !['src', 'media', 'dist'].some((folder) => url.startsWith(`${this.#ownRoot}/${folder}/`));
  }
}

function scriptOf(exported: unknown, name: string): Script {
  if (typeof exported === 'function') return { call: exported as Script['call'] };
  if (exported === undefined)
    throw new TandemError('ERR_SCRIPT', `${name} has no default export: export default async (call, tandem) => { … }`);
  const script = exported as Script;
  if (typeof exported !== 'object' || exported === null || typeof script.call !== 'function')
    throw new TandemError('ERR_SCRIPT', `${name} must export a function by default, or an object with a call function`);
  for (const hook of ['start', 'resume', 'stop'] as const)
    if (script[hook] !== undefined && typeof script[hook] !== 'function')
      throw new TandemError('ERR_SCRIPT', `${name}: ${hook} is no function`);
  return script;
}

function versionOf(url: string): string | undefined {
  return url.startsWith('file:') ? (new URL(url).searchParams.get(versionKey) ?? undefined) : undefined;
}

function versioned(url: string, version: string): string {
  const result = new URL(url);
  result.searchParams.set(versionKey, version);
  return result.href;
}

/** Of a syntax error Node.js tells file and line only above the stack: `file:///…/ivr.ts?…:3`. */
function placeOf(error: unknown): string {
  if (!(error instanceof Error) || !error.stack) return '';
  const match = /^(?:file:\/\/)?(\/[^\n?]*)(?:\?[^\n:]*)?:(\d+)\n/.exec(error.stack);
  if (match) return `${basename(match[1] as string)}:${match[2]}: `;
  const thrown = /\n\s+at [^\n]*?file:\/\/[^\n]*?\/([^/\n?]+)(?:\?[^\n:]*)?:(\d+):\d+\)?/.exec(error.stack);
  return thrown && !('code' in error) ? `${thrown[1]}:${thrown[2]}: ` : '';
}

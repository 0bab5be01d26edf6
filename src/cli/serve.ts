/** `tandem serve <script>`: a user's script takes the calls. */
import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { LoadedConfig } from '../config/sources.ts';
import type { DialogServerSession, ResumeHandler, Tandem } from '../index.ts';
import { FileWatcher } from './file-watcher.ts';
import { Reloads } from './reload.ts';
import { type Script, ScriptLoader } from './script.ts';
import { type Application, runServer } from './server.ts';
import { loadSettings, type ServerFlags } from './settings.ts';
import { usersOf } from './users.ts';

export interface ServeOptions extends ServerFlags {
  readonly watch?: boolean;
}

export async function serve(path: string, options: ServeOptions, root: string): Promise<number> {
  const load = (): LoadedConfig => loadSettings(options);
  const reloads = new Reloads(load().config);
  const loader = new ScriptLoader(path, root);
  try {
    const script = await loader.load();
    return await runServer(reloads, load, usersOf(reloads), async (tandem, logger) => {
      const application = new ScriptApplication(loader, script, tandem, logger);
      if (options.watch) application.watch();
      return application;
    });
  } finally {
    loader.close();
  }
}

/** A loaded version of the script, and how many calls still run on it. */
interface Edition {
  readonly script: Script;
  calls: number;
  replaced: boolean;
}

class ScriptApplication implements Application {
  readonly #loader: ScriptLoader;
  readonly #tandem: Tandem;
  readonly #logger: Logger;
  readonly #watcher = new FileWatcher(() => void this.#reload());
  #edition: Edition;
  #reloading: Promise<void> = Promise.resolve();

  constructor(loader: ScriptLoader, script: Script, tandem: Tandem, logger: Logger) {
    this.#loader = loader;
    this.#tandem = tandem;
    this.#logger = logger;
    this.#edition = { script, calls: 0, replaced: false };
  }

  /** What the script does with calls of an earlier process; undefined: what Tandem does. */
  get resume(): ResumeHandler | undefined {
    const { resume } = this.#edition.script;
    return resume && ((call, step) => this.#run(async (script) => script.resume?.(call, step, this.#tandem)));
  }

  readonly handler = (call: DialogServerSession): Promise<void> =>
    this.#run(async (script) => script.call(call, this.#tandem));

  async #run(work: (script: Script) => Promise<void>): Promise<void> {
    const edition = this.#edition;
    edition.calls++;
    try {
      await work(edition.script);
    } finally {
      edition.calls--;
      if (edition.replaced) await this.#retire(edition);
    }
  }

  watch(): void {
    this.#watcher.add(this.#loader.files);
  }

  async start(): Promise<void> {
    await this.#edition.script.start?.(this.#tandem);
  }

  async stop(): Promise<void> {
    this.#watcher.close();
    await this.#reloading;
    await this.#edition.script.stop?.(this.#tandem);
  }

  /** New calls take the new file; a file that is broken changes nothing. One at a time. */
  #reload(): Promise<void> {
    this.#reloading = this.#reloading.then(async () => {
      try {
        const script = await this.#loader.load();
        const before = this.#edition;
        this.#edition = { script, calls: 0, replaced: false };
        before.replaced = true;
        this.#logger.info({}, 'the script changed: new calls take the new one');
        void this.#start(script);
        await this.#retire(before);
      } catch (error) {
        this.#logger.error({ error: messageOf(error) }, 'the changed script is not usable: the old one stays');
      }
      this.watch();
    });
    return this.#reloading;
  }

  async #start(script: Script): Promise<void> {
    try {
      await script.start?.(this.#tandem);
    } catch (error) {
      this.#logger.error({ error: messageOf(error) }, 'start of the changed script failed');
    }
  }

  async #retire(edition: Edition): Promise<void> {
    if (edition.calls > 0) return;
    try {
      await edition.script.stop?.(this.#tandem);
    } catch (error) {
      this.#logger.error({ error: messageOf(error) }, 'stop of the replaced script failed');
    }
  }
}

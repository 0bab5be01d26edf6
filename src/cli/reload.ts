/** `tandem reload`, and SIGHUP: the server takes over what can change in its configuration, and touches no call. */
import { messageOf, TandemError } from '../base/errors.ts';
import { type Logger, setLogLevel } from '../base/log.ts';
import type { Config } from '../config/schema.ts';
import type { LoadedConfig } from '../config/sources.ts';
import { resultOf } from '../control/binrpc/json.ts';
import { RpcFault } from '../control/rpc/fault.ts';
import type { RpcMethod } from '../control/rpc/methods.ts';
import type { Tandem } from '../index.ts';
import type { CertificateWatcher } from './certificates.ts';
import { changesOf, type Live } from './live.ts';
import { askFirst } from './rpc.ts';

export interface ReloadReport {
  /** Settings that changed. */
  readonly changed: readonly string[];
  /** Settings that differ from those of the file until the server is restarted. */
  readonly restart: readonly string[];
  readonly warnings: readonly string[];
}

export interface ReloadPorts {
  /** Reads the file again, with the flags and variables of the start. @throws ConfigError */
  readonly load: () => LoadedConfig;
  readonly tandem: Tandem;
  readonly logger: Logger;
  readonly certificates: Pick<CertificateWatcher, 'check' | 'configure'>;
  /** Makes ready what runs on the server. @returns how it is taken into use @throws TandemError */
  readonly prepare?: ((config: Config) => Promise<() => void>) | undefined;
}

/** The configuration in effect, and how it changes. */
export class Reloads implements Live {
  #config: Config;
  #running: Promise<unknown> = Promise.resolve();

  constructor(config: Config) {
    this.#config = config;
  }

  get config(): Config {
    return this.#config;
  }

  /**
   * One at a time. A file that is wrong changes nothing.
   * @throws ConfigError, and what else is wrong with what it names: a script, a certificate
   */
  reload(ports: ReloadPorts): Promise<ReloadReport> {
    const work = this.#running.then(() => this.#reload(ports));
    this.#running = work.catch(() => {});
    return work;
  }

  async #reload({ load, tandem, logger, certificates, prepare }: ReloadPorts): Promise<ReloadReport> {
    try {
      const { config: wanted, warnings } = load();
      const { live, restart, config } = changesOf(this.#config, wanted);
      certificates.check(config.tls);
      const adopt = await prepare?.(config);
      // From here on nothing is waited for: no call sees one half of it.
      const trunks = tandem.configureTrunks(config.trunks);
      trunks.catch((error: unknown) =>
        logger.error({ error: messageOf(error) }, 'trunks did not change as they should'),
      );
      adopt?.();
      certificates.configure(config.tls);
      setLogLevel(logger, config.log.level);
      this.#config = config;
      for (const warning of warnings) logger.warn({ warning }, 'the configuration may not be what was meant');
      logger.info({ changed: live, restart }, 'the configuration was read again');
      return { changed: live, restart, warnings };
    } catch (error) {
      logger.error({ error: messageOf(error) }, 'the configuration is not usable: the old one stays');
      throw error;
    }
  }
}

/** `core.reload` */
export function reloadCommands(reload: () => Promise<ReloadReport>): RpcMethod[] {
  return [
    {
      name: 'core.reload',
      help: 'Reads the configuration again; calls are not touched.',
      changes: true,
      run: async () => {
        try {
          const { changed, restart, warnings } = await reload();
          return { changed, restart, warnings };
        } catch (error) {
          throw error instanceof TandemError ? new RpcFault(400, error.message, error) : error;
        }
      },
    },
  ];
}

/** Asks a running server to read its configuration again. */
export async function reload({ server }: { readonly server?: string }): Promise<number> {
  const { answer } = await askFirst(server, process.env, 'core.reload', []);
  if ('fault' in answer) throw new TandemError('ERR_CONFIG', answer.fault.text);
  const { changed, restart, warnings } = resultOf('core.reload', answer.records) as unknown as ReloadReport;
  process.stdout.write(changed.length > 0 ? `changed: ${changed.join(', ')}\n` : 'nothing has changed\n');
  if (restart.length > 0) process.stdout.write(`needs a restart: ${restart.join(', ')}\n`);
  for (const warning of warnings) process.stderr.write(`tandem: ${warning}\n`);
  return 0;
}

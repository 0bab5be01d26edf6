/** What `serve` and `ivr` share: a Tandem made of settings, its check socket, and an orderly end. */
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, TandemError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { nodeClock } from '../base/node.ts';
import { listenersOf, pagesOf } from '../config/listeners.ts';
import type { Config } from '../config/schema.ts';
import type { LoadedConfig } from '../config/sources.ts';
import { Console } from '../console/console.ts';
import { RecentCdrs } from '../console/finished.ts';
import type { PhoneConfigOptions } from '../console/phone-config.ts';
import { openSite } from '../console/site.ts';
import { traceCommands } from '../control/commands/trace.ts';
import { EventLog } from '../control/events/log.ts';
import {
  type CallHandler,
  type Cdr,
  type CdrOptions,
  type Control,
  createLogger,
  type Http,
  openControl,
  openHttp,
  pbxCommands,
  type RemoteControl,
  type ResumeHandler,
  RpcMethods,
  registryCommands,
  remoteControl,
  Tandem,
  type TandemOptions,
  type TlsServerOptions,
} from '../index.ts';
import { logCalls } from './call-log.ts';
import { CertificateWatcher, clientTls, serverTls } from './certificates.ts';
import { processReport } from './check.ts';
import { type CheckSocket, openCheckSocket } from './check-socket.ts';
import type { Live } from './live.ts';
import { keyringOfConfig, recordingsOptions } from './recordings-options.ts';
import { registryOptions, warnOfUnused } from './registry-options.ts';
import { type ReloadReport, type Reloads, reloadCommands } from './reload.ts';
import { Restarts, restartCommands } from './restart.ts';
import { storeOptions } from './store-options.ts';
import { awaitTurn, isSuccessor, isSupervised } from './successor.ts';
import { openTelemetry } from './telemetry.ts';
import {
  type Entrance,
  keptCertificate,
  printAddresses,
  strangersToken,
  type WebPort,
  webPort,
  withEntrance,
} from './web.ts';

/** What runs on the server. */
export interface Application {
  readonly handler: CallHandler;
  /** Goes on with calls of an earlier process. */
  readonly resume?: ResumeHandler | undefined;
  /** Runs once when the server is up, for as long as it likes; if it fails, the server ends. */
  start?(): Promise<void>;
  /** After the last call is over. */
  stop?(): Promise<void>;
  /** Makes ready for another configuration. @returns how it is taken into use @throws TandemError */
  prepare?(config: Config): Promise<() => void>;
}

/**
 * Runs until SIGTERM or SIGINT; then calls end, at the latest after `drainTimeout`. SIGQUIT leaves them in the journal.
 * @param reloads the configuration in effect
 * @param load reads it again
 * @param options who may call and register
 * @returns the exit status.
 */
export async function runServer(
  reloads: Reloads,
  load: () => LoadedConfig,
  options: Pick<TandemOptions, 'auth' | 'registrar'>,
  make: (tandem: Tandem, logger: Logger) => Promise<Application>,
): Promise<number> {
  const { config } = reloads;
  const logger = createLogger(config.log.level, true);
  warnOfUnused(config.registry, logger);
  const signals = listenForSignals();
  const stopLogging = logStrayErrors(logger);
  const tls = serverTls(config.tls) ?? (config.http.tls ? madeTls(config) : undefined);
  const web = webPort(config, tls, () => pagesOf(reloads.config));
  const ports: WebPorts = { web, entrance: { take: undefined }, recent: new RecentCdrs() };
  const telemetry = openTelemetry(config, logger);
  const tandem = createTandem(
    reloads,
    { ...options, ...(telemetry && { telemetry: telemetry.options }) },
    tls,
    ports,
    logger,
  );
  // What is wrong with it is told by `serveBackground`.
  tandem.prepare().catch(() => {});
  const stopCallLog = logCalls(tandem.registry, logger);
  const certificates = new CertificateWatcher(config.tls, tandem, logger);
  let prepare: Application['prepare'];
  const reload = (): Promise<ReloadReport> =>
    reloads.reload({ load, tandem, logger, certificates, prepare: (next) => prepare?.(next) ?? nothing });
  let socket: CheckSocket | undefined;
  let control: Control | undefined;
  let http: Http | undefined;
  let remote: RemoteControl | undefined;
  const openServices = async (): Promise<void> => {
    const folder = writeFolder(config);
    if (folder !== undefined)
      await mkdir(folder, { recursive: true, mode: 0o700 }).catch((error: unknown) =>
        logger.warn({ folder, error: messageOf(error) }, 'nothing can be recorded by command: control.writeFolder'),
      );
    const methods = methodsOf(config, tandem, logger);
    const { grace, whenLost, soundFolder } = config.remote;
    const { announce: announcement } = config.recordings;
    const record = { writeFolder: writeFolder(config), announcement };
    remote = remoteControl(tandem, { grace, whenLost, soundFolder, ...record, logger });
    methods.add(
      ...traceCommands(tandem),
      ...remote.methods,
      ...restartCommands(() => signals.onRestart()),
      ...reloadCommands(reload),
    );
    control = await openControl({ listen: controlAddresses(config), methods, logger });
    if (config.http.listen !== 'none') http = await openWeb(config, tandem, { methods, remote }, ports, logger);
  };
  try {
    // Calls go on before anything else is done; where there are none, what is wrong with the settings is found first.
    const callsFirst = isSuccessor() || existsSync(join(config.recovery.path, 'journal'));
    if (!callsFirst) await openServices();
    const application = await make(tandem, logger);
    prepare = application.prepare?.bind(application);
    // What is wrong is in the log; and certificates that have become old are another matter.
    signals.onHangup = () => void reload().catch(() => certificates.reload());
    if (isSuccessor()) {
      await tandem.prepare();
      await awaitTurn();
    }
    const { handler, resume } = application;
    await tandem.serveBackground(handler, resume ? { resume } : {});
    if (callsFirst) await openServices().catch((error: unknown) => stepAside(tandem, error));
    if (config.socket !== 'none')
      socket = await openCheckSocket(config.socket, async () => ({
        ...(await tandem.check()),
        process: processReport(),
      }));
    for (const { transport, host, port, receiveBuffer } of tandem.listeners)
      logger.info({ transport, host, port, receiveBuffer }, 'listening');
    logger.info({ control: control?.addresses }, 'commands are heard');
    if (http) {
      logger.info(http.address, 'listening for HTTP');
      printAddresses(http.address, web && tandem.listeners.at(-1));
    }
    const { hashSize, defaultTimeout, profilesWithValue, profilesNoValue } = tandem.registry.settings;
    logger.info({ hashSize, defaultTimeout, profilesWithValue, profilesNoValue }, 'dialog registry');
    const { store } = tandem;
    logger.info(store ? { store: store.health.url, mode: store.health.mode } : { store: 'none' }, 'database');

    const failed = Promise.withResolvers<never>();
    application.start?.().catch(failed.reject);
    const restarts = new Restarts(tandem, config.recovery.path, logger);
    signals.onRestart = () => restarts.ask();
    const signal = await Promise.race([signals.first, failed.promise]);
    restarts.close();
    failed.promise.catch((error: unknown) => logger.info({ error: messageOf(error) }, 'start ended with the server'));
    if (signal === 'SIGQUIT' && (await leaveCalls(tandem, logger))) return 0;
    const { drainTimeout } = reloads.config;
    logger.info({ signal, drainTimeout }, 'draining: no new calls, running ones may end');
    await tandem.drain({ timeout: drainTimeout });
    await application.stop?.();
    return 0;
  } catch (error) {
    throw withFlag(error);
  } finally {
    await control?.close();
    await socket?.close();
    await http?.close();
    remote?.close();
    await tandem.close();
    await telemetry?.close();
    stopCallLog();
    certificates.close();
    signals.close();
    stopLogging();
  }
}

/** The server cannot stay: its calls are left to the next one, which can. @throws error */
async function stepAside(tandem: Tandem, error: unknown): Promise<never> {
  await tandem.handOver({ patience: 0 });
  throw error;
}

/** Whether the calls wait in the journal for a next server in this place, as in the container that is started next. */
async function leaveCalls(tandem: Tandem, logger: Logger): Promise<boolean> {
  try {
    const calls = await tandem.handOver();
    logger.info({ calls }, 'the calls are left to the server that is started next');
    return true;
  } catch (error) {
    logger.error({ error: messageOf(error), err: error }, 'the calls cannot go on elsewhere');
    return false;
  }
}
/** Takes nothing over. */
const nothing = Promise.resolve(() => {});

/** Where SIP, HTTP and the console meet. */
interface WebPorts {
  readonly web: WebPort | undefined;
  readonly entrance: Entrance;
  readonly recent: RecentCdrs;
}

function createTandem(
  live: Live,
  options: Pick<TandemOptions, 'auth' | 'registrar' | 'telemetry'>,
  tls: TlsServerOptions | undefined,
  { web, entrance, recent }: WebPorts,
  logger: Logger,
): Tandem {
  const { config } = live;
  const { enabled, ...defence } = config.defence;
  const recordings = recordingsOptions(config);
  return new Tandem({
    ...options,
    transports: withEntrance(
      [...listenersOf(config, tls, () => pagesOf(live.config)), ...(web ? [web.transport] : [])],
      entrance,
    ),
    tls: clientTls(config.tls),
    media: config.media,
    trunks: config.trunks,
    registry: registryOptions(config.registry),
    ...storeOptions(config.store),
    ...recoveryOf(config),
    ...(recordings ? { recordings } : {}),
    cdr: cdrOf(config, recent),
    userAgent: config.userAgent,
    defence: enabled && defence,
    admission: config.admission,
    trace: config.trace,
    transfer: config.transfer,
    replaces: config.replaces,
    dtmf: config.dtmf,
    dialogEvents: config.dialogEvents,
    reliable: config.reliable,
    sessionTimers: config.sessionTimers,
    logger,
  });
}

async function openWeb(
  config: Config,
  tandem: Tandem,
  { methods, remote }: { methods: RpcMethods; remote: RemoteControl },
  { web, entrance, recent }: WebPorts,
  logger: Logger,
): Promise<Http> {
  const log = new EventLog(nodeClock);
  const console = new Console({
    subject: tandem,
    recent,
    log,
    clock: nodeClock,
    logger,
    keyring: keyringOfConfig(config),
  });
  const site = await openSite({ phone: phoneOptions(config, tandem), console });
  try {
    return await openHttp(
      { tandem, registry: tandem.registry, methods, remote },
      {
        ...{ ...config.http, logger, site, log, strangersToken: strangersToken(config) },
        doors: web ? [web.door] : [],
        sip: entrance,
      },
    );
  } catch (error) {
    site.close();
    throw error;
  }
}

function madeTls({ http, externalHost }: Config): TlsServerOptions {
  return keptCertificate(http.tlsFolder, externalHost);
}

function phoneOptions({ webrtc, registrar, externalHost }: Config, tandem: Tandem): PhoneConfigOptions {
  return {
    ...webrtc,
    domain: registrar.domains?.[0] ?? externalHost,
    clock: nodeClock,
    listeners: () => tandem.listeners,
  };
}

function cdrOf({ cdr: { file, webhook } }: Config, recent: RecentCdrs): CdrOptions {
  const console = { name: 'console', send: async (cdr: Cdr) => recent.add(cdr) };
  return { ...(file === 'none' ? {} : { file }), ...(webhook ? { webhook } : {}), sinks: [console] };
}

function recoveryOf({ recovery: { path, encryptionKey, fsync } }: Config): Pick<TandemOptions, 'recovery'> {
  if (path === 'none') return {};
  return { recovery: { path, fsync, ...(encryptionKey === undefined ? {} : { encryptionKey }) } };
}

function methodsOf(config: Config, tandem: Tandem, logger: Logger): RpcMethods {
  const { registry, registrar } = tandem;
  const methods = new RpcMethods(logger);
  methods.add(
    ...registryCommands({
      registry,
      registrar,
      logger,
      writeFolder: writeFolder(config),
      soundFolder: config.remote.soundFolder,
    }),
    ...pbxCommands(tandem),
  );
  return methods;
}

function writeFolder({ control }: Config): string | undefined {
  return control.writeFolder === 'none' ? undefined : control.writeFolder;
}

function controlAddresses({ control: { path, listen } }: Config): string[] {
  return path === 'none' ? listen : [path, ...listen];
}

const flagFor: Readonly<Record<string, string>> = {
  ERR_PORT_IN_USE: '--listen',
  ERR_LISTEN: '--listen',
  ERR_RTP_PORTS_IN_USE: '--rtp-ports',
  ERR_JOURNAL_IN_USE: '--recovery',
  ERR_SOCKET_IN_USE: '--socket',
  ERR_SOCKET: '--socket',
  ERR_STORE: '--store',
};

/** Where a service says of its errors that they are its own. */
const serviceFlag: Readonly<Record<string, string>> = { control: '--control', http: '--http' };

/** Says which flag changes what is in the way. */
function withFlag(error: unknown): unknown {
  if (!(error instanceof TandemError)) return error;
  const flag = serviceFlag[String(error.facts.service)] ?? flagFor[error.code];
  if (!flag) return error;
  return new TandemError(error.code, `${error.message}: choose another with ${flag}`, { cause: error });
}

/** A script's floating promise must not take the server and everybody's calls with it. */
function logStrayErrors(logger: Logger): () => void {
  const onRejection = (reason: unknown): void =>
    logger.error({ error: messageOf(reason), err: reason }, 'a promise was rejected that nobody awaits');
  process.on('unhandledRejection', onRejection);
  return () => process.off('unhandledRejection', onRejection);
}

interface ServerSignals {
  readonly first: Promise<NodeJS.Signals>;
  onHangup: () => void;
  onRestart: () => void;
  close(): void;
}

/**
 * SIGTERM or SIGINT asks for a drain, SIGQUIT to leave the calls to a next server; the second one ends the process at
 * once. SIGHUP is `onHangup`, SIGUSR2 `onRestart`.
 */
function listenForSignals(): ServerSignals {
  const first = Promise.withResolvers<NodeJS.Signals>();
  // The supervisor passes on what a terminal sends to this process as well, ms apart.
  const sameSignalMs = isSupervised() ? 500 : 0;
  let askedAt: number | undefined;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (askedAt !== undefined && performance.now() - askedAt > sameSignalMs) process.exit(1);
    askedAt ??= performance.now();
    first.resolve(signal);
  };
  const onHangup = (): void => signals.onHangup();
  const onRestart = (): void => signals.onRestart();
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  process.on('SIGQUIT', onSignal);
  process.on('SIGHUP', onHangup);
  process.on('SIGUSR2', onRestart);
  const signals: ServerSignals = {
    first: first.promise,
    onHangup: () => {},
    onRestart: () => {},
    close: () => {
      process.off('SIGHUP', onHangup);
      process.off('SIGUSR2', onRestart);
      process.off('SIGTERM', onSignal);
      process.off('SIGINT', onSignal);
      process.off('SIGQUIT', onSignal);
    },
  };
  return signals;
}
